"""How a reminder repeats ("every weekday", "every other Monday", "monthly"), and when it comes first."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from exponential.workspace.text import dates, days

_PARTS = {part: hour for part, hour in dates.PARTS_OF_DAY.items() if part != "noon"}
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_PART = re.compile(rf"\s(?P<part>{'|'.join(_PARTS)})s?(?!\w)", re.IGNORECASE)
_WEEKDAY = re.compile(_DAY, re.IGNORECASE)
_EVERY = re.compile(
    rf"(?<!\w)(?<!\bthe )(?<!\ba )(?<!\bmy )(?:on )?(?:"
    r"(?:the )?(?P<nth>\d{1,2}|first)(?:st|nd|rd|th)? (?:day )?of (?:every|each|the) month"
    r"|(?:every|each) month on the (?P<nth2>\d{1,2})(?:st|nd|rd|th)?"
    rf"|(?:every|each) (?:single )?(?:(?P<number>other|second|2nd|two|three|four|six"
    rf"|\d{{1,2}}) )?(?:(?P<unit>days?|weekdays?|workdays?|working days?"
    rf"|weeks?|months?|quarters?|years?|hours?|minutes|weekends?|morning|afternoon|evening|night)"
    rf"|(?P<days>{_DAY}(?:s)?(?:(?:, ?| and |, and ){_DAY}s?)*))"
    rf"|(?P<plural>{_DAY.replace('(?:day)?', 'day')}s(?:(?:, ?| and |, and ){_DAY}s?)*)"
    r"|(?P<mon_fri>(?:from )?mon(?:day)?s? ?(?:to|-|–|through|until) ?fri(?:day)?s?)"
    r"|once (?:a|per) (?P<a>day|week|month|year)|(?P<ly>daily|weekly|fortnightly|monthly|quarterly|yearly"
    r"|annually|weekdays|weekends|hourly))(?!\w)",
    re.IGNORECASE,
)
_UNITS = {
    "day": "daily", "daily": "daily", "morning": "daily", "afternoon": "daily", "evening": "daily", "night": "daily",
    "weekday": "weekdays", "workday": "weekdays", "working day": "weekdays", "week": "weekly", "weekly": "weekly",
    "month": "monthly", "monthly": "monthly", "year": "yearly", "yearly": "yearly", "annually": "yearly",
}  # fmt: skip
_MANY = {"fortnightly": ("weekly", 2), "quarterly": ("monthly", 3), "quarter": ("monthly", 3)}
_NUMBERS = {"other": 2, "second": 2, "2nd": 2, "two": 2, "three": 3, "four": 4, "six": 6}


class Recurrence(NamedTuple):
    """`repeat` as the tool has it, None for what it hasn't (hours); `weekdays` 0 is Monday; `part` of the day."""

    repeat: str | None
    every: int = 1
    weekdays: tuple[int, ...] = ()
    day_of_month: int | None = None
    part: time | None = None

    def first(self, due: date | datetime | None, now: datetime) -> list[datetime]:
        """The first local moments, one for each weekday. `due`: the day or the hour that was said besides."""
        local = now.replace(tzinfo=None, second=0, microsecond=0)
        hour = due.time() if isinstance(due, datetime) else self.part or dates.MORNING
        if isinstance(due, datetime) and self.part is not None and self.part.hour > 12 and 0 < hour.hour < 12:
            hour = hour.replace(hour=hour.hour + 12)  # "every night at 11"
        start = due if due is not None and not isinstance(due, datetime) else local.date()
        if isinstance(due, datetime) and due.date() > local.date() + timedelta(days=1):
            start = due.date()
        return [self._from(start, weekday, hour, local) for weekday in self.weekdays or (None,)]

    def _from(self, day: date, weekday: int | None, hour: time, local: datetime) -> datetime:
        for _ in range(800):
            fits = weekday is None or day.weekday() == weekday
            fits = fits and (self.repeat != "weekdays" or day.weekday() < 5)
            if self.day_of_month is not None:
                fits = day.day == min(self.day_of_month, days.last_of(day).day)
            if fits and datetime.combine(day, hour) > local:
                break
            day += timedelta(days=1)
        return datetime.combine(day, hour)


def take(words: str) -> tuple[str, Recurrence | None]:
    """The words without "every …", and what that means."""
    match = _EVERY.search(words)
    if match is None:
        return words, None
    behind = _PART.match(words, match.end())
    part = _PARTS[behind["part"].lower()] if behind is not None else None
    end = behind.end() if behind is not None else match.end()
    left = f"{words[: match.start()].rstrip()} {words[end:].lstrip()}".strip()
    nth, named = match["nth"] or match["nth2"], match["days"] or match["plural"]
    if nth:
        return left, Recurrence("monthly", day_of_month=1 if nth.lower() == "first" else int(nth))
    if match["mon_fri"]:
        return left, Recurrence("weekdays")
    number = _NUMBERS.get((match["number"] or "").lower()) or int(match["number"] or 1)
    if named:
        each = _WEEKDAY.findall(named)
        return left, Recurrence(
            "weekly", number, tuple(dict.fromkeys(days.weekday_number(name) for name in each)), part=part
        )
    unit = (match["unit"] or match["a"] or match["ly"]).lower()
    unit = unit if unit in _UNITS or unit in _MANY else unit.removesuffix("s")
    if unit == "weekend":
        return left, Recurrence("weekly", number, (5, 6))
    if unit in _MANY:
        return left, Recurrence(*_MANY[unit])
    return left, Recurrence(_UNITS.get(unit), number, part=_PARTS.get(unit))
