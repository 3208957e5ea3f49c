"""How a reminder repeats, and when it comes first."""

import re
from datetime import date, datetime, time, timedelta

from exponential.workspace.text import days, times
from exponential.workspace.text.days import MONTH, WEEKDAYS

MORNING = time(9)  # when a reminder comes whose hour was not said


_DAY = r"(?P<day>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?"


_MONTH = MONTH.replace("?P<month>", "?:")


_NUMBER = r"(?P<number>other|second|two|three|four|\d{1,2})"


_REPEAT = tuple(  # "the weekly report" is a title
    (
        re.compile(
            rf"(?<!\w)(?<!\bthe\s)(?<!\ba\s)(?<!\bmy\s)(?<!\bour\s)(?:on\s+)?(?:{pattern})(?!\w)", re.IGNORECASE
        ),
        repeat,
    )
    for pattern, repeat in (
        (r"(?:the\s+)?(?P<nth>\d{1,2})(?:st|nd|rd|th)\s+(?:day\s+)?of\s+(?:every|each)\s+month", "monthly"),
        (r"(?:every|each)\s+month\s+on\s+the\s+(?P<nth>\d{1,2})(?:st|nd|rd|th)", "monthly"),
        (rf"every\s+{_NUMBER}\s+(?P<unit>hour|minute|min)s?", "hourly"),
        (r"(?:every|each)\s+(?P<unit>hour|minute)|hourly", "hourly"),
        (rf"every\s+{_NUMBER}\s+days?", "daily"),
        (rf"every\s+{_NUMBER}\s+weeks?", "weekly"),
        (rf"every\s+{_NUMBER}\s+months?", "monthly"),
        (r"(?:every|each)\s+(?P<number>quarter|half[\s-]year)(?!\s+(?:of|hour))", "monthly"),
        (r"(?:every|each)\s+(?:weekday|workday|working\s+day|business\s+day)|weekdays|workdays", "weekdays"),
        (
            r"(?:every|each)\s+(?:first|second|third|fourth|last|1st|2nd|3rd|4th)\s+\w+day\s+(?:of|in)\s+(?:the|every|each)\s+month"
            r"|(?:on\s+)?(?:the\s+)?(?:first|second|third|fourth|last|1st|2nd|3rd|4th)\s+\w+day\s+(?:of|in)\s+(?:every|each)\s+month",
            "hourly",
        ),
        (r"(?:twice|two\s+times|three\s+times)\s+(?:a|per)\s+day|every\s+half\s+hour", "hourly"),
        (rf"every\s+(?P<number>other|second|2nd)\s+{_DAY}", "weekly"),
        (rf"(?:every|each)\s+{_DAY}", "weekly"),
        (r"once\s+a\s+day", "daily"),
        (r"once\s+a\s+week", "weekly"),
        (r"once\s+a\s+month", "monthly"),
        (r"once\s+a\s+year|every\s+birthday", "yearly"),
        (r"(?P<day>mon|tues|wednes|thurs|fri|satur|sun)days", "weekly"),
        (r"(?:every|each)\s+(?:single\s+)?(?:day|(?P<part>morning|afternoon|evening|night))|daily", "daily"),
        (r"(?:every|each)\s+week|weekly", "weekly"),
        (r"(?:every|each)\s+month|monthly", "monthly"),
        (r"(?:every|each)\s+year|yearly|annually", "yearly"),
        (rf"(?:every|each)(?=\s+(?:{_MONTH}\s+(?:the\s+)?\d|\d\d?(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}))", "yearly"),
    )
)


_NUMBERS = {
    "quarter": 3,
    "half year": 6,
    "half-year": 6,
    "other": 2,
    "second": 2,
    "2nd": 2,
    "two": 2,
    "three": 3,
    "four": 4,
}


_PARTS = {"morning": time(9), "afternoon": time(15), "evening": time(19), "night": time(20)}


# As dates.extract knows them behind an hour.
_HALVES = {"morning": "morning", "afternoon": "afternoon", "evening": "evening", "night": "night"}
_HOUR = re.compile(rf"\bat\s+(?:{times.SPOKEN}|(?:1[0-2]|0?[1-9])(?::\d\d)?)(?![\d:]|\s*[ap]\.?m\b)", re.IGNORECASE)


_PART = re.compile(r"^\s*(?:in\s+the\s+)?(?P<part>morning|afternoon|evening|night)\b", re.IGNORECASE)


def bare_hours(words: str, *, wakes: bool = False) -> str:
    """ "at 9 to call" → "at 9:00 to call"; nobody means 5 in the morning, unless it `wakes` them."""

    at_night = re.search(r"night\b", words, re.IGNORECASE)

    def spelled(match: re.Match[str]) -> str:
        hour = int(match["hour"])
        return f"at {hour + 12 if hour < (4 if wakes else 7) and not at_night else hour}:00{match['after']}"

    return re.sub(
        r"\bat\s+(?P<hour>2[0-3]|1\d|[1-9])(?P<after>\s+(?:to|that|about|of|for|:)|:\s|\s*$|\s*,|\s+(?:on|tomorrow|today"
        r"|every)\b)",
        spelled,
        words,
    )


_STARTING = re.compile(
    r"[\s,]*\b(?:starting|beginning|from)\s+(?:on\s+)?(?P<day>(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b(?:\s+on(?:wards)?)?",
    re.IGNORECASE,
)


def weekday(name: str) -> int:
    """Its number, as date.weekday() has it, by its name or the beginning of that."""
    return next(number for number, day in enumerate(WEEKDAYS) if day.startswith(name.lower()[:3]))


def repetition(words: str, now: datetime) -> tuple[str, str | None, int, datetime | time | None]:
    """The words without "every …"; how it repeats; every how many; its first day or hour, if they follow from it."""
    for pattern, repeat in _REPEAT:
        match = pattern.search(words)
        if match is None:
            continue
        found = match.groupdict()
        after = words[match.end() :]
        part = found.get("part")
        if (behind := _PART.match(after)) is not None:
            part, after = behind["part"], after[behind.end() :]
        left = f"{words[: match.start()]} {after}"
        hour = _PARTS[part.lower()] if part else None
        if part:
            left = _HOUR.sub(rf"\g<0> in the {_HALVES[part.lower()]}", left, count=1)
        start = _STARTING.search(left)
        if start is not None and not found.get("day"):
            left, found = f"{left[: start.start()]}{left[start.end() :]}", found | {"day": start["day"]}
        every = _NUMBERS.get(str(found.get("number")).lower()) or int(found.get("number") or 1)
        day: date | None = None
        if found.get("day"):
            day = now.date() + timedelta(days=(weekday(str(found["day"])) - now.weekday()) % 7)
        elif found.get("nth"):
            day = _nth(int(found["nth"]), now.date())
        return left, repeat, every, datetime.combine(day, hour or MORNING) if day else hour
    return words, None, 1, None


def _nth(number: int, today: date) -> date:
    month = today.replace(day=1)
    while True:
        try:
            day = month.replace(day=number)
        except ValueError:
            day = days.add_months(month, 1) - timedelta(days=1)
        if day > today:
            return day
        month = days.add_months(month, 1)


def first_moment(
    due: date | datetime | None, repeat: str | None, at: datetime | time | None, now: datetime
) -> datetime | None:
    """When it comes first; None when that can't be known."""
    local = now.replace(tzinfo=None)
    if repeat is None:
        if isinstance(due, datetime):
            return due
        return datetime.combine(due, MORNING) if due is not None and due > local.date() else None
    hour = due.time() if isinstance(due, datetime) else at.time() if isinstance(at, datetime) else at or MORNING
    if isinstance(due, datetime) and not isinstance(at, datetime) and repeat != "weekdays":
        return due
    if isinstance(at, datetime):
        moment = datetime.combine(at.date(), hour)
        return moment if moment > local else moment + timedelta(days=7)
    if due is not None and not isinstance(due, datetime):
        return datetime.combine(due, hour)
    moment = datetime.combine(local.date(), hour)
    moment = moment if moment > local else moment + timedelta(days=1)
    while repeat == "weekdays" and moment.weekday() > 4:
        moment += timedelta(days=1)
    return moment
