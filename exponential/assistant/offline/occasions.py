"""A day told first, and what is wished for it: "… runs out in three weeks, set me a task for that day"."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from exponential.assistant.offline.asides import turned
from exponential.assistant.offline.steps import Call, Step
from exponential.workspace.text import dates, days

Understand = Callable[[str], list[Step] | None]

_JOINT = re.compile(
    r"[.;!]\s+|,\s*(?:(?:so|and)\s+)*|\s[–-]+\s|\s(?:so|and)\s+(?=(?:please|can|could|remind|set|add)\b)"
)
_MAX_JOINTS = 5
LEAD = (
    r"(?:the|an?|one|two|three|four|five|ten|half\s+an|\d{1,2})\s+(?P<unit>minute|min|hour|day|week|month)s?\s+"
    r"(?:before(?:hand)?|earlier|ahead|in\s+advance|prior(?:\s+to)?)(?:\s+(?:that|it))?"
)
SPAN = re.compile(rf"\b(?P<span>{LEAD})", re.IGNORECASE)
_THAT_DAY = re.compile(
    r"\b(?:(?:for|on|by|until|before|at)\s+(?:that|the\s+same|the)\s+(?:very\s+)?(?:day|date|time|morning|evening)(?!\s+(?:after|before|of))|(?:by\s+)?then(?=\W*$|\s*:))",
    re.IGNORECASE,
)
_REMIND = re.compile(
    r"(?:(?:please|pls|can\s+you|could\s+you|will\s+you|just)\s+)*(?:remind\s+me|let\s+me\s+know|ping\s+me|give\s+me\s+a\s+(?:nudge|shout|reminder))\b(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_REPEATS = re.compile(r"\s*\b(?:every|each)\s+(?:year|month|week)\b|\s*\b(?:yearly|monthly|weekly|annually)\b", re.I)
_OF_IT = re.compile(r"\s*\b(?:of|about)\s+(?:it|that|this)\b|\s*\b(?:please|pls|in\s+time|too|thanks)\b", re.IGNORECASE)
IS_ON = re.compile(
    r"\s+(?:is|are|will\s+be|falls|takes\s+place|happens|comes\s+up|['’]s)(?:\s+(?:due|on|again))*$", re.IGNORECASE
)
_THERE_IS = re.compile(
    r"^(?:(?:i|we)(?:['’]ve|\s+have)(?:\s+got)?|there(?:['’]s|\s+is)|it['’]?s|don['’]t\s+forget|also|btw)\s+(?:an?\s+|the\s+|my\s+)?",
    re.IGNORECASE,
)
_MADE = ("remind", "create_task")


def read(text: str, now: datetime, understand: Understand) -> list[Step] | None:
    """The steps for the wish, on the day that was told before it."""
    for joint in islice(_JOINT.finditer(text), _MAX_JOINTS):
        said, wish = text[: joint.start()].strip(), text[joint.end() :].strip()
        words, due = dates.extract(said, now)
        if due is None or turned(said) or understand(said):
            continue  # no occasion, or a request of its own
        for request in _wishes(wish.strip(" .!?"), words, due):
            steps = understand(request)
            if steps and all(isinstance(step, Call) and step.tool in _MADE for step in steps):
                return steps
    return None


def _wishes(wish: str, words: str, due: object) -> Iterator[str]:
    moment = due if isinstance(due, datetime) else datetime.fromisoformat(f"{due}T00:00")
    span = SPAN.search(wish)
    that_day = _THAT_DAY.search(wish)
    timed = isinstance(due, datetime)
    if span is not None:
        before = length(span)
        timed = timed if before < timedelta(days=1) else False
        if before < timedelta(days=1) and not isinstance(due, datetime):
            return
        moment, cut = moment - before, span
    elif that_day is not None:
        cut = that_day
    else:
        cut = None
    on = f"on {moment:%Y-%m-%d} at {moment:%H:%M}" if timed else f"on {moment:%Y-%m-%d}"
    remind = _REMIND.fullmatch(wish)
    repeats = _REPEATS.search(wish)
    if cut is None and (remind is None or repeats is None):
        return
    if remind is not None:
        rest = remind["rest"]
        for gone in (cut[0] if cut else "", repeats[0] if repeats else ""):
            rest = rest.replace(gone, "", 1) if gone else rest
        if not _OF_IT.sub("", rest).strip(" ,.!?"):
            what = _THERE_IS.sub("", IS_ON.sub("", words.strip(" ,.;:–-")))
            yield f"remind me {repeats[0].strip() if repeats else ''} {on} about {what}".replace("  ", " ")
            return
    if cut is not None:
        yield f"{wish[: cut.start()]}{on}{wish[cut.end() :]}"


def length(span: re.Match[str]) -> timedelta:
    """How long before: of a match of SPAN."""
    words = span["span"].lower()
    number = words.split()[0]
    unit = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[span["unit"][0].lower()]
    if span["unit"].lower() == "month":
        return timedelta(days=30)
    if number == "half":
        return timedelta(minutes=30)
    amount = 1 if number == "the" else days.NUMBERS.get(number) or int(number)
    return timedelta(**{unit: amount})
