"""One day that is over, in a question about what was done on it: "on Monday", "last Friday", "on 4 May"."""

import re
from datetime import datetime

from exponential.assistant.offline import ranges
from exponential.workspace.text import dates, days

_WEEKDAY = re.compile(
    r"\b(?:(?:on|from|than|for)\s+)?(?:(?:last|this|this\s+past|past)\s+)?(?P<day>(?:mon|tues|wednes|thurs|fri|satur|sun)day)(?:['’]s)?\b",
    re.IGNORECASE,
)


def take(text: str, now: datetime) -> tuple[str, ranges.Range | None]:
    """The question without the one day that it is about, if that is over or today, and that day as a range."""
    weekday = _WEEKDAY.search(text)
    if weekday is not None:
        day = ranges.day_of(weekday["day"], now, past=True)
        return f"{text[: weekday.start()].rstrip()} {text[weekday.end() :].lstrip()}".strip(), (day, day)
    left, due = dates.extract(re.sub(r"['’]s\b", "", text), now)
    if due is None:
        return text, None
    day = due.date() if isinstance(due, datetime) else due
    if day > now.date() and re.search(r"\b(?:the\s+\d|\d{1,2}(?:st|nd|rd|th)\b|\d)", text):  # the one before
        named = re.search(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", text, re.IGNORECASE)
        day = days.add_months(day, -12 if named else -1)
    return (left, (day, day)) if day <= now.date() else (text, None)
