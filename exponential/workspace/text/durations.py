"""How long from now: "in 1h 30m", "in two and a half hours", "in a week and 2 days", "half an hour from now"."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from exponential.workspace.text.day_range import LAST_DAY
from exponential.workspace.text.days import BEFORE, NUMBERS, TENS, WEEKDAY, add_months, coming_weekday

_ONES = "|".join(word for word, number in NUMBERS.items() if word.isalpha() and len(word) > 2 and number < 10)
_NUMBER = (
    rf"\d{{1,3}}(?:[.,]\d{{1,2}}|½)?|½|(?:{'|'.join(TENS)})(?:[\s-](?:{_ONES}))?"
    rf"|{'|'.join(sorted(NUMBERS, key=len, reverse=True))}"
)
# Where minutes without their unit may end: "in 45 to call Bob", not "in 45 boxes", and not "in 30 to 40 minutes".
_STOP = r"(?=\s*$|\s*[,.!?;:](?!\d)|\s+to\s+[^\W\d])"
_AMOUNT = (
    r"(?:(?P<fraction>(?:a\s+)?half(?:\s+an?)?|(?:(?:a|three)[\s-]+)?quarters?\s+of\s+an|a\s+quarter)[\s-]+"
    r"(?P<whole>hour|minute)\b"
    rf"|(?P<number>{_NUMBER})(?P<and_half>\s+and\s+a\s+half)?\s*"
    r"(?:(?P<hours>hours?|hrs?|h)(?![^\W\d_])|(?P<unit>(?<=\d)[wdms]|years?|months?|fortnights?|weeks?|days?"
    r"|minutes?|mins?|seconds?|secs?)(?![^\W\d_]))"
    rf"(?:(?P<rest>\s+and\s+a\s+(?:half|quarter)\b)|\s*(?:and\s+)?(?P<minutes>[0-5]?\d){_STOP})?)"
)
_PART = re.compile(_AMOUNT, re.IGNORECASE)
_EACH = re.sub(r"\?P<\w+>", "?:", _AMOUNT)
_SPAN = rf"(?P<span>{_EACH}(?:,?\s*(?:and\s+)?{_EACH}){{0,3}})"
_ABOUT = r"(?:(?:about|around|roughly|approximately|exactly|another)\s+)?"
_END = r"(?![\w'’-])"
AHEAD = (
    re.compile(
        rf"(?<![\w'’-]){BEFORE}(?:in|within)\s+{_ABOUT}(?:(?:the\s+next\s+)?{_SPAN}"
        rf"(?:(?:['’]s?)?\s+time\b|\s+from\s+now\b|\s+or\s+(?:so|two)\b)?{_END}"
        rf"|(?:the\s+(?:next\s+)?(?P<one>hour)\b{_END}|(?P<bare>5|[1-9][05]){_STOP}))",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?<![\w'’.,-]){_ABOUT}{_SPAN}\s+from\s+(?:now|today|(?P<tomorrow>tomorrow)|{WEEKDAY}){_END}", re.IGNORECASE
    ),
)
_MINUTES = {"h": 60.0, "m": 1.0, "s": 1 / 60}
_DAYS = {"w": 7, "f": 14}


class _Length(NamedTuple):
    months: float = 0
    days: float = 0
    minutes: float = 0


def moment(text: str, now: datetime) -> tuple[re.Match[str], datetime] | None:
    """Where the text tells how long from now by the clock, and the local time without offset that this is."""
    for pattern in AHEAD:
        for match in pattern.finditer(text):
            length = _length(match)
            day = _later(now.date(), length)
            if not length.minutes or day > LAST_DAY or _base(match, now.date()) != now.date():
                continue
            ahead = timedelta(minutes=length.minutes, seconds=59 * (length.minutes % 1 > 0))  # rather late than early
            start = now.replace(year=day.year, month=day.month, day=day.day)
            # Hours pass as they do for everybody, also when the clocks change.
            due = (start.astimezone(UTC) + ahead).astimezone(now.tzinfo) if now.tzinfo else start + ahead
            return match, due.replace(second=0, microsecond=0, tzinfo=None, fold=0)
    return None


def day(match: re.Match[str], today: date) -> date | None:
    """The day that a match of AHEAD means; None when it tells hours, or a day further off than anyone plans."""
    length = _length(match)
    found = None if length.minutes else _later(_base(match, today), length)
    return found if found is None or found <= LAST_DAY else None


def _base(match: re.Match[str], today: date) -> date:
    found = match.groupdict()
    if found.get("weekday"):
        return coming_weekday(match, today)
    return today + timedelta(days=1) if found.get("tomorrow") else today


def _later(day: date, length: _Length) -> date:
    return add_months(day, int(length.months)) + timedelta(days=int(length.days + length.months % 1 * 30))


def _length(match: re.Match[str]) -> _Length:
    found = match.groupdict()
    if found.get("one"):
        return _Length(minutes=60)
    if found.get("bare"):
        return _Length(minutes=int(match["bare"]))
    parts = [_part(part) for part in _PART.finditer(match["span"])]
    return _Length(*map(sum, zip(*parts, strict=True)))


def _part(match: re.Match[str]) -> _Length:
    number, unit = _number(match), (match["whole"] or match["hours"] or match["unit"]).lower()
    if unit.startswith(("month", "y")):
        return _Length(months=number * (12 if unit.startswith("y") else 1))
    if unit[0] in _MINUTES:
        return _Length(minutes=number * _MINUTES[unit[0]] + int(match["minutes"] or 0))
    if unit[0] in _DAYS:
        return _Length(days=int(number * _DAYS[unit[0]]))
    return _Length(days=int(number), minutes=number % 1 * 24 * 60)  # "in a day and a half"


def _number(match: re.Match[str]) -> float:
    if match["fraction"]:
        words = match["fraction"].lower()
        return 0.5 if "half" in words else 0.75 if "three" in words else 0.25
    more = 0.5 if match["and_half"] or "half" in (match["rest"] or "").lower() else 0.25 if match["rest"] else 0
    words = " ".join(match["number"].lower().replace("-", " ").split())
    first, _, second = words.partition(" ")
    if words in NUMBERS:
        return NUMBERS[words] + more
    if first in TENS:
        return TENS[first] + NUMBERS.get(second, 0) + more
    return float(words.replace("½", ".5").replace(",", ".")) + more
