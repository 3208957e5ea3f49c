"""The days that a question is about: "last week", "since Monday", "in April", "between 1 and 5 May"."""

import re
from datetime import date, datetime, timedelta

from exponential.workspace.text import dates, days

Period = tuple[date | None, date | None]  # first and last day; None where it is open
_MONTH = days.MONTH.replace("?P<month>", "?:")
_NAMED = r"(?:last|past|previous|this|next|coming|current) (?:week(?:end)?|month|quarter|year)"
_SPAN = re.compile(
    rf"\b(?:(?P<side>since|from|after|before|until|by|through) )?(?:(?:in|over|during|for|of|within|on) )?(?:the )?"
    rf"(?:(?P<named>{_NAMED})(?:'s)?|(?P<yesterday>(?:day before )?yesterday)(?:'s)?"
    r"|(?P<way>last|past|previous|next|coming) (?P<count>\d{1,3}|two|three|four|five|six|seven|ten|couple of"
    r"|few) (?P<unit>days?|weeks?|months?)"
    rf"|(?<=\bin )(?P<month>{_MONTH})(?: (?P<year>20\d\d))?(?! \d)|q(?P<quarter>[1-4])(?: (?P<qyear>20\d\d))?)(?!\w)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"\b(?:between|from) (?P<first>.{1,30}?) (?:and|to|until|through) (?P<last>.{1,30})$", re.IGNORECASE
)
_SIDE = re.compile(r"\b(?P<side>since|from|after|before|until|by|up to) (?P<day>.{1,30})$", re.IGNORECASE)
_DAY = re.compile(
    rf"\b(?:on )?(?:last )?(?P<day>(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:the )?\d{{1,2}}(?:st|nd|rd"
    rf"|th)?(?: of)? {_MONTH}|{_MONTH} \d{{1,2}}|today)(?!\w)", re.IGNORECASE)  # fmt: skip


def take(words: str, now: datetime, *, past: bool) -> tuple[str, Period | None]:
    """The words without their first period, and that. `past`: of what is over, so that "on Monday" is the last one."""
    today = now.date()
    match = _SPAN.search(words)
    if match is not None:
        first, last = _span(match, today, past=past)
        side = (match["side"] or "").lower()
        if side in ("since", "after"):
            first, last = last + timedelta(days=1) if side == "after" else first, today if past else None  # type: ignore[assignment]
        elif side in ("before", "until", "by", "through"):
            first, last = None, first - timedelta(days=1) if side == "before" else last  # type: ignore[assignment]
        return _without(words, match), (first, last)
    between = _BETWEEN.search(words)
    if between is not None:
        ends = _pair(between["first"], between["last"], now, past=past)
        if ends is not None:
            return _without(words, between), ends
    side_match = _SIDE.search(words)
    if side_match is not None and (day := day_of(side_match["day"], now, past=past)) is not None:
        side = side_match["side"].lower()
        if side in ("since", "from", "after"):
            return _without(words, side_match), (day + timedelta(days=side == "after"), today if past else None)
        return _without(words, side_match), (None, day - timedelta(days=side == "before"))
    if past and (one := _DAY.search(words)) is not None and (day := day_of(one["day"], now, past=True)) is not None:
        return _without(words, one), (day, day)
    return words, None


def as_args(period: Period | None) -> dict[str, str]:
    """A period as arguments of a tool."""
    first, last = period or (None, None)
    return ({"since": first.isoformat()} if first else {}) | ({"until": last.isoformat()} if last else {})


def day_of(words: str, now: datetime, *, past: bool) -> date | None:
    """The day that the words name and nothing else: the last such one if `past`, else the next."""
    words = re.sub(r"^(?:last|the) ", "", words.strip(" ?.!"), flags=re.IGNORECASE)
    if not words:
        return None
    if words.lower() in ("yesterday", "today", "now"):
        return now.date() - timedelta(days=words.lower() == "yesterday")
    left, due = dates.extract(f"on the {words}" if words[0].isdigit() else f"on {words}", now)
    if due is None or left.strip(" ?.!").lower() not in ("", "on"):
        left, due = dates.extract(words, now)
    if due is None or left.strip(" ?.!"):
        return None
    day = due.date() if isinstance(due, datetime) else due
    if not past or day <= now.date():
        return day
    weekday = re.fullmatch(r"(?:mon|tue|wed|thu|fri|sat|sun)\w*", words, re.IGNORECASE)
    return (
        day - timedelta(days=7) if weekday else days.add_months(day, -12 if re.search("[a-z]{3}", words, re.I) else -1)
    )


def _pair(first: str, last: str, now: datetime, *, past: bool) -> Period | None:
    end = day_of(last, now, past=past)
    month = re.search(r"(?<![a-z])[a-z]{3,}$", last.strip(), re.IGNORECASE)
    begin = day_of(first, now, past=past) or (day_of(f"{first} {month[0]}", now, past=past) if month else None)
    if begin is None or end is None:
        return None
    if end < begin and not past:
        end += timedelta(days=7)
    return min(begin, end), max(begin, end)


def _span(match: re.Match[str], today: date, *, past: bool) -> tuple[date, date]:
    if match["yesterday"]:
        day = today - timedelta(days=2 if "before" in match["yesterday"].lower() else 1)
        return day, day
    if match["named"]:
        which, unit = match["named"].lower().split()
        return _named({"this": 0, "current": 0, "next": 1, "coming": 1}.get(which, -1), unit, today)
    if match["count"]:
        word = match["count"].lower()
        number = {"couple of": 2, "few": 3}.get(word) or days.NUMBERS.get(word) or int(word)
        number = number if match["way"].lower() in ("next", "coming") else -number
        unit = match["unit"].lower()[0]
        edge = (
            days.add_months(today, number)
            if unit == "m"
            else today + timedelta(days=number * (7 if unit == "w" else 1))
        )
        return min(edge, today), max(edge, today)
    if match["month"]:
        first = days.coming_month(match["month"], today)
        if match["year"]:
            first = first.replace(year=int(match["year"]))
        elif past and first > today:
            first = first.replace(year=first.year - 1)
        return first, days.last_of(first)
    first = date(int(match["qyear"] or today.year), int(match["quarter"]) * 3 - 2, 1)
    return first, days.add_months(first, 3) - timedelta(days=1)


def _named(step: int, unit: str, today: date) -> tuple[date, date]:
    if unit == "weekend":
        saturday = days.from_monday(today, step, 5)
        return saturday, saturday + timedelta(days=1)
    if unit == "week":
        monday = days.from_monday(today, step, 0)
        return monday, monday + timedelta(days=6)
    if unit == "year":
        return date(today.year + step, 1, 1), date(today.year + step, 12, 31)
    months = 3 if unit == "quarter" else 1
    first = days.add_months(today.replace(day=1, month=(today.month - 1) // months * months + 1), step * months)
    return first, days.add_months(first, months) - timedelta(days=1)


def _without(words: str, match: re.Match[str]) -> str:
    return " ".join(f"{words[: match.start()]} {words[match.end() :]}".split()).strip(" ,")
