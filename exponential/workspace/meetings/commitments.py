"""Who will do what after a meeting: promises, requests, and lines that assign something. No owner is ever guessed."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from exponential.workspace.text import dates
from exponential.workspace.text.days import WEEKDAYS

_NAME = r"[A-ZÀ-Þ][\wà-þ'’]+(?:\s[A-ZÀ-Þ][\wà-þ'’]+)?"
_DEED = (
    r"(?!(?:also|then|just|please|probably)\b)(?!(?:be|have|not|never|see|think|say|know|guess|admit|wait|hope|agree|feel|remember"
    r"|look|talk\s+about\s+it|take\s+place|check\s+in)\b)[a-z]+\b.*"
)
_NOT_NAMES = frozenset(
    """i it we you he she they that this there these those what who which when where why how but and so then if okay ok
    yes no maybe everyone everybody somebody someone nobody one
    today tomorrow nothing everything let lets please action decision todo""".split()
) | set(WEEKDAYS)
_LEAD = (
    r"(?:(?:ok(?:ay)?|so|then|right|great|good|sure|alright|well|and|yes|yep|fine|also|now|perfect|thanks|cool|i\s+(?:guess|think|suppose)"
    r"|that\s+means|sounds\s+good|no\s+problem)\b[\s,.!–-]*)*"
)
_EXTRA = r"(?:(?:also|then|just|please|maybe|quickly)\s+)*"
_PATTERNS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"^(?i:action(?:\s+items?)?|todo|to[\s-]do|ai|task|next\s+steps?|\[ ?\]|☐)\s*(?:[:–-]|(?<=\])"
        r"|(?<=☐))\s*(?P<rest>.+)$",
        rf"^(?i:{_LEAD})(?P<who>{_NAME})\s+(?:will|is\s+going\s+to|has\s+to|needs\s+to|should|shall|must|to)\s+{_EXTRA}"
        rf"(?P<what>{_DEED})$",
        rf"^(?i:{_LEAD})@?(?P<who>{_NAME}),?\s+(?:can|could|will|would)\s+you\s+{_EXTRA}(?P<what>{_DEED})$",
        rf"^(?i:{_LEAD})(?i:can|could|will|would)\s+you\s+{_EXTRA}(?P<what>{_DEED}?),\s*(?P<who>{_NAME})\??$",
        rf"^(?i:{_LEAD})(?i:can|could)\s+(?P<who>{_NAME})\s+{_EXTRA}(?P<what>{_DEED})$",
        rf"^(?i:{_LEAD})(?P<who>{_NAME}),\s+please\s+(?P<what>{_DEED})$",
        rf"^(?i:{_LEAD})(?P<me>[Ii])\s*(?:(?:['’]ll|\s+will)(?:\s+have\s+to|\s+need\s+to)?|\s+can|['’]m\s+going\s+to"
        rf"|\s+am\s+going\s+to|\s+(?:(?:also|still)\s+)?(?:need|have)\s+to|\s+must)\s+{_EXTRA}(?P<what>{_DEED})$",
        rf"^(?i:{_LEAD})(?i:we\s+(?:also\s+|still\s+)?(?:(?:need|have)\s+to|must)|(?:someone|somebody)\s+(?:should|must|has\s+to|needs\s+to))\s+"
        rf"(?P<what>{_DEED})$",
    )
)
_ASKED = re.compile(rf"^(?i:{_LEAD})(?i:can|could|will|would)\s+you\s+{_EXTRA}(?P<what>{_DEED}?)\?$", re.DOTALL)
_ASSIGNED = (
    re.compile(rf"^@?(?P<who>{_NAME})\s+(?:to|will|[:–-])\s+(?P<what>.+)$", re.S),
    re.compile(rf"^@?(?P<who>{_NAME})\s*:\s*(?P<what>.+)$", re.S),
)
_OWNER_AT_END = re.compile(
    rf"(?<![\s(\[@–-])\s*[(\[@–-]+\s*(?:owner:?\s*)?(?P<who>{_NAME})[)\]]?(?P<tail>,?\s+by\s+.+)?$", re.S
)
_DUE_IN_BRACKETS = re.compile(r"\(\s*(?P<due>(?:due|by|until|before)\b[^)]*)\)", re.IGNORECASE)
_OF_IT = re.compile(r"do\s+(?:it|that|this)\b", re.IGNORECASE)
_BOX = re.compile(r"^\[ ?\]\s*")
_DONE = re.compile(r"^\[[xX]\]|^☑|^✅")
# Where what is to be done ends and talk goes on.
_TALK = re.compile(
    r"[,;]\s+i['’]m\b.*$|(?<!\s)(?:\s*[,;]|\s+(?:and|but|so))\s+(?:i|we|you|he|she|they|it|did|do|does|there|that)\b.*$"
    r"|(?<!\s),?\s+(?:since|because)\s.*$",
    re.IGNORECASE | re.DOTALL,
)
_YES = re.compile(
    r"^(?:(?:yes|yeah|yep|sure(?:\s+thing)?|ok(?:ay)?|of\s+course|no\s+problem|will\s+do|fine|gladly|happy\s+to|absolutely|i\s+can|i['’]?ll)\b"
    r"[\s,.!–-]*)+(?:(?:i\s+)?(?:['’]ll|will|can)\s+)?(?:do(?:\s+(?:it|that|this))?[\s,.!]*)?(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_DO_IT = re.compile(
    r"^(?:i(?:['’]ll|\s+will|\s+can)|will)\s+do(?:\s+(?:it|that|this))?[\s,]*(?P<rest>.*)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Promise:
    """Something to do. `owner` as they are named, `by` who said it; `open`: somebody was asked, and hasn't answered."""

    what: str
    owner: str | None
    by: str | None = None
    open: bool = False


@dataclass(frozen=True)
class Reply:
    """A yes, and by when."""

    due: date | None


def promised(sentence: str, speaker: str | None, *, in_list: bool = False) -> Promise | None:
    """What the sentence says that somebody will do. `in_list`: it stands under "Action items"."""
    if _DONE.match(sentence):
        return None
    sentence = _DUE_IN_BRACKETS.sub(r"\g<due>", sentence.strip())
    for pattern in _PATTERNS:
        match = pattern.match(sentence)
        if match is None:
            continue
        parts = match.groupdict()
        if parts.get("rest"):
            owner, what = _assigned(parts["rest"])
        else:
            owner, what = (speaker if parts.get("me") else parts.get("who")), _TALK.sub("", parts["what"])
        if owner is not None and not _is_name(owner):
            continue
        return None if _OF_IT.match(what) else Promise(what, owner)
    if in_list:
        owner, what = _assigned(_BOX.sub("", sentence))
        return Promise(what, owner)
    asked = _ASKED.match(sentence)
    return Promise(_TALK.sub("", asked["what"]), None, by=speaker, open=True) if asked is not None else None


def reply(sentence: str, noon: datetime) -> Reply | None:
    """Whether the sentence takes on what was asked ("sure, by Monday", "will do"), and by when."""
    match = _DO_IT.match(sentence.strip()) or _YES.match(sentence.strip())
    if match is None:
        return None
    words, due = dates.extract(_TALK.sub("", match["rest"]).strip(" .!,"), noon)
    if words.strip(" .,!") and not (due is None and _YES.match(sentence.strip()) is match):
        return Reply(None) if len(words.split()) <= 3 else None
    return Reply(due.date() if isinstance(due, datetime) else due)


def _assigned(rest: str) -> tuple[str | None, str]:
    said = rest.strip().rstrip(".")
    for pattern in _ASSIGNED:
        match = pattern.match(said)
        if match is not None and _is_name(match["who"]):
            return match["who"], match["what"]
    match = _OWNER_AT_END.search(said, 1)
    if match is not None and _is_name(match["who"]):
        return match["who"], said[: match.start()] + (match["tail"] or "")
    return None, rest


def _is_name(words: str) -> bool:
    return words.split()[0].lower() not in _NOT_NAMES
