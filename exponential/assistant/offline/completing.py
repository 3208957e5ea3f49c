"""Rules that complete tasks: "done: …", "… is done", "I bought the milk", "the second one"."""

import re

from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.words import past_to_imperative, split_past, split_requests, without_article

WHICH = "Which task is done? Name it, or part of its title."
ONE_BY_ONE = "I mark tasks as done one by one. " + WHICH

_AS_DONE = r"(?:(?:as|to)\s+)?(?:done|complete[d]?|finished|closed)"
_COMPLETE = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"(?:mark|set|tick|check|flag)\s+(?P<name>.+?)\s+{_AS_DONE}",
        rf"(?:mark|set)\s+{_AS_DONE}[\s:,-]+(?P<name>.+)",
        r"(?:tick|check|cross|strike)\s+off[\s:]+(?P<name>.+)",
        r"(?:tick|check|cross|strike)\s+(?P<name>.+?)\s+off(?:\s+(?:my|the)\s+list)?",
        r"tick\s+(?P<name>.+)",
        r"(?:i\s*(?:['’]?ve|['’]?m|\s+am|\s+have)?\s+)?(?:just\s+|already\s+|now\s+)?"
        r"(?:done|finished|completed|complete|finish|close|closed|resolve|resolved|accomplished)"
        r"(?:\s+with\b|\s+doing\b)?(?:\s+(?:the\s+)?(?:task|to[\s-]?do|item)\b)?[\s:,–-]+(?P<name>.+)",
        r"(?P<name>.+?)(?:\s+(?:is|are|was|got|has\s+been|have\s+been|['’]s))?\s+(?:already\s+|now\s+|all\s+)*"
        r"(?:done|finished|completed|complete|✅|✔️?)",
        r"(?:✅|✔️?|☑️?)\s*(?P<name>.+)",
    )
)
_QUESTION = re.compile(
    r"(?:is|are|was|were|did|do|does|has|have|should|may|who|when|where|why|how|what)\b", re.IGNORECASE
)
_PAST = re.compile(
    r"(?P<i>i\s*(?:['’]?ve|\s+have)?\s+)?(?:(?:just|already|finally)\s+)?(?P<deed>(?P<verb>[a-z]+)\s+.+)", re.IGNORECASE
)
_ALONE = re.compile(
    r"(?:i['’]?m\s+|it['’]?s\s+|that['’]?s\s+|all\s+)?(?:done|finished|completed?|✅|✔️?)"
    r"(?:\s+(?:it|that|this|that\s+one))?",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:the\s+)?(?:(?:task\s+|number\s+|no\.?\s*|nr\.?\s*|#\s*)*(?P<number>\d{1,2})(?:st|nd|rd|th)?"
    r"|(?P<word>first|second|third|fourth|fifth|last))(?:\s+(?:one|task|item))?",
    re.IGNORECASE,
)
_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_PRONOUN = re.compile(r"it|that|this|that\s+one|this\s+one|the\s+(?:task|last\s+one)", re.IGNORECASE)
_ALL = re.compile(r"all|everything|all\s+(?:of\s+them|(?:my\s+|the\s+)?tasks?)|every\s+task", re.IGNORECASE)


def complete(heard: Heard) -> list[Step] | None:
    text = heard.text
    if _ALONE.fullmatch(text):
        return [_last(heard)]
    if _QUESTION.match(text):
        return None
    for pattern in _COMPLETE:
        match = pattern.fullmatch(text)
        if match is not None:
            return _complete(match["name"], heard)
    return _deeds(text)


def _deeds(text: str) -> list[Step] | None:
    """ "I called mom and paid the rent" → what was to be done: "call mom", "pay rent"."""
    match = _PAST.fullmatch(text)
    if match is None:
        return None
    verb = past_to_imperative(match["verb"])
    if verb is None or (verb == match["verb"].lower() and not match["i"]):  # "put …" is no past without "I"
        return None
    steps: list[Step] = []
    for deed in split_past(match["deed"]):
        done, _, what = deed.partition(" ")
        steps.append(Call("complete_task", {"task": f"{past_to_imperative(done)} {without_article(what)}".strip()}))
    return steps


def _complete(name: str, heard: Heard) -> list[Step]:
    name = name.strip(" .,:;\"“”'‘’")
    if _ALL.fullmatch(name):
        return [Say(ONE_BY_ONE)]
    if _PRONOUN.fullmatch(name):
        return [_last(heard)]
    places = [_PLACE.fullmatch(part) for part in re.split(r"\s*(?:,|\band\b|&)\s*", name)]
    if heard.listed and all(places):
        return [_at(match, heard) for match in places if match]
    return [Call("complete_task", {"task": _name(part)}) for part in split_requests(name)] or [Say(WHICH)]


def _at(match: re.Match[str], heard: Heard) -> Step:
    word = (match["word"] or "").lower()
    place = len(heard.listed) if word == "last" else _PLACES.get(word) or int(match["number"])
    if not 1 <= place <= len(heard.listed):
        return Say(f"The list I showed you has no number {place}. {WHICH}")
    return Call("complete_task", {"task": heard.listed[place - 1]["id"]})


def _last(heard: Heard) -> Step:
    return Call("complete_task", {"task": heard.last["id"]}) if heard.last and not heard.last["done"] else Say(WHICH)


def _name(words: str) -> str:
    noun = r"^(?:the\s+)?(?:task|to[\s-]?do|item)\s+(?=\S)|\s+(?:task|to[\s-]?do)$"
    return without_article(re.sub(noun, "", words, flags=re.IGNORECASE).strip(" .,:;\"“”'‘’"))
