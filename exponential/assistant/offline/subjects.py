"""What a question is about, whether it asks for what is done, and by what it wants it grouped."""

import re

DONE = (
    r"(?:done|completions?|finish(?:ed)?|completed?|accomplish(?:ed)?|closed?|ticked\s+off|get\s+done"
    r"|got\s+done|achieved?|productive|(?:knock|tick|cross|check)(?:ed)?\s+(?:off|out)|wrap(?:ped)?\s+up|g[eo]t\s+through)"
)
IS_DONE = re.compile(rf"\b{DONE}\b", re.IGNORECASE)
CREATED = re.compile(r"\b(?:create[d]?|add(?:ed)?|ma(?:k|d)e|new)\b", re.IGNORECASE)
_ABOUT = (
    ("action_items", re.compile(r"\baction\s*(?:items?|points?)\b", re.IGNORECASE)),
    ("reminders", re.compile(r"\breminders?\b", re.IGNORECASE)),
    ("meetings", re.compile(r"\b(?:meetings?|transcripts?)\b", re.IGNORECASE)),
    ("notes", re.compile(r"\b(?:notes?|messages?)\b", re.IGNORECASE)),
    ("projects", re.compile(r"^(?:(?!\btasks\b).)*\bprojects\b", re.IGNORECASE)),
)
_KIND = (
    r"(?P<by>project|priorit(?:y|ies)|prio|urgency|importance|weekday|day|date|status|state|owner|person|people"
    r"|assignee)s?"
)
_GROUP = (
    re.compile(
        rf"\b(?:per|by|for\s+(?:each|every)|in\s+(?:each|every)|across|each|every)\s+(?:of\s+)?(?:the\s+|my\s+|our\s+)?{_KIND}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:which|what)\s+(?:of\s+(?:my|the)\s+)?{_KIND}\b.*\b(?:most|fewest|least|more|fullest|busiest)\b"
        rf"|\b(?:most|least)\s+(?:productive|busy|successful)\s+(?P<by2>day)\b|\b(?:busiest|best|quietest|worst)\s+(?P<by3>day)\b"
        r"|\bwho(?:['’]?s)?\s+(?:has|have|got)\s+(?:the\s+)?(?:most|fewest|least)\b",
        re.IGNORECASE,
    ),
)
_BY = {
    "prio": "priority",
    "priorities": "priority",
    "urgency": "priority",
    "importance": "priority",
    "weekday": "day",
    "date": "day",
}
_BY |= {"state": "status", "person": "owner", "people": "owner", "assignee": "owner"}


_EVERY_ONE = re.compile(r"(?:(?:show|list|give|see)\s+(?:me\s+)?)?every\s+(?:single\s+)?project\b", re.IGNORECASE)
SORTED = re.compile(r"[\s,]+(?:sorted|ordered|sort|order)(?:\s+them)?\s+by\s+.*$", re.IGNORECASE)


def kind(text: str) -> str:
    """Which records: tasks, if nothing else is named."""
    return next((about for about, pattern in _ABOUT if pattern.search(text)), "tasks")


def grouping(text: str) -> str | None:
    """By what to group: "per prio", "which day … most", "who has the most"."""
    match = next((match for pattern in _GROUP if (match := pattern.search(text))), None)
    if match is None or _EVERY_ONE.match(text):
        return None
    found = match.groupdict()
    by = (found["by"] or found.get("by2") or found.get("by3") or "owner").lower()
    return _BY.get(by, by)
