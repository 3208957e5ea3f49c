"""What else a request says of a task: its priority and its project."""

import re

from exponential.assistant.offline.pointing import EDGES
from exponential.workspace.text.memo import memoised

_LEVEL = r"(?P<level>low|normal|medium|high|top|highest|urgent|critical)"
LEVELS = {"medium": "normal", "top": "high", "highest": "urgent", "critical": "urgent", "important": "high"}
_CODES = {"1": "urgent", "2": "high", "3": "normal", "4": "low"}
_PRIORITY = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"[\s,;]*(?:\b(?:and|because|as|since)\s+)?\b(?:it|this|that)(?:['’]?s|\s+is)\s+(?:(?:really|very|super|quite|pretty|so"
        r"|extremely)\s+)*(?P<level>urgent|important|critical|high[\s-]prio(?:rity)?)\b(?:[\s!.]*$|\s+and\s+(?=(?:it['’]?s\s+)?due\b))",
        rf"[\s,]*\b(?:(?:with|of|at|as|in)\s+)?(?:an?\s+)?{_LEVEL}[\s-]*prio(?:rit(?:y|ies))?\b[\s,:]*",
        rf"[\s,]*\b(?:(?:with|of)\s+)?prio(?:rity)?\s*(?:is|[:=])?\s*{_LEVEL}\b[\s,:]*",
        r"[\s,]*\b(?:prio(?:rity)?\s*|p)(?P<code>[1-4])\b[\s,:]*",
        r"\s+(?P<level>low|high|urgent|critical)(?=\s*:\s)",
        rf"\s*[,;]\s*{_LEVEL}(?=\s*(?:[,.!)]|$))",
        r"(?:^|[\s,(]+)(?P<urgent>urgent|critical)\s*!+\s*|\b(?P<urgent2>urgent)(?=\s+and\s+due\b)",
        rf"[\s,]*!{_LEVEL}\b[\s,]*",
        r"[\s,]*\b(?P<asap>asap|as\s+soon\s+as\s+possible)\b[\s,:]*",
        r"(?:^|[\s,(]+)(?:(?:very|super|really|extremely|quite|pretty|so)\s+)*(?P<urgent>urgent(?:ly)?|critical)(?:\s*[:,)]|\s*[–—-](?=\s)\s*|(?=\s+(?:tasks?|to-?dos?|ones?|items?"
        r"|things?)\b)|\s*$)",
        r"(?:^|[\s,]+)(?P<important>(?:(?:very|super|really|quite|pretty)\s+)*important)(?:\s*[:,]\s*|(?=\s+(?:tasks?|to-?dos?|ones?|items?"
        r"|things?)\b)|\s*$)",
        r"\s*(?P<marks>!{2,3})\s*",
    )
)
_NAME = r"(?P<name>[\"“][^\"”]+[\"”]|[\w&][\w&'’-]*(?:\s+[A-Z0-9][\w&'’-]*)*)"
_LONG_NAME = (
    r"(?P<name>[\w&][\w&'’-]*(?:\s+(?!(?i:due|by|with|on|at|before|until|and|for|high|low|urgent|important|prio\w*|today"
    r"|tomorrow|tonight|next|this|asap|to|about|that|as|from|in|now|please|is|has|have|had|still)\b)[\w&][\w&'’-]*){0,3})"
)
_PROJECT = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[,;]\s*(?:(?i:in|for|to|under)\s+)?(?:(?i:the)\s+)?(?i:project)\s*[:=]?\s+{_LONG_NAME}(?=\s*[,;.]|\s*$|\s)",
        rf"(?:^|(?<=[\w\"”])\s+)(?:(?i:in|for|to|into|under|of|with)\s+)?(?:(?i:the)\s+)?(?i:project)\s*[:=]?\s+{_LONG_NAME}(?=\s*$)",
        rf"(?<=[\w\"”])\s+(?i:in|for|to|into|under)\s+(?:(?i:the)\s+)?(?i:project)\s+{_LONG_NAME}(?=\s*$|\s*[,;.]|\s+(?i:due|by|with|until)\b)",
        r"(?:\s*[,;–-]\s*|(?<=\.)\s+)(?i:(?:and|please|pls|which|that|it)\s+)*(?i:belong(?:s|ing)?|goes)\s+(?i:to|in|into|under)\s+"
        rf"(?i:(?:the|my|our)\s+)?(?i:project\s+)?{_NAME}(?:\s+(?i:project))?(?=\s*(?:[,.;]|$))",
        r"(?:\s*[,;–-]\s*|(?<=\.)\s+)(?i:(?:and|please|pls|you\s+can|can\s+you|could\s+you)\s+)*(?i:file|put|add|log|place)\s+(?i:it|that|this)\s+"
        r"(?i:under|into|in)\s+(?i:(?:the|my|our)\s+)?(?i:project\s+)?(?P<name>(?-i:[A-Z])[\w&'’-]*(?:\s+[A-Z0-9][\w&'’-]*)*)(?:\s+(?i:project))?\s*[.!?]*$",
        r"[\s,]*\b(?i:in|for|to|into|under|on|within|of|from)\s+(?i:the|my|our)\s+(?P<name>[\w&][\w&'’ -]{0,40}?)\s+"
        r"(?i:project)\b",
        r"[\s,]*\b(?i:in|for|to|into|under|within)\s+(?P<name>(?!(?i:a|an|this|that|new|which|each"
        r"|every)\b)[\w&-]+)\s+(?i:project)\b",
        rf"[\s,]*(?:\b(?i:in|for|to|into|under|on|within|of|from|with)\s+)?(?:\b(?i:the|my|our)\s+"
        rf")?\b(?i:project)\s*[:=]?\s+{_NAME}",
        r"(?:^|\s)(?:(?:in|to|for|under|into)\s+)?#(?P<name>[A-Za-z][\w-]*)",
    )
)


_NOT_FIRST = frozenset(
    """due by until before high low urgent asap priority
    status is has have had to for in by with since that which are was from during this next last past over
    between on at within so yesterday today tomorrow""".split()
)


_OF_PROJECTS = frozenset(  # "write the project report" names no project
    """report reports charter plan plans meeting budget manager documentation docs page proposal description files file
    folder board team lead sponsor update review kick-off kickoff presentation deadline timeline schedule scope brief
    summary wiki owner name list costs invoice ideas idea closing office notes work folders application template
    outline deliverables goals goal roadmap status""".split()
)


@memoised
def take_priority(text: str) -> tuple[str, str | None]:
    """The request without its priority, and the priority."""
    for pattern in _PRIORITY:
        match = pattern.search(text)
        if match is not None:
            found = match.groupdict()
            return _cut(text, match), _level(found)
    return text, None


def _level(found: dict[str, str | None]) -> str:
    if found.get("level"):
        level = str(found["level"]).lower().split()[0].split("-")[0]
        return LEVELS.get(level, level)
    if found.get("code"):
        return _CODES[str(found["code"])]
    if found.get("important"):
        return "high"
    return "high" if found.get("marks") == "!!" else "urgent"


@memoised
def take_project(text: str) -> tuple[str, str | None]:
    """The request without its project, and the project's name."""
    for pattern in _PROJECT:
        match = pattern.search(text)
        if match is not None and _is_name(match):
            return _cut(text, match), match["name"].strip(EDGES)
    return text, None


def _is_name(match: re.Match[str]) -> bool:
    first = match["name"].strip(EDGES).split()[0]
    follows = "project" in match.string[match.start() : match.start("name")].lower()
    return first.lower() not in _NOT_FIRST and not (follows and first in _OF_PROJECTS)


def _cut(text: str, match: re.Match[str]) -> str:
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    return (
        f"{before} {after}".strip() if before and after[:1] not in (",", ":", ".", "?") else f"{before}{after}".strip()
    )
