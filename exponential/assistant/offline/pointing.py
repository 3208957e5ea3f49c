"""What "it", "the second one" and "1 and 3" point at: the records that Paddy spoke of last."""

import re

from exponential.assistant.offline.steps import Heard, Kind
from exponential.assistant.offline.words import LISTS, split_requests, without_article

_PLACE = re.compile(
    r"(?:the\s+)?(?:(?:tasks?|items?|reminders?|numbers?|nos?\.?|nr\.?|#)\s*)*(?:(?P<number>\d{1,2})(?:st|nd|rd|th)?(?!\w)"
    r"|(?P<word>first|second|third|fourth|fifth|last|one|two|three|four|five|both|bottom|top|1st|2nd|3rd))(?:\s+(?:ones?|task|item|entry|reminder|action\s+item))?",
    re.IGNORECASE,
)
_PLACES = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "top": 1,
}
_FIRST_SOME = re.compile(r"^(?:the\s+)?first\s+(two|three|2|3)(?:\s+(?:ones|tasks|items))?$", re.IGNORECASE)
_SOME = {"two": 2, "2": 2, "three": 3, "3": 3}
_ORDINALS = ("first", "second", "third")
_PRONOUN = re.compile(
    r"(?:it|that|this|that\s+one|this\s+one|the\s+(?:task|last\s+one|reminder|project|meeting)"
    r"|that\s+(?:task|reminder|project))(?:\s+again)?",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"(?:all|everything|every\s+(?:task|reminder)|(?:all|any)\s+(?:of\s+(?:it|them|these|those)|(?:my|the|open"
    r"|done)\s+.*"
    r"|tasks?|reminders?)|them(?:\s+all)?|both|my\s+(?:list|tasks?)|the\s+(?:list|tasks))",
    re.IGNORECASE,
)
_WHOLE_LIST = re.compile(
    rf"(?:(?:all|every|each|everything|the|my|of|items?|tasks?|things?|stuff|contents?|entries|what['’]?s|on|in|from|that|is|are|entire|whole|complete)\s+)*(?:{LISTS})"
    r"|(?:all|everything|anything)\b.*",
    re.IGNORECASE,
)
_NOUN = re.compile(
    r"^(?:(?:the|my)\s+)?(?:task|to[\s-]?do|item)\s+(?:called\s+|named\s+|(?:about|for|with|of|regarding)\s+(?:the\s+)?)?(?=\S)|\s+(?:task"
    r"|to[\s-]?do|one|thing|stuff|item)$",
    re.IGNORECASE,
)
_REASON = re.compile(  # "…, it can wait"
    r"\s*[,;–]\s*(?:because\s+|since\s+)?(?:it|they|that|this|he|she|we|i|there|the\s+(?:others?|rest))(?:['’]\w+|\s+(?:can|could|stays?|has|have|had|is|are|was|were|will|quit|left|moved|changed|stopped|sold|got|need|needs|am|do|does|don['’]?t"
    r"|doesn['’]?t|can['’]?t|won['’]?t|isn['’]?t|aren['’]?t|wasn['’]?t|weren['’]?t|didn['’]?t|hasn['’]?t|haven['’]?t|still))\b[^\"“”]*$",
    re.IGNORECASE,
)
_LAST_SOME = re.compile(r"^(?:the\s+)?last\s+(two|three|2|3)(?:\s+(?:ones|tasks|items))?$", re.IGNORECASE)
EDGES = " .,:;!?\"“”'‘’"


class Unclear(Exception):
    """The words point at nothing that was spoken of; the sentence asks back."""


def without_reason(name: str) -> str:
    """ "the report, it can wait" → "the report"."""
    bare = _REASON.sub("", name)
    return re.sub(r"\s+(?:please|pls)$", "", bare, flags=re.IGNORECASE) if bare != name else name


def is_all(name: str) -> bool:
    """ "everything", "all my tasks", "my to-do list", "the items on my list"."""
    return bool(_ALL.fullmatch(name.strip(EDGES)) or _WHOLE_LIST.fullmatch(name.strip(EDGES)))


def is_pronoun(name: str) -> bool:
    return bool(_PRONOUN.fullmatch(name.strip(EDGES)))


def is_place(name: str) -> bool:
    """ "the second one", "number 3"."""
    return bool(_PLACE.fullmatch(name.strip(EDGES)))


def targets(name: str, heard: Heard, kind: Kind, ask: str, *, several: bool = True) -> list[str]:
    """Ids, where the words point at records of `kind` that were spoken of; else the names in them.

    Raises Unclear (with `ask`).
    """
    name = name.strip(EDGES)
    if not name or is_all(name):
        raise Unclear(ask)
    name = re.sub(r"^(?:(?:the|my|both)\s+)*(?:tasks|to-?dos|items)\s*:?\s+(?=\S)", "", name, flags=re.IGNORECASE)
    name = _FIRST_SOME.sub(lambda match: " and ".join(_ORDINALS[: _SOME[match[1].lower()]]), name)
    some = _LAST_SOME.match(name) if heard.listed else None
    if some is not None:
        count = len(heard.listed)
        name = " and ".join(f"number {place}" for place in range(count - _SOME[some[1].lower()] + 1, count + 1))
    parts = [part for part in re.split(r"\s*(?:,|\band\b|&)\s*", name) if part]
    places = [_PLACE.fullmatch(part) for part in parts]
    if len(parts) == 1 and places[0] is not None and (places[0]["word"] or "").lower() == "both":
        raise Unclear(ask)
    if heard.listed and heard.listed_kind == kind and places and all(places):
        return [_at(place, heard, ask) for place in places if place]
    if is_pronoun(name):
        if heard.last is None or heard.last_kind != kind:
            raise Unclear(ask)
        return [heard.last["id"]]
    if places and all(places) and not name.isdigit():
        raise Unclear(ask)
    names = split_requests(name) if several else [name]
    return [named(part) for part in names] or [name]


def named(words: str) -> str:
    """ "the task “buy milk”" → "buy milk"."""
    words = re.sub(
        r"^(?:the\s+)?(?:deadline|due\s+date|date|priority)\s+(?:of|for)\s+(?=\S)",
        "",
        words.strip(EDGES),
        flags=re.IGNORECASE,
    )
    bare = _NOUN.sub("", words.strip(EDGES)).strip(EDGES)
    return without_article(re.sub(r"^(?:about|regarding)\s+(?=\S)", "", bare, flags=re.IGNORECASE))


def _at(match: re.Match[str], heard: Heard, ask: str) -> str:
    word = (match["word"] or "").lower()
    place = len(heard.listed) if word in ("last", "bottom") else _PLACES.get(word) or int(match["number"])
    if not 1 <= place <= len(heard.listed):
        raise Unclear(f"The list I showed you has no number {place}. {ask}")
    return str(heard.listed[place - 1]["id"])
