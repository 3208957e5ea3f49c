"""Ranges of days in a question: "last week", "since Monday", "in April", "between 1 and 5 May", "the next 3 days"."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from exponential.workspace.text import dates, days, times

Range = tuple[date | None, date | None]

_MONTH = r"(?P<month>january|february|march|april|may|june|july|august|september|october|november|december)"
_COUNT = r"(?P<number>\d{1,3}|two|three|four|five|six|seven|ten|couple\s+of|few)"
_NAMED = re.compile(
    r"\b(?:(?:with|and|in|over|during|from|for|this|vs\.?|versus|than|to)\s+)?(?:the\s+)?"
    r"(?:(?P<which>last|past|previous|this|next|coming)\s+(?P<unit>week(?:end)?|month|year|quarter)"
    r"|(?P<day>yesterday))(?:['’]s)?\b",
    re.IGNORECASE,
)
_LAST_DAYS = re.compile(
    rf"\b(?:(?:in|over|during|for|from|within)\s+)?(?:the\s+)?(?P<way>last|past|previous|next|coming)\s+{_COUNT}\s+"
    r"(?P<unit>days?|weeks?|months?)\b",
    re.IGNORECASE,
)
_IN_MONTH = re.compile(
    rf"(?<!\d\s)\b(?:in|during|for|of|with|to|and|than|vs\.?|versus|from)\s+(?:in\s+)?{_MONTH}(?:\s+(?P<year>20\d\d))?\b"
    r"(?!\s+(?:the\s+)?\d)",
    re.I,
)
_BETWEEN = re.compile(
    r"\b(?:(?:between|from)\s+)(?P<first>.+?)\s+(?:and|to|until|till|through)\s+(?P<last>.+)$", re.IGNORECASE
)
_SINCE = re.compile(r"\b(?:ever\s+)?(?P<word>since|after|from)\s+(?P<when>.+)$", re.IGNORECASE)
_UNTIL = re.compile(
    r"\b(?P<word>on\s+or\s+before|before|by|until|till|up\s+to(?:\s+and\s+including)?|no\s+later\s+than)\s+(?P<when>.+)$",
    re.IGNORECASE,
)
_EDGE = re.compile(r"(?:the\s+)?(?:very\s+)?(?P<edge>start|beginning|end)\s+of\s+(?P<of>.+)", re.IGNORECASE)
_BEFORE_LAST = re.compile(
    r"\b(?:(?:in|during|from|for|on)\s+)?the\s+(?P<unit>week|month|year|day|weekend)\s+(?P<way>before\s+(?:last|yesterday)|after\s+next)\b",
    re.IGNORECASE,
)
_QUARTER = re.compile(
    r"\b(?:(?:in|during|for|of|from|than|and|or|with|to|vs\.?)\s+)?(?:q(?P<number>[1-4])|(?:the\s+)?(?P<word>first|second|third|fourth)\s+quarter)"
    r"(?:\s+(?:of\s+)?(?P<year>20\d\d|this\s+year|last\s+year))?(?=\s*[?.!,]*$|\s+(?:than|vs|versus|and|or|compared|to|with|in|for)\b)",
    re.IGNORECASE,
)
_PART = re.compile(
    r"\b(?:(?:in|during|for|of|from)\s+)?the\s+(?P<which>first|second|last)\s+(?P<part>half|week)\s+of\s+(?P<of>(?:(?:the|this|next|last)\s+)?[a-z]+)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\b(?P<word>since|after|before|until|till)\s+(?P<of>(?:last|past|previous|this|next|coming)\s+(?:week(?:end)?|month|year|quarter))\b",
    re.IGNORECASE,
)
_TO_EDGE = re.compile(
    r"\b(?P<word>since|from|after|until|till|before|by)\s+(?P<when>(?:the\s+)?(?:very\s+)?(?:start|beginning|end)\s+of\s+(?:(?:the|this|next|last|coming)\s+)?"
    r"[a-z]+)\b",
    re.IGNORECASE,
)
_NUMBERS = {"couple of": 2, "few": 3}


def take(text: str, now: datetime, *, ahead: bool = False) -> tuple[str, Range | None]:
    """The question without its first range, and the range: first and last day, None where it is open.

    `ahead`: it is about what is to come, so that "in June" is the June ahead.
    """
    today = now.date()
    text = times.without_closing(text)  # "the first of May" is no month
    between = _BETWEEN.search(text)
    if between is not None and (range_ := _between(between, now, ahead=ahead)) is not None:
        return text[: between.start()].strip(), range_
    part = _PART.search(text)
    if part is not None and (range_ := _part(part, now, ahead=ahead)) is not None:
        return f"{text[: part.start()].rstrip()} {text[part.end() :].lstrip()}".strip(), range_
    edge = _TO_EDGE.search(text)
    if edge is not None and (day := day_of(edge["when"], now, past=not ahead)) is not None:
        left = f"{text[: edge.start()].rstrip()} {text[edge.end() :].lstrip()}".strip()
        since = edge["word"].lower() in ("since", "from", "after")
        return left, (day, None if ahead else today) if since else (None, day)
    side = _BESIDE.search(text)
    if side is not None and (whole := _NAMED.fullmatch(side["of"])) is not None:
        (first, last), word = _named(whole, today), side["word"].lower()
        left = f"{text[: side.start()].rstrip()} {text[side.end() :].lstrip()}".strip()
        if word == "after" and last is not None:
            return left, (last + timedelta(days=1), None if ahead else today)
        if word == "before" and first is not None:
            return left, (None, first - timedelta(days=1))
        return left, (first, None if ahead else today) if word in ("since", "after") else (None, last)
    found = [
        (match.start(), match, read)
        for pattern, read in (
            (_LAST_DAYS, _last_days),
            (_BEFORE_LAST, _before_last),
            (_NAMED, _named),
            (_QUARTER, _quarter),
            (_IN_MONTH, _month),
        )
        if (match := pattern.search(text)) is not None
    ]
    if found:
        _, match, read = min(found, key=lambda item: item[0])
        left = f"{text[: match.start()].rstrip()} {text[match.end() :].lstrip()}".strip()
        return left, _month(match, today, ahead=ahead) if read is _month else read(match, today)
    for match in _each(_SINCE, text):
        if (day := day_of(match["when"], now, past=not ahead)) is not None:
            after = match["word"].lower() == "after"
            return text[: match.start()].strip(), (day + timedelta(days=1 if after else 0), None if ahead else today)
    for match in _each(_UNTIL, text):
        if (day := day_of(match["when"], now, past=False)) is not None:
            before = match["word"].lower() == "before" and not _is_month(match["when"])
            return text[: match.start()].strip(), (None, day - timedelta(days=1) if before else day)
    return text, None


def _each(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Where it begins to match, the first places first: of "from guests since Monday" the second is the range."""
    match = pattern.search(text)
    for _ in range(3):
        if match is None:
            return
        yield match
        match = pattern.search(text, match.end("word"))


def _is_month(words: str) -> bool:
    return bool(re.fullmatch(rf"{_MONTH}|(?:(?:the|my|this)\s+)?weekend", words.strip(" ?.!"), re.IGNORECASE))


def _between(match: re.Match[str], now: datetime, *, ahead: bool) -> Range | None:
    first_words, last_words = match["first"].strip(), match["last"].strip(" ?.!")
    if re.fullmatch(r"(?:the\s+)?\d{1,2}(?:st|nd|rd|th)?", first_words):  # between 1 and 5 May
        month = re.search(r"\b(?:of\s+)?([a-z]{3,9})$", last_words, re.IGNORECASE)
        first_words = f"{first_words} {month[1]}" if month else first_words
    week = re.search(r"\s+(?:of\s+)?(?P<which>this|next|last)\s+week$", last_words, re.IGNORECASE)
    if week is not None:
        return _in_week(
            first_words, last_words[: week.start()], {"this": 0, "next": 1, "last": -1}[week["which"].lower()], now
        )
    last = day_of(last_words, now, past=not ahead)
    first = now.date() if first_words.lower() in ("now", "today") else day_of(first_words, now, past=not ahead)
    if first is None or last is None:
        return None
    if ahead and last < first:
        last += timedelta(days=7)
    if not ahead and first > last:
        last, first = first, last
    return first, last


def _in_week(first: str, last: str, step: int, now: datetime) -> Range | None:
    """Monday and Wednesday of a week."""
    places = [
        next((n for n, name in enumerate(days.WEEKDAYS) if words.lower().startswith(name[:3])), None)
        for words in (first, last)
    ]
    begin, end = places
    if begin is None or end is None:
        return None
    return days.from_monday(now.date(), step, begin), days.from_monday(now.date(), step, end)


def day_of(words: str, now: datetime, *, past: bool) -> date | None:
    """The day that the words name: the last such one if `past`, else the next."""
    edge = _EDGE.fullmatch(words.strip(" ?.!"))
    if edge is not None:
        return _edge(edge, now, past=past)
    words = re.sub(r"^(?:last|this|past|the\s+day)\s+", "", words.strip(" ?.!"), flags=re.IGNORECASE)
    if words.lower() == "yesterday":
        return now.date() - timedelta(days=1)
    if words.lower().split()[-1:] == ["weekend"]:
        return days.from_monday(now.date(), now.weekday() > 4, 4)
    if _is_month(words):
        first = days.coming_month(words, now.date())
        return days.add_months(first, -12) if past and first > now.date() else first if past else first - timedelta(1)
    left, due = dates.extract(f"on {words}", now)
    if due is None or left.strip(" ?.!") not in ("", "on"):
        return None
    day = due.date() if isinstance(due, datetime) else due
    if past and now.date() < day <= now.date() + timedelta(days=7):
        return day - timedelta(days=7)
    return day.replace(year=day.year - 1) if past and day > now.date() + timedelta(days=60) and day.month != 2 else day


def _edge(match: re.Match[str], now: datetime, *, past: bool) -> date | None:
    """The first or last day of what is named: "the start of April", "the end of next week"."""
    named, words = _NAMED.fullmatch(match["of"]), f"in {match['of']}"
    month = _IN_MONTH.fullmatch(words)
    if named is not None:
        range_ = _named(named, now.date())
    elif month is not None:
        range_ = _month(month, now.date(), ahead=not past)
    else:
        unit = re.sub(r"^the\s+", "this ", match["of"], flags=re.IGNORECASE)
        named = _NAMED.fullmatch(unit)
        if named is None:
            return None
        range_ = _named(named, now.date())
    return range_[1 if match["edge"].lower() == "end" else 0]


def _part(match: re.Match[str], now: datetime, *, ahead: bool) -> Range | None:
    """A half, or the first or last seven days, of a month."""
    first, last = (day_of(f"the {edge} of {match['of']}", now, past=not ahead) for edge in ("start", "end"))
    if first is None or last is None:
        return None
    length = ((last - first).days - 1) // 2 if match["part"].lower() == "half" else 6
    if match["which"].lower() == "first":
        return first, first + timedelta(days=length)
    if match["which"].lower() == "second" and match["part"].lower() == "week":
        return first + timedelta(days=7), first + timedelta(days=13)
    return (first + timedelta(days=length + 1) if match["part"].lower() == "half" else last - timedelta(days=6)), last


def _last_days(match: re.Match[str], today: date) -> Range:
    word = " ".join(match["number"].lower().split())
    number = _NUMBERS.get(word) or days.NUMBERS.get(word) or int(word)
    coming = match["way"].lower() in ("next", "coming")
    if match["unit"].lower().startswith("month"):
        edge = days.add_months(today, number if coming else -number)
    else:
        span = timedelta(days=number * (7 if match["unit"].lower().startswith("week") else 1))
        edge = today + span if coming else today - span
    return (today, edge) if coming else (edge, today)


def _before_last(match: re.Match[str], today: date) -> Range:
    unit, after = match["unit"].lower(), match["way"].lower().startswith("after")
    if unit == "day":
        return today - timedelta(days=2), today - timedelta(days=2)
    step = 2 if after else -2
    if unit in ("week", "weekend"):
        first = days.from_monday(today, step, 5 if unit == "weekend" else 0)
        return first, first + timedelta(days=1 if unit == "weekend" else 6)
    if unit == "year":
        return date(today.year + step, 1, 1), date(today.year + step, 12, 31)
    first = days.add_months(today.replace(day=1), step)
    return first, days.add_months(first, 1) - timedelta(days=1)


def _quarter(match: re.Match[str], today: date) -> Range:
    words = {"first": 1, "second": 2, "third": 3, "fourth": 4}
    number = int(match["number"] or words[match["word"].lower()])
    year = match["year"] or "this year"
    first = date(int(year) if year.isdigit() else today.year - year.lower().startswith("last"), number * 3 - 2, 1)
    return first, days.add_months(first, 3) - timedelta(days=1)


def _named(match: re.Match[str], today: date) -> Range:
    if match["day"]:
        return today - timedelta(days=1), today - timedelta(days=1)
    which = match["which"].lower()
    step = {"last": -1, "past": -1, "previous": -1, "this": 0}.get(which, 1)
    unit = match["unit"].lower()
    if unit == "weekend":
        saturday = days.from_monday(today, step, 5)
        return saturday, saturday + timedelta(days=1)
    if unit == "week":
        monday = days.from_monday(today, step, 0)
        return monday, monday + timedelta(days=6)
    if unit == "year":
        return date(today.year + step, 1, 1), date(today.year + step, 12, 31)
    months = 3 if unit == "quarter" else 1
    first = today.replace(day=1, month=(today.month - 1) // months * months + 1)
    first = days.add_months(first, step * months)
    return first, days.add_months(first, months) - timedelta(days=1)


def _month(match: re.Match[str], today: date, *, ahead: bool = False) -> Range:
    first = days.coming_month(match["month"], today)
    if match["year"]:
        first = first.replace(year=int(match["year"]))
    elif not ahead and first > today:
        first = first.replace(year=first.year - 1)
    return first, days.add_months(first, 1) - timedelta(days=1)
