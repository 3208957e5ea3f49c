"""Finding the date and time in an English request: `extract` returns the request without them, and when it is due."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}
_PARTS_OF_DAY = {"morning": time(9), "noon": time(12), "afternoon": time(15), "evening": time(19), "night": time(20)}

_BEFORE = r"(?:(?:due|by|on|at|before|until|till|for|from|starting)\s+)*(?:the\s+)?"
_WEEKDAY = (
    r"(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?"
    r"|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_NUMBER = r"(?P<number>\d{1,3}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_DAY_NUMBER = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>20\d\d))?"
_END = r"(?![\w'’])"


@dataclass(frozen=True)
class _Pattern:
    """`anywhere`: clear enough to be a date in mid-sentence; the others must begin or end the request."""

    regex: re.Pattern[str]
    read: Callable[[re.Match[str], date], date | None]
    anywhere: bool = True


def _pattern(body: str, read: Callable[[re.Match[str], date], date | None], *, anywhere: bool = True) -> _Pattern:
    return _Pattern(re.compile(rf"(?<![\w'’-]){_BEFORE}{body}{_END}", re.IGNORECASE), read, anywhere)


def _from_monday(today: date, weeks: int, weekday: int) -> date:
    return today - timedelta(days=today.weekday()) + timedelta(weeks=weeks, days=weekday)


def _weekday(match: re.Match[str], today: date) -> date:
    wanted = next(n for n, name in enumerate(_WEEKDAYS) if name.startswith(match["weekday"].lower()[:3]))
    if (match.groupdict().get("which") or "").lower() == "next":
        return _from_monday(today, 1, wanted)
    return today + timedelta(days=(wanted - today.weekday() - 1) % 7 + 1)


def _ahead(match: re.Match[str], today: date) -> date | None:
    number = _NUMBERS.get(match["number"].lower()) or int(match["number"])
    unit = match["unit"].lower()
    if unit.startswith("month"):
        return _add_months(today, number)
    return today + timedelta(days=number * (7 if unit.startswith("week") else 1))


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return min(_last_of(date(year, month + 1, 1)), date(year, month + 1, 1) + timedelta(days=day.day - 1))


def _last_of(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _calendar(match: re.Match[str], today: date) -> date | None:
    """A day and month, of the coming twelve months when no year is named; None when there is no such day."""
    found = match.groupdict()
    month, day_number = found["month"], int(found["day"])
    number = int(month) if month.isdigit() else _MONTHS.index(month.lower()[:3]) + 1
    if number > 12:  # 15/06 can only be the day first
        number, day_number = day_number, number
    try:
        if found.get("year"):
            year = int(found["year"])
            return date(year + 2000 if year < 100 else year, number, day_number)
        day = date(today.year, number, day_number)
        return day if day >= today else day.replace(year=today.year + 1)
    except ValueError:
        return None


def _day_of_month(match: re.Match[str], today: date) -> date | None:
    for ahead in range(12):
        first = _add_months(today.replace(day=1), ahead)
        try:
            day = first.replace(day=int(match["day"]))
        except ValueError:
            continue
        if day >= today:
            return day
    return None


_DAYS = (
    _pattern(r"day\s+after\s+tomorrow", lambda _, today: today + timedelta(days=2)),
    _pattern(r"(?:tomorrow|tmrw|tomorow|tommorrow|tommorow)", lambda _, today: today + timedelta(days=1)),
    _pattern(r"(?:today|tonight|this\s+(?:morning|afternoon|evening))", lambda _, today: today),
    _pattern(rf"(?P<year>20\d\d)-(?P<month>\d\d?)-{_DAY_NUMBER}", _calendar),
    _pattern(rf"{_DAY_NUMBER}\s+(?:of\s+)?{_MONTH}{_YEAR}", _calendar),
    _pattern(rf"{_MONTH}\s+(?:the\s+)?{_DAY_NUMBER}{_YEAR}", _calendar),
    _pattern(r"(?P<day>[0-3]?\d)\.(?P<month>[01]?\d)\.(?P<year>20\d\d|\d\d)?", _calendar),
    _pattern(r"(?P<month>[0-3]?\d)/(?P<day>[0-3]?\d)(?:/(?P<year>20\d\d|\d\d))?", _calendar),
    _pattern(rf"in\s+{_NUMBER}\s+(?P<unit>days?|weeks?|months?)(?:['’]?\s+time)?", _ahead),
    _pattern(rf"{_NUMBER}\s+(?P<unit>days?|weeks?|months?)\s+from\s+(?:now|today)", _ahead),
    _pattern(rf"(?P<which>next)\s+{_WEEKDAY}", _weekday),
    _pattern(rf"(?:this|coming|this\s+coming)\s+{_WEEKDAY}", _weekday),
    _Pattern(re.compile(rf"(?<![\w'’-])(?:by|on|before|until|till|due)\s+{_WEEKDAY}{_END}", re.IGNORECASE), _weekday),
    _pattern(_WEEKDAY, _weekday, anywhere=False),
    _pattern(r"end\s+of\s+(?:the\s+|this\s+)?week", lambda _, today: _from_monday(today, today.weekday() > 4, 4)),
    _pattern(r"end\s+of\s+(?:the\s+|this\s+)?month", lambda _, today: _last_of(today)),
    _pattern(
        r"(?:this\s+|at\s+the\s+)?weekend", lambda _, today: _from_monday(today, today.weekday() > 5, 5), anywhere=False
    ),
    _pattern(r"next\s+week", lambda _, today: _from_monday(today, 1, 0)),
    _pattern(r"next\s+month", lambda _, today: _add_months(today.replace(day=1), 1)),
    _Pattern(
        re.compile(rf"(?<!\w)(?:by|on|due|before)\s+the\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th){_END}", re.I), _day_of_month
    ),
)

_CLOCK = re.compile(
    rf"(?<![\w'’:.-])(?:(?:at|by|around|from|until|before)\s+)?(?:(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d))?\s*(?P<half>[ap]\.?m\.?)"
    rf"|(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)(?:\s+(?:o['’]clock|h))?){_END}",
    re.IGNORECASE,
)
_BARE_HOUR = re.compile(r"\bat\s+(?P<hour>1[0-2]|[1-9])(?:\s+o['’]clock)?(?=\s*$|\s*[,.!])", re.IGNORECASE)
_PART_OF_DAY = re.compile(
    r"\b(?:(?:in|during)\s+the\s+(?P<part>morning|afternoon|evening)|at\s+(?P<at>noon|night)|by\s+(?P<by>noon|evening))\b"
    r"|^\s*(?P<lead>morning|afternoon|evening|night|noon)\b",
    re.IGNORECASE,
)
_SOON = re.compile(
    rf"\bin\s+(?P<number>\d{{1,3}}|an?|half\s+an|one|two|three)\s+(?P<unit>hours?|hrs?|minutes?|mins?){_END}", re.I
)


def extract(text: str, now: datetime) -> tuple[str, date | datetime | None]:
    """Split a request into its words without date and time, and the day, or local time without offset, that they mean.

    `now` is the user's local time. A date that doesn't exist (30 February) stays in the words.
    """
    local = now.replace(tzinfo=None)
    soon = _SOON.search(text)
    if soon is not None:
        return _without(text, soon), _soon(soon, local)
    match, day = _find_day(text, local.date())
    at: time | None = None
    if match is not None:
        if match[0].lower().endswith("tonight"):
            at = _PARTS_OF_DAY["evening"]
        before, after = text[: match.start()], text[match.end() :]
        part = _PART_OF_DAY.match(after)
        if part is not None and part["lead"]:  # tomorrow morning
            at, after = _PARTS_OF_DAY[part["lead"].lower()], after[part.end() :]
        elif match[0].lower().split()[-1] in _PARTS_OF_DAY:  # this evening
            at = _PARTS_OF_DAY[match[0].lower().split()[-1]]
        text = _join(before, after)
    text, named = _take_time(text, has_day=day is not None)
    at = named or at
    if at is None:
        return text, day
    if day is None:
        day = local.date() + timedelta(days=at <= local.time())
    return text, datetime.combine(day, at)


def _find_day(text: str, today: date) -> tuple[re.Match[str] | None, date | None]:
    best: tuple[re.Match[str], date] | None = None
    for pattern in _DAYS:
        for match in pattern.regex.finditer(text):
            if not pattern.anywhere and not _at_an_end(text, match):
                continue
            day = pattern.read(match, today)
            # Of two dates the longer phrase, then the later place, is the due date: "the Monday report by Friday".
            if day is not None and (
                best is None or (len(match[0]), match.start()) > (len(best[0][0]), best[0].start())
            ):
                best = (match, day)
    return best if best is not None else (None, None)


def _at_an_end(text: str, match: re.Match[str]) -> bool:
    rest = text[match.end() :]
    for trailer in (_CLOCK, _BARE_HOUR, _PART_OF_DAY):
        rest = trailer.sub("", rest)
    lead = text[: match.start()].strip()
    return not rest.strip(" .,!?;:") or not lead or bool(_CLOCK.fullmatch(lead))


def _take_time(text: str, *, has_day: bool) -> tuple[str, time | None]:
    match = _CLOCK.search(text)
    if match is not None:
        if match["half"]:
            hour = int(match["hour"])
            if not 1 <= hour <= 12:
                return text, None
            hour = hour % 12 + (12 if match["half"].lower().startswith("p") else 0)
            return _without(text, match), time(hour, int(match["minute"] or 0))
        return _without(text, match), time(int(match["hour24"]), int(match["minute24"]))
    match = _BARE_HOUR.search(text)
    if match is not None:  # nobody means 5 in the morning
        hour = int(match["hour"])
        return _without(text, match), time(hour + 12 if hour < 8 else hour)
    match = _PART_OF_DAY.search(text)
    if match is not None and not match["lead"] and (has_day or match["at"] == "noon" or match["by"]):
        word = (match["part"] or match["at"] or match["by"]).lower()
        return _without(text, match), _PARTS_OF_DAY[word]
    return text, None


def _soon(match: re.Match[str], now: datetime) -> datetime:
    word = match["number"].lower()
    hours = match["unit"].lower().startswith("h")
    amount = 0.5 if word.startswith("half") else float(_NUMBERS.get(word) or int(word))
    return (now + (timedelta(hours=amount) if hours else timedelta(minutes=amount))).replace(second=0, microsecond=0)


def _without(text: str, match: re.Match[str]) -> str:
    return _join(text[: match.start()], text[match.end() :])


def _join(before: str, after: str) -> str:
    words = " ".join(f"{before} {after}".split())
    words = re.sub(r"\s+([,.!?;:])", r"\1", words)
    return re.sub(r"^[\s,;:–-]+|[\s,;:–-]+$", "", words)
