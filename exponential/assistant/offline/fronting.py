"""Tasks with their day, or their number, in front: "two things for Thursday: …", "by Friday: …", "one more: …"."""

from exponential.assistant.offline.belonging import ADD, taken, with_all
from exponential.assistant.offline.creating import FILTERS, tasks_of
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Heard, Step
from exponential.assistant.offline.words import VERBS, split_requests
from exponential.workspace.text import dates

_FOR_DAY = whole(
    rf"(?:(?P<counted>(?:{ADD}\s+|there(?:['’]?s|\s+is|\s+are)\s+)?(?:(?:an?|the|my|one|two|three|four|five|some|a\s+few|a\s+couple\s+of|another|other|more|last|next|\d)\s+)*"
    r"(?:things?|bits|errands?|jobs?|chores?|tasks?|to-?dos?|ones?|another|more|something|(?:to\s+)?be\s+done|needed)(?:\s+(?:that\s+)?(?:i|we)\s+(?:need|have|want)\s+to\s+(?:do|get\s+done))?)\s+)?"
    r"(?P<when>(?:(?P<for>for|on|by|due|before|until)\s+)?[^:,]{3,40}?)\s*(?::(?!\d\d\b)|\?(?=\s))\s*"
    r"(?P<rest>(?!(?:what|which|show|list|remind|how|mark|move|delete|remove|done)\b)[^?]+)"
)


_ONE_MORE = whole(
    r"(?:(?:there['’]?s|here['’]?s|i(?:['’]ve|\s+have)(?:\s+got)?|got)\s+)?(?:(?:one|another|two|three|some|a\s+few|last|more|other|final)\b\s*)+"
    r"(?:(?:ones?|things?|tasks?|items?)\s*)?:\s*(?P<rest>.+)"
)


def fronted(heard: Heard) -> list[Step] | None:
    text, shared = taken(heard)
    steps = _for_day(text, heard)
    return with_all(steps, shared) if steps is not None else None


def _for_day(text: str, heard: Heard) -> list[Step] | None:
    """ "two things for Thursday: call Anna and buy stamps", "by Friday: send the invoice", "one more: …"."""
    more = _ONE_MORE.fullmatch(text)
    if more is not None and more["rest"].split()[0].lower() in VERBS:
        return tasks_of(more["rest"], heard)
    match = _FOR_DAY.fullmatch(text)
    if match is None:
        return None
    words, due = dates.extract(match["when"].strip(" ,"), heard.now)
    first = match["rest"].split()[0].lower()
    led = match["counted"] or (match["for"] or "").lower() in ("for", "by", "due")
    if due is None or words.strip(" ,") or first in FILTERS or (not led and first not in VERBS):
        return None
    several = ("," in match["rest"] or (match["counted"] or "").lower().endswith("s")) and len(
        split_requests(match["rest"])
    ) == 1
    return tasks_of(match["rest"], heard, listed=several, due=due)
