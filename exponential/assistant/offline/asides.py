"""A request among words that are none: "the school rang, I have to …", "scrap the ballet task, she's ill".

Only what the rules didn't understand as a whole comes here. Words that may turn a request round ("if", "don't", "he
said") are never cut away.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from exponential.assistant.offline import guarding
from exponential.assistant.offline.manners import HEDGES
from exponential.assistant.offline.steps import Step, has_call

_JOINT = re.compile(
    r"\s+(?=(?:(?:please|can\s+you|could\s+you|will\s+you)\s+(?:remind|add|put|move|delete|show|create)|remind\s+me)\b)|\s*(?:[.!?;…]+\s+|\s[-–—]+\s|:\s+|,\s*(?:(?:so|and|but|then)\s+)?|\s(?:so|and\s+so|and|because|cause)\s+)\s*",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:what|which|who|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|has|have|tell\s+me)\b",
    re.IGNORECASE,
)
_DATE = re.compile(  # "on friday, water the plants"
    r"(?:(?:on|by|in|this|next|the)\s+)*(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|today|tonight|weekend|week|\d{1,2}(?:st|nd|rd|th)?(?:\s+(?:of\s+)?[a-z]{3,9})?"
    r"|(?:\d+|one|two|three|four|a)\s+(?:days?|weeks?|months?))(?:\s+(?:morning|afternoon|evening|night))?",
    re.IGNORECASE,
)
_MAX_JOINTS = 6
_NAMED = tuple(  # what "it" is in "I don't need the report any more, delete it"
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:i|we)(?:['’]m|['’]re|\s+am|\s+are)\s+(?:all\s+)?out\s+of\s+(?P<name>.+?)(?:\s+so)?",
        r"(?:i|we)(?:['’]d\s+like\s+to\s+get|\s+need(?:\s+(?:more|some|to\s+(?:get|buy)))?|\s+have\s+no(?:\s+more)?|\s+don['’]?t\s+have\s+any(?:\s+more)?|\s+want)\s+(?P<name>.+?)"
        r"(?:\s+so)?",
        r"(?:i|we)(?:['’]ve|\s+have)(?:\s+got)?\s+(?:an?|some|my|the)\s+(?P<name>.+?)(?:\s+so)?",
        r"i\s+forgot\s+(?:to|about)\s+(?:the\s+)?(?P<name>.+)",
        r"i\s+(?:no\s+longer|don['’]?t)\s+(?:need|want)\s+(?:the\s+|my\s+|to\s+)?(?P<name>.+?)(?:\s+any\s?more)?",
        r"i\s+(?:can['’]?t|cannot|won['’]?t)\s+(?:do|make|manage|get\s+to|come\s+to)\s+(?:the\s+|my\s+)?(?P<name>.+?)"
        r"(?:\s+(?:on|by|at|until|this|next|today|tomorrow)\b.*)?",
        r"(?:the\s+|my\s+)?(?P<name>.+?)\s+(?:is|are|was|were|has\s+been|['’]s)(?:n['’]?t|\s+not)?\s+(?:no\s+longer\s+)?"
        r"(?:\w+\s+)?(?:needed|necessary|relevant|obsolete|cancelled|canceled|booked|done|finished|ready|due|late|wrong"
        r"|delayed|sent|paid|off|outdated)(?:\s+(?:any\s?more|yet))?",
        r"(?:the\s+|my\s+)?(?P<name>.+?)\s+(?:matters|counts|is\s+(?:very\s+|really\s+)?important)(?:\s+(?:a\s+lot|most|much|now))?",
        r"(?:the\s+|my\s+)?(?P<name>.+?)\s+(?:can\s+wait|has\s+time|(?:is|['’]s)\s+(?:back|broken|open|there)(?:\s+again)?|(?:is\s+not|isn['’]?t)\s+(?:that\s+|so\s+)?(?:urgent|important))",
        r"(?:about|regarding|re|as\s+for|concerning)\s+(?:the\s+|my\s+)?(?P<name>.+)",
    )
)
_IT = re.compile(r"\b(?:it|that|this|them|that\s+one)\b(?!\s+(?:is|was|will)\b)", re.IGNORECASE)
_POINTS = re.compile(
    r"(?:please\s+|pls\s+|just\s+|so\s+|and\s+|let['’]?s\s+|can\s+we\s+|could\s+we\s+|can\s+you\s+|could\s+you\s+|will\s+you\s+|you\s+can\s+)*(?:add|throw|stick|pop|delete|remove|cancel|drop|scrap|bin|move|push"
    r"|postpone|make|set|open|put|change|mark|tick|cross|check|rename|reschedule|reopen|shift|erase|trash|stop)\s+"
    r"(?:it|that|this|them|that\s+one)\b",
    re.IGNORECASE,
)
Understand = Callable[[str], list[Step] | None]
Way = Callable[[str, Sequence[re.Match[str]]], Iterator[tuple[str, str]]]


def without_asides(text: str, understand: Understand) -> list[Step] | None:
    """The steps for the part of `text` that is a request; None when there is no such part, or no telling."""
    return _first(text, understand, (_tails, _heads))


def pointed(text: str, understand: Understand) -> list[Step] | None:
    """The steps for "I don't need the report any more, delete it"."""
    return _first(text, understand, (_named,))


def _first(text: str, understand: Understand, ways: Sequence[Way]) -> list[Step] | None:
    joints = list(islice(_JOINT.finditer(text), _MAX_JOINTS + 1))
    if len(joints) > _MAX_JOINTS:
        return None
    for way in ways:
        for part, cut in way(text, joints):
            steps = understand(part)
            if not steps or not has_call(steps) or _dangerous(steps, cut):
                continue
            if way is not _heads or not has_call(understand(cut)):  # else both are requests, and it is not understood
                return steps
    return None


def _dangerous(steps: Sequence[Step], cut: str) -> bool:
    return guarding.destroys(steps) and bool(HEDGES.search(cut))


def _named(text: str, joints: Sequence[re.Match[str]]) -> Iterator[tuple[str, str]]:
    """ "I don't need the report any more, delete it" → "delete “the report”"."""
    for joint in joints:
        head, tail = text[: joint.start()].strip(), text[joint.end() :].strip()
        if not _POINTS.match(tail):
            continue
        for pattern in _NAMED:
            match = pattern.fullmatch(head)
            adds = re.search(r"\b(?:add|put|throw|stick|pop)\b", tail, re.IGNORECASE) is not None
            if match is not None and len(match["name"].split()) <= (12 if adds else 6):
                point = _IT.search(tail)
                if point is not None:
                    yield f"{tail[: point.start()]}{match['name']}{tail[point.end() :]}", ""
                break


def _tails(text: str, joints: Sequence[re.Match[str]]) -> Iterator[tuple[str, str]]:
    """What stands after words that are no request."""
    asks = _ASKS.match(text) is not None
    for joint in joints:
        head, tail = text[: joint.start()].strip(), text[joint.end() :].strip()
        if asks and joint[0].strip().lower() in ("and", "so", "because", "cause"):
            continue
        if (
            head
            and len(tail.split()) > 1
            and (not turned(head) or (_ASKED_OF_YOU.match(tail) and not _TURNS.search(head)))
        ):
            yield (f"{tail} {head}", "") if _DATE.fullmatch(head) else (tail, head)


def _heads(text: str, joints: Sequence[re.Match[str]]) -> Iterator[tuple[str, str]]:
    for joint in reversed(joints):
        head, tail = text[: joint.start()].strip(), text[joint.end() :].strip()
        if tail and len(head.split()) > 1 and not turned(tail):
            yield head, tail


_ASKED_OF_YOU = re.compile(
    r"(?:please|pls|can\s+you|could\s+you)\s+(?:add|put|note|create|make|remind)\b", re.IGNORECASE
)
_TURNS = re.compile(
    r"\b(?:if|unless|whether|don['’]?t|do\s+not|never|would|joking|kidding|wait|except)\b|[\"“”]", re.IGNORECASE
)


def turned(words: str) -> bool:
    """Whether the words may turn round what they stand beside; "the landlord never answered" only tells."""
    return bool(re.search(r"\b(?:if|unless|whether|don['’]?t|do\s+not"
                          r"|never(?!\s+\w+ed\b)|said|says?|told|asked|wants?|would|joking"
                          r"|kidding|wait|except)\b|[\"“”]", words, re.IGNORECASE))  # fmt: skip
