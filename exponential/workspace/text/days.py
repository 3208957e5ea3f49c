"""The day that English words name: "tomorrow", "next Friday", "20 May", "in a fortnight", "first Monday of June"."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
           "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2, "couple of": 2, "a couple": 2,
           "a few": 3}  # fmt: skip
TENS = {"thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
        "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
        "ninety": 90}  # fmt: skip
_HOLIDAYS = {"christmas eve": (12, 24), "xmas eve": (12, 24), "christmas": (12, 25), "xmas": (12, 25),
             "boxing day": (12, 26), "new year's eve": (12, 31), "new year's": (1, 1), "new year": (1, 1),
             "valentine's": (2, 14), "halloween": (10, 31)}  # fmt: skip
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": -1}

BEFORE = (
    r"(?:(?:due(?::|\s+date(?:\s+(?:is|of)|:))?|deadline(?:\s+(?:is|of)|:)|date:|when:|by|on|at|before|until|till|for"
    r"|from|starting|no\s+later\s+than|not\s+later\s+than)\s+){0,3}(?:the\s+)?"
)
WEEKDAY = (
    r"(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:s|nesday)?|thu(?:rs?(?:day)?)?"
    r"|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
ANY_DAY = WEEKDAY.replace("?P<weekday>", "?:")
MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
# Not the hour or the minutes of a time of day: in "3 June 8:30" June has no 8th.
_DAY_NUMBER = r"(?<!\d:)(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?!:\d|\s*[ap]\.?m\b)"
_YEAR = r"(?:,?\s+(?P<year>20\d\d))?"
END = r"(?![\w'’])"
OTHER_DAY = re.compile(  # "on Monday or Tuesday"
    rf"(?<!\s),?\s+or\s+(?:(?:on|by|else|maybe)\s+)?(?:the\s+)?(?:today|tonight|tomorrow|next\s+\w+|weekend"
    rf"|day\s+after|this\s+(?:week|month|morning|afternoon|evening)|{ANY_DAY}){END}",
    re.IGNORECASE,
)
_HOLIDAY = "|".join(sorted((name.replace("'", "['’]?") for name in _HOLIDAYS), key=len, reverse=True))


@dataclass(frozen=True)
class Pattern:
    """`anywhere`: clear enough to be a date in mid-sentence; the others must begin or end the request."""

    regex: re.Pattern[str]
    read: Callable[[re.Match[str], date], date | None]
    anywhere: bool = True


def _pattern(body: str, read: Callable[[re.Match[str], date], date | None], *, anywhere: bool = True) -> Pattern:
    return Pattern(re.compile(rf"(?<![\w'’-]){BEFORE}{body}{END}", re.IGNORECASE), read, anywhere)


def from_monday(today: date, weeks: int, weekday: int) -> date:
    """A day of this week (0) or of a later one; weekday 0 is Monday."""
    return today - timedelta(days=today.weekday()) + timedelta(weeks=weeks, days=weekday)


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return min(last_of(date(year, month + 1, 1)), date(year, month + 1, 1) + timedelta(days=day.day - 1))


def last_of(day: date) -> date:
    """The last day of its month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def coming_month(name: str, today: date) -> date:
    """The first day of the month of that name: this year's, or next year's when it is over."""
    number = MONTHS.index(name.lower()[:3]) + 1
    return date(today.year + (number < today.month), number, 1)


def weekday_number(name: str) -> int:
    """Of a weekday, by its name or the beginning of that: 0 is Monday."""
    return next(number for number, day in enumerate(WEEKDAYS) if day.startswith(name.lower()[:3]))


def coming_weekday(match: re.Match[str], today: date) -> date:
    """The day after today that `weekday` in a match names; `which` may be "next" or "week"."""
    found = match.groupdict()
    wanted = weekday_number(match["weekday"])
    which = (found.get("which") or "").lower()
    if which == "next":
        return from_monday(today, 1, wanted)
    coming = today + timedelta(days=(wanted - today.weekday() - 1) % 7 + 1)
    return coming + timedelta(days=7) if which.startswith("week") else coming


def _calendar(match: re.Match[str], today: date) -> date | None:
    """A day and month, of the coming twelve months when no year is named; None when there is no such day."""
    found = match.groupdict()
    month, day_number = found["month"], int(found["day"])
    number = int(month) if month.isdigit() else MONTHS.index(month.lower()[:3]) + 1
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
        first = add_months(today.replace(day=1), ahead)
        try:
            day = first.replace(day=int(match["day"]))
        except ValueError:
            continue
        if day >= today:
            return day
    return None


def _month_part(match: re.Match[str], today: date) -> date | None:
    """ "end of June", "mid June", "before June", "by June"."""
    first = coming_month(match["month"], today)
    where = match["where"].lower()
    if where.startswith("end"):
        return last_of(first)
    if where.startswith("mid"):
        return first.replace(day=15)
    return first - timedelta(days=1) if where.startswith("before") else first


def _nth_weekday(match: re.Match[str], today: date) -> date | None:
    nth = _ORDINALS[match["nth"].lower()]
    month = match["month"]
    first = coming_month(month, today) if month else add_months(today.replace(day=1), 0 if match["this"] else 1)
    name = match["weekday"].lower()
    if name.startswith("day"):
        return last_of(first) if nth == -1 else first + timedelta(days=nth - 1)
    wanted = 5 if name.startswith("weekend") else weekday_number(name)
    if nth == -1:
        last = last_of(first)
        return last - timedelta(days=(last.weekday() - wanted) % 7)
    found = first + timedelta(days=(wanted - first.weekday()) % 7 + 7 * (nth - 1))
    return found if found.month == first.month else None


def _weekend(match: re.Match[str], today: date) -> date:
    """Saturday, and on a Sunday the next one, unless "this" weekend is meant."""
    sunday = today.weekday() == 6
    return today if sunday and match.groupdict().get("this") else from_monday(today, sunday, 5)


def _holiday(match: re.Match[str], today: date) -> date:
    name = " ".join(match["name"].lower().replace("’", "'").split())
    month, number = _HOLIDAYS.get(name) or _HOLIDAYS[name.replace("s", "'s")]
    day = date(today.year, month, number)
    return day if day >= today else day.replace(year=today.year + 1)


PATTERNS = (
    _pattern(r"day\s+after\s+(?:tomorrow|tmrw)", lambda _, today: today + timedelta(days=2)),
    _pattern(r"(?:tomorrow|tmrw|tomorow|tommorrow|tommorow)", lambda _, today: today + timedelta(days=1)),
    _pattern(r"(?:today|tonight|this\s+(?:morning|afternoon|evening)|later\s+today)", lambda _, today: today),
    _pattern(
        r"(?:e\.?o\.?d\.?|cob|end\s+of\s+(?:the\s+)?day|close\s+of\s+business)"
        r"(?!\s+(?:on\s+)?(?:tomorrow|mon|tue|wed|thu|fri|sat|sun|today))",
        lambda _, today: today,
    ),
    _pattern(r"(?P<year>20\d\d)-(?P<month>\d\d?)-" + _DAY_NUMBER, _calendar),
    _pattern(rf"(?:{ANY_DAY},?\s+(?:the\s+)?)?{_DAY_NUMBER}\s+(?:of\s+)?{MONTH}{_YEAR}", _calendar),
    _pattern(rf"(?:{ANY_DAY},?\s+)?{MONTH}\s+(?:the\s+)?{_DAY_NUMBER}{_YEAR}", _calendar),
    _pattern(r"(?P<day>[0-3]?\d)\.(?P<month>[01]?\d)\.(?P<year>20\d\d|\d\d)?", _calendar),
    Pattern(
        re.compile(
            rf"(?<![\w'’-])(?:on|by|until|till|due|before)\s+(?P<day>[0-3]?\d)\.(?P<month>[01]\d)(?!\d|[.:]\d){END}",
            re.I,
        ),
        _calendar,
    ),
    _pattern(rf"(?P<which>next)\s+week(?:['’]s)?,?\s+(?:on\s+)?{WEEKDAY}", coming_weekday),
    _pattern(rf"{WEEKDAY},?\s+(?:of\s+|in\s+)?(?P<which>next)\s+week", coming_weekday),
    _pattern(rf"(?P<which>next)\s+{WEEKDAY}", coming_weekday),
    _pattern(rf"(?:this|coming|this\s+coming)\s+{WEEKDAY}", coming_weekday),
    _pattern(rf"(?:a\s+)?(?P<which>week)\s+(?:on\s+|from\s+)?{WEEKDAY}", coming_weekday),
    _pattern(rf"{WEEKDAY}\s+(?P<which>week)(?!\s*ly)", coming_weekday, anywhere=False),
    _pattern(rf"{WEEKDAY},?\s+(?:the\s+)?(?P<day>[0-3]?\d)(?:st|nd|rd|th)", _day_of_month),
    Pattern(
        re.compile(rf"(?<![\w'’-])(?:by|on|before|until|till|due|no\s+later\s+than)\s+{WEEKDAY}{END}", re.I),
        coming_weekday,
    ),
    _pattern(WEEKDAY, coming_weekday, anywhere=False),
    _pattern(
        r"(?:end\s+of\s+(?:the\s+|this\s+)?week|eow)", lambda _, today: from_monday(today, today.weekday() > 4, 4)
    ),
    _pattern(r"end\s+of\s+next\s+week", lambda _, today: from_monday(today, 1, 4)),
    _pattern(r"(?:end\s+of\s+(?:the\s+|this\s+)?month|eom|month\s+end)", lambda _, today: last_of(today)),
    _pattern(r"end\s+of\s+next\s+month", lambda _, today: last_of(add_months(today.replace(day=1), 1))),
    _pattern(r"end\s+of\s+(?:the\s+|this\s+)?year|eoy", lambda _, today: date(today.year, 12, 31)),
    Pattern(
        re.compile(
            rf"(?<![\w'’-])(?:(?:by|at|on|due|before|until|for)\s+)?(?:the\s+)?(?P<where>end\s+of|mid(?:dle\s+of)?"
            rf"|(?:beginning|start)\s+of|early)[\s-]+{MONTH}{END}",
            re.I,
        ),
        _month_part,
    ),
    Pattern(
        re.compile(
            rf"(?<![\w'’-])(?P<where>before|by|until|till|due\s+in|due)\s+{MONTH}(?!\s+the\b"
            rf"|\s+\d){END}",
            re.I,
        ),
        _month_part,
    ),
    _pattern(
        rf"(?P<nth>{'|'.join(_ORDINALS)})\s+(?P<weekday>day|weekend|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\s+"
        rf"(?:of|in)\s+(?:{MONTH}|(?P<this>(?:the|this)\s+month)|next\s+month)",
        _nth_weekday,
    ),
    _pattern(r"weekend\s+after\s+next", lambda _, today: from_monday(today, 2, 5)),
    _pattern(r"next\s+weekend", lambda _, today: from_monday(today, 1, 5)),
    _pattern(
        r"(?:(?P<this>this\s+(?:coming\s+)?)|(?:at|on|over|during|by)\s+the\s+|coming\s+)weekend(?!\s+after\b)",
        _weekend,
    ),
    _pattern(r"weekend(?!\s+after\b)", _weekend, anywhere=False),
    _pattern(r"week\s+after\s+next", lambda _, today: from_monday(today, 2, 0)),
    _pattern(r"next\s+week", lambda _, today: from_monday(today, 1, 0)),
    _pattern(r"this\s+week", lambda _, today: from_monday(today, today.weekday() > 4, 4), anywhere=False),
    _pattern(r"next\s+month", lambda _, today: add_months(today.replace(day=1), 1)),
    _pattern(r"next\s+year", lambda _, today: date(today.year + 1, 1, 1)),
    _pattern(
        rf"(?P<name>{_HOLIDAY})"
        r"(?:\s+day)?",
        _holiday,
        anywhere=False,
    ),
    Pattern(
        re.compile(rf"(?<!\w)(?:by|on|due|before)\s+the\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th){END}", re.I), _day_of_month
    ),
)
_SLASHED = re.compile(
    rf"(?<![\w'’-]){BEFORE}(?P<one>[0-3]?\d)/(?P<two>[0-3]?\d)(?:/(?P<year>20\d\d|\d\d))?{END}", re.IGNORECASE
)


def _slashed(match: re.Match[str], today: date, *, day_first: bool) -> date | None:
    """05/06: where the day comes first it is the 5th of June; 20/05 and 05/20 are clear everywhere."""
    one, two = int(match["one"]), int(match["two"])
    day, month = (one, two) if (day_first and two <= 12) or one > 12 else (two, one)
    try:
        if match["year"]:
            return date(int(match["year"]) % 100 + 2000, month, day)
        found = date(today.year, month, day)
        return found if found >= today else found.replace(year=today.year + 1)
    except ValueError:
        return None


def patterns(*, day_first: bool) -> tuple[Pattern, ...]:
    """All ways to name a day. `day_first`: 5/6 is the 5th of June."""
    return (*PATTERNS, Pattern(_SLASHED, lambda match, today: _slashed(match, today, day_first=day_first)))
