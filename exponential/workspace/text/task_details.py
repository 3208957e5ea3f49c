"""What a request says of a task besides its title: the priority and the project."""

import re
from collections.abc import Sequence

_LEVELS = {
    "medium": "normal",
    "top": "high",
    "highest": "urgent",
    "critical": "urgent",
    "important": "high",
    "urgently": "urgent",
}
_CODES = {"1": "urgent", "2": "high", "3": "normal", "4": "low"}
_LEVEL = "low|normal|medium|high|top|highest|urgent|critical"
_PRIORITY = re.compile(
    r"(?:^|(?<![\w'])[,;(–-]?)\s?(?:(?:and|but|with|at|of|as|in|it's|it is|this is|that's|is|a|an|make it"
    r"|very|really|super|set to|mark it(?: as)?)\s){0,4}"
    rf"(?:!(?P<bang>{_LEVEL})|(?P<level>{_LEVEL})[\s-]*prio(?:rit(?:y|ies))?|prio(?:rity)?\s?(?:is|[:=])?\s?(?P<named>{_LEVEL}|[1-4])"
    r"|p(?P<code>[1-4])|(?P<asap>asap|as soon as possible)"
    r"|(?P<word>urgent(?:ly)?|critical|important)(?=\s?(?:[:,;.!)–-]|tasks?\b|to-?dos?\b|$))|(?P<marks>!{2,3}))(?!\w)[\s,:!)]*",
    re.IGNORECASE,
)
_NAME = r"(?P<{}>\"[^\"]+\"|[\w&][\w&'-]*(?:\s[\w&'-]+){{0,3}})"
_PROJECT = re.compile(
    rf"(?:^|[\s,;(–-])(?:(?i:in|for|to|into|under|on|of|within|from)\s)?(?:#(?P<tag>[A-Za-z][\w-]*)"
    rf"|(?i:(?:the|my|our)\s)?(?i:project)\s?[:=]?\s{_NAME.format('after')}(?=\s?(?:$|[,.;:)]))"
    r"|(?:(?<=\bin\s)|(?<=\bfor\s)|(?<=\bto\s)|(?<=\binto\s)|(?<=\bunder\s)|(?<=\bof\s))(?:the\s|my\s|our\s)?(?P<before>[\w&-]+(?:\s[A-Z][\w&-]*){0,3})\s(?i:project))"
    r"(?!\w)\)?"
)
_NOT_NAMES = frozenset(
    "a an the my our this that new each every which due by for in to with report plan meeting budget manager "
    "is has".split()
)


def take_priority(text: str) -> tuple[str, str | None]:
    """The request without its priority, and the priority."""
    match = _PRIORITY.search(text)
    if match is None:
        return text, None
    level = (match["bang"] or match["level"] or match["named"] or match["word"] or "").lower()
    if match["asap"] or match["marks"]:
        level = "high" if match["marks"] == "!!" else "urgent"
    level = _CODES.get(match["code"] or level) or _LEVELS.get(level, level)
    return _without(text, match), level


def take_project(text: str, known: Sequence[str] = ()) -> tuple[str, str | None]:
    """The request without its project, and the project's name: one of the `known`, or one that is called a project or
    written as a #tag."""
    for name in sorted(known, key=len, reverse=True):
        match = _named(name).search(text)
        if match is not None:
            return _without(text, match), name
    match = _PROJECT.search(text)
    if match is None:
        return text, None
    found = (match["tag"] or match["after"] or match["before"]).strip('"')
    if found.split()[0].lower() in _NOT_NAMES:
        return text, None
    return re.sub(r"\s(?:in|for|to|into|under|of)$", "", _without(text, match)), found


def _named(name: str) -> re.Pattern[str]:
    """Where a known project is named: "in Garden", "for the Garden project", "Garden: …"."""
    said = rf'"?{re.escape(name)}"?'
    return re.compile(
        r"(?:^|[\s,;(–-])(?:in|for|to|into|under|on|at|of|from|project|#)\s*(?:(?:the|my|our)\s)?\s*(?:project\s)?\s*"
        rf"{said}(?:'s)?(?:\s(?:project|list))?(?!\w)\)?|^{said}\s?[:–-]\s",
        re.IGNORECASE,
    )


def _without(text: str, match: re.Match[str]) -> str:
    before, after = text[: match.start()].rstrip(" ,;(–-"), text[match.end() :].lstrip(" ,;:")
    return f"{before} {after}".strip() if after[:1] not in (".", "?", ")") else f"{before}{after}".strip()
