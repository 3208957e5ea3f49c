"""Reminders a while before something: "an hour before my flight at 18:00"."""

import re
from collections.abc import Iterator
from datetime import datetime

from exponential.assistant.offline import occasions
from exponential.assistant.offline.repeating import MORNING, bare_hours, repetition
from exponential.workspace.text import dates

MAX_JOINTS = 5

_TO = re.compile(r"\s+to\s+", re.IGNORECASE)
_TITLE = re.compile(r"\s*(?:to|about|that|of|for)\s", re.IGNORECASE)
_OF = re.compile(r"^(?:to|2|about|that|of|for)\s+", re.IGNORECASE)


def moved(rest: str, now: datetime, *, wakes: bool = False) -> str | None:
    """What stands behind "remind me", with the moment that it means: "an hour before my flight at 18:00" → "on
    2026-05-06 at 17:00 about my flight". None where it names no span before something, or not when that is."""
    span = occasions.SPAN.search(rest)
    if span is None or occasions.SPAN.search(rest, span.end()) or repetition(rest, now)[1] is not None:
        return None
    lead, event = rest[: span.start()].strip(" ,"), rest[span.end() :].strip(" ,.!")
    is_behind = not event or event.lower().startswith(("to ", "about "))
    has_title = not is_behind and _TITLE.match(lead) is not None
    more, day = dates.extract(lead, now)
    if not has_title and not is_behind and (more or isinstance(day, datetime)):
        return None  # it says more than the day
    for name, title in [(lead, event)] if is_behind else _events(event, "" if has_title else lead):
        name, at = dates.extract(bare_hours(name, wakes=wakes), now)
        before = occasions.length(span)
        if at is None or (not isinstance(at, datetime) and before.days == 0):
            continue
        at = (at if isinstance(at, datetime) else datetime.combine(at, MORNING)) - before
        what = title or (lead if has_title else f"about {_OF.sub('', occasions.IS_ON.sub('', name.strip(' ,')))}")
        return f"on {at:%Y-%m-%d} at {at:%H:%M} {what}"
    return None


def _events(words: str, day: str) -> Iterator[tuple[str, str]]:
    """The event with its day, and what to do: "the train to Rome at 9 to pack" may be cut before each "to"."""
    for joint in list(_TO.finditer(words))[:MAX_JOINTS]:
        yield f"{day} {words[: joint.start()]}", words[joint.start() :].strip()
    yield f"{day} {words}", ""
