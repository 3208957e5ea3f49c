"""Which records the words mean: "it", "the second one", "2 and 3", "the other one", "both", or a name."""

import re
from collections.abc import Sequence

from exponential.assistant.offline.utterance import Context, Kind, Record, name_of
from exponential.workspace.text import matching

NOUNS = {
    "task": r"tasks?|to-?dos?|to dos?|items?|things?|ones?",
    "reminder": r"reminders?|alarms?|ones?",
    "project": r"projects?|ones?",
    "meeting": r"ones?|meetings?|calls?",
    "action_item": r"action items?|items?|ones?|points?",
    "fact": r"facts?|things?",
}
_PLACES = {word: place for place, word in enumerate(
    "first second third fourth fifth sixth seventh".split(), start=1)} | {
    word: place for place, word in enumerate("one two three four five six seven".split(), start=1)
} | {"last": -1, "bottom": -1, "top": 1}  # fmt: skip
_PLACE = re.compile(
    rf"(?:the )?(?:(?:tasks?|items?|numbers?|nos?\.?|nr\.?|#|reminders?) ?)?(?:(?P<number>\d{{1,2}})(?:st|nd"
    rf"|rd|th)?|(?P<word>{'|'.join(_PLACES)}))(?: (?:ones?|tasks?|items?|reminders?|projects?|meetings?"
    rf"|action items?|to-?dos?))?",
    re.IGNORECASE,
)
_SOME = re.compile(r"(?:the )?(?P<edge>first|last) (?P<count>two|three|four|\d)(?: \w+)?", re.IGNORECASE)
_IT = re.compile(
    r"(?:it|that|this|him|(?:the|that|this) (?P<noun>one|task|to-?do|item|reminder|project|meeting|thing"
    r"|call))(?: again)?",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"both(?: of (?:them|these|those))?(?: \w+)?|(?:all|the|these|those)(?: of (?:them|these"
    r"|those))?(?: (?P<count>two|three|four|five|[2-9]))?(?: of (?:them|these))?"
    r"|(?:them|these|those)(?: all| both)?|everything|all|(?:all )?(?:of )?(?:my|the) (?:open "
    r"|whole )?(?:tasks|list|to-?do list|to-?dos|reminders)|every(?:thing| task| reminder).*|all (?:my|the"
    r"|tasks|reminders|of it).*",
    re.IGNORECASE,
)
_BUT = re.compile(
    r"(?:all|everything|them all)(?: of them)? (?:but|except(?: for)?|apart from|besides) (?P<left>.+)", re.IGNORECASE
)
_EDGES = " .,:;!?\"'–-"


NO_NAME = re.compile(
    r"(?:(?:to|as|me|you|at|on|back|off|up|out|now|today|tomorrow|yesterday|again|then|too|so|and|all|my|the"
    r"|going|project|there|nothing)(?: |$))+",
    re.IGNORECASE,
)


class Unclear(Exception):
    """The words point at nothing that was shown; the sentence asks back."""


def is_place(words: str) -> bool:
    return _PLACE.fullmatch(words.strip(_EDGES)) is not None


def is_pronoun(words: str) -> bool:
    return _IT.fullmatch(words.strip(_EDGES)) is not None


def without_article(words: str) -> str:
    return re.sub(r"^(?:(?:the|my|our|a|an|some) )+", "", words, flags=re.IGNORECASE)


def which(kind: Kind) -> str:
    noun = kind.replace("_", " ")
    return f"Which {noun} do you mean? Name it, or ask for your {noun}s and say its number."


def named(words: str, kind: Kind) -> str:
    """'the task "buy milk"' → "buy milk"."""
    words = re.sub(
        r",\s+(?:because |since |as |so )?(?:it|we|i|they|he|she|there|that|the (?:others?|rest))(?:'\w+)? .*$",
        "",
        words.strip(_EDGES),
        flags=re.IGNORECASE,
    )
    words = re.sub(r"^(?:(?:the|my|our|a|an|that|this|some)\s+)+(?=\S)", "", words, flags=re.IGNORECASE)
    words = re.sub(
        rf"^(?:{NOUNS[kind]})\s+(?:(?:called|named|about|for|with|of|to|on)\s+)?(?:the\s+)?(?=\S)",
        "",
        words,
        flags=re.IGNORECASE,
    )
    words = re.sub(rf"(?<=\S)\s+(?:{NOUNS[kind]}|off)$", "", words, flags=re.IGNORECASE)
    return re.sub(r"^about (?:the )?", "", words.strip(_EDGES), flags=re.IGNORECASE)


def targets(words: str, kind: Kind, context: Context) -> tuple[list[str], bool]:
    """Ids of records that were shown, or names as the user said them; and whether these are certainly records.

    Raises Unclear.
    """
    words = words.strip(_EDGES)
    listed = list(context.listed) if context.listed_kind == kind else []
    it = _IT.fullmatch(words)
    if it is not None and (it["noun"] is None or re.fullmatch(NOUNS[kind], it["noun"], re.IGNORECASE)):
        if context.last is not None and context.last_kind == kind and context.last.get("id"):
            return [str(context.last["id"])], True
        if len(listed) == 1:
            return [str(listed[0]["id"])], True
        raise Unclear(which(kind))
    if re.fullmatch(r"(?:the )?other(?: one| task)?", words, re.IGNORECASE):
        others = [record for record in listed if context.last is None or record["id"] != context.last["id"]]
        if len(listed) == 2 and len(others) == 1:
            return [str(others[0]["id"])], True
        raise Unclear(which(kind))
    if (but := _BUT.fullmatch(words)) is not None and listed:
        left, _ = targets(but["left"], kind, context)
        return [str(record["id"]) for record in listed if str(record["id"]) not in left], True
    if (every := _ALL.fullmatch(words)) is not None:
        count = _PLACES.get((every["count"] or "").lower(), 0) or int(every["count"] or 0)
        if not listed or (count and count != len(listed)) or (words.lower().startswith("both") and len(listed) != 2):
            raise Unclear(which(kind))
        return [str(record["id"]) for record in listed], True
    if (some := _SOME.fullmatch(words)) is not None and listed:
        count = _PLACES.get(some["count"].lower()) or int(some["count"])
        chosen = listed[:count] if some["edge"].lower() == "first" else listed[-count:]
        return [str(record["id"]) for record in chosen], True
    parts = [part for part in re.split(r"\s*(?:,|\band\b|\+)\s*", words) if part]
    places = [_PLACE.fullmatch(part) for part in parts]
    if parts and all(places) and (listed or not words.isdigit()):
        return [str(_at(place, listed, kind)["id"]) for place in places if place], True
    return _by_name(words, parts, kind, context, listed)


def _by_name(
    words: str, parts: list[str], kind: Kind, context: Context, listed: list[Record]
) -> tuple[list[str], bool]:
    name = named(words, kind)
    if not name:
        raise Unclear(which(kind))
    if (one := _listed(name, listed)) is not None:
        return [str(one["id"])], True
    known = context.tasks if kind == "task" else context.projects if kind == "project" else ()
    if is_known(name, known):
        return [name], True
    names = [named(part, kind) for part in parts]
    if (
        len(names) > 1
        and all(names)
        and any(re.search(rf"\b(?:{NOUNS[kind]})$", part, re.IGNORECASE) for part in parts[:-1])
    ):
        return names, False
    if len(names) > 1 and all(_listed(each, listed) is not None or is_known(each, known) for each in names):
        return [str(one["id"]) if (one := _listed(each, listed)) is not None else each for each in names], True
    return [name], False


def known_as(name: str, known: Sequence[str]) -> str | None:
    """The first of the known names that is meant: `name` is it or a part of it, typing errors allowed; a name with
    more words is none."""
    likely = (title for title in known if len(name.split()) <= len(title.split()))
    return next((title for title in likely if matching.score(name, title) >= matching.CLOSE_ENOUGH), None)


def is_known(name: str, known: Sequence[str]) -> bool:
    return known_as(name, known) is not None


def _listed(name: str, listed: list[Record]) -> Record | None:
    """The one of the list whose words these are, or whose owner that is."""
    said = set(re.findall(r"\w+", name.lower()))
    owner = re.sub(r"'?s$", "", name.lower())
    found = [record for record in listed if said and said <= set(re.findall(r"\w+", name_of(record).lower()))]
    found = found or [
        record for record in listed if record.get("owner") and str(record["owner"]).lower() in (owner, name.lower())
    ]
    return found[0] if len(found) == 1 else None


def _at(place: re.Match[str], listed: list[Record], kind: Kind) -> Record:
    number = _PLACES[place["word"].lower()] if place["word"] else int(place["number"])
    if number == -1 and listed:
        return listed[-1]
    if not 1 <= number <= len(listed):
        shown = f"The list I showed you has no number {number}. " if listed else ""
        raise Unclear(shown + which(kind))
    return listed[number - 1]
