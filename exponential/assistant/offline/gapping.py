"""A verb said once for several: "push car service to mon, window cleaner to tues"."""

import re
from datetime import datetime

from exponential.assistant.offline.words import VERBS
from exponential.workspace.text import dates

_JOINT = re.compile(r"(\s*[,;]\s*(?:and\s+)?|\s+and\s+)", re.IGNORECASE)
_MOVES = re.compile(
    r"(?:(?:please|pls|also|then|can\s+you|could\s+you)\s+)*(?P<verb>move|push|postpone|shift|reschedule|delay|bump|bring|pull"
    r"|put\s+off|defer|snooze|add|create|schedule)\s+(?P<name>.+?)\s+(?:back\s+|forward\s+|out\s+)?(?:to|until|till|for|on|by)\s+(?P<when>.+)",
    re.IGNORECASE,
)
_GAP = re.compile(
    r"(?P<name>\w[\w\s'’-]{0,50}?)\s+(?:back\s+)?(?:to|until|till|for|on|by)\s+(?P<when>\S.*)", re.IGNORECASE
)
_ANOTHER = re.compile(
    r"(?<=\s)and\s+(?:another(?:\s+(?:one|task))?|(?:a\s+)?(?:new\s+)?task)\s*:?\s+(?:to\s+)?(?=(?P<verb>[a-z]+)\s)",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"(?:add|create|make|put|mark|complete|tick|check|delete|remove|move|push|postpone|rename|reopen|reschedule|set|change"
    r"|remind|snooze|cancel|undo|show|list|tell|what|which|how|who|i|it|that|buy|call|pay|send|book)\b",
    re.IGNORECASE,
)
_MAKES = ("add", "create", "schedule")
_MOST = 8


def filled(text: str, now: datetime) -> str:
    """`text` with the verb said again before each thing that is moved."""
    if re.match(r"(?:please\s+)?(?:add|create|new)\b", text, re.IGNORECASE):  # "…, and another one call mom"
        text = _ANOTHER.sub(lambda match: "and add a task " if match["verb"].lower() in VERBS else match[0], text)
    pieces = _JOINT.split(text)
    if not 3 <= len(pieces) <= 2 * _MOST or "\n" in text:
        return text
    verb: str | None = None
    for place in range(0, len(pieces), 2):
        moved = _MOVES.fullmatch(pieces[place])
        if moved is not None and _is_day(moved["when"], now):
            verb = moved["verb"]
            continue
        gap = _GAP.fullmatch(pieces[place]) if verb is not None and not _OPENS.match(pieces[place]) else None
        if gap is not None and verb not in _MAKES and gap["name"].split()[0].lower() in VERBS:
            gap = None  # "… and tell Bob by friday" has a verb of its own
        if gap is None or not _is_day(gap["when"], now):
            verb = None
            continue
        pieces[place] = f"{verb} {pieces[place]}"
    return "".join(pieces)


def _is_day(words: str, now: datetime) -> bool:
    left, due = dates.extract(words, now)
    if due is None:
        left, due = dates.extract(f"on {words}", now)
    return due is not None and not left.strip(" .,!")
