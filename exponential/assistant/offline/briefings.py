"""Rules for the morning briefing: wanting one, at which time, and no more of them."""

import re
from datetime import time

from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.workspace.text import times

AT_WHAT_TIME = "At what time? Say for example *send me a briefing every day at 7:30*."

_NAME = r"(?:(?:a|an|my|the|your|any)\s+)?(?:(?:daily|morning|every\s*day|weekday)\s+)*briefings?(?:\s+time)?"
_WANTED = re.compile(
    r"(?:(?:(?:please\s+)?(?:send|give|text|write|get|show|have|set(?:\s+up)?|schedule|start|enable|change|move|turn\s+on"
    r"|switch\s+on)|i(?:['’]?d|\s+would)?\s+(?:want|like|need|love))\s+(?:(?:to\s+)?(?:get|have|receive)\s+|me\s+)*"
    rf"{_NAME}|brief\s+me|{_NAME})(?P<when>\b.*)",
    re.IGNORECASE | re.DOTALL,
)
_UNWANTED = re.compile(
    r"(?:(?:stop|end|cancel|disable|delete|remove|no\s+more|no|turn\s+off|switch\s+off|unsubscribe\s+(?:me\s+)?from)\s+"
    rf"(?:sending\s+(?:me\s+)?|with\s+)?{_NAME}|(?:turn|switch)\s+{_NAME}\s+off|{_NAME}\s+off"
    rf"|i\s+(?:don['’]?t|do\s+not|no\s+longer)\s+(?:want|need)\s+{_NAME})(?:\s+(?:any\s*more|now|please|every\s+(?:day|morning)))*",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?(?:\s*(?P<half>[ap]\.?m\b\.?|o['’]?clock))?"
    r"(?P<evening>\s+in\s+the\s+(?:evening|afternoon)|\s+at\s+night)?",
    re.IGNORECASE,
)
_LATE = re.compile(r"\b(?:1[3-9]|2\d)\b|\d\s*p\.?m|\b(?:pm|evening|afternoon|night)\b", re.IGNORECASE)
_WEEKDAYS = re.compile(
    r"\b(?:week|work)\s*days?\b|\bworking\s+days?\b|\bmon(?:day)?s?\s*(?:to|-|–|through)\s*fri(?:day)?s?\b", re.I
)
_FILLING = re.compile(
    r"\b(?:every|each|single|day|daily|mornings?|on|at|from|now|to|by|around|in|the|please|for|me|all|days?|starting"
    r"|tomorrow|instead|only|just|always|again|at\s+exactly)\b|[,.!]",
    re.IGNORECASE,
)


def briefing(heard: Heard) -> list[Step] | None:
    if _UNWANTED.fullmatch(heard.text.strip()):
        return [Call("set_briefing", {"at": "off"})]
    text = re.sub(r"^(?:only|just)\s+", "", heard.text.strip(), flags=re.IGNORECASE)
    wanted = _WANTED.fullmatch(times.figures(text))
    if wanted is None:
        return None
    when = wanted["when"]
    days = "weekdays" if _WEEKDAYS.search(heard.text) else "daily"
    found = _TIME.search(when)
    at = time_of(found) if found else None
    if at is not None and at.hour > 12 and not (found and found["half"]) and not _LATE.search(heard.text):
        at = at.replace(hour=at.hour - 12)  # "half past seven" is one of the morning
    rest = _WEEKDAYS.sub("", when if found is None else when[: found.start()] + when[found.end() :])
    if _FILLING.sub("", rest).strip():
        return None  # it is about something else: "give me the briefing notes"
    if at is None:
        return [Say(AT_WHAT_TIME)] if found or re.search(r"\b(?:every|each|daily)\b", heard.text, re.I) else None
    return [Call("set_briefing", {"at": f"{at:%H:%M}", "days": days})]


def read_time(text: str) -> time | None:
    """The first time of day in `text`; None when there is none."""
    found = _TIME.search(text)
    return time_of(found) if found else None


def time_of(match: re.Match[str]) -> time | None:
    """The time of day that a match means: of a bare hour, the one in the morning."""
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    half = (match["half"] or "").lower()
    late = half.startswith("p") or bool(match["evening"])
    if half[:1] in ("a", "p") and not 1 <= hour <= 12:
        return None
    if half.startswith("a") or (late and hour < 12) or half.startswith("p"):
        hour = hour % 12 + (12 if late else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None
