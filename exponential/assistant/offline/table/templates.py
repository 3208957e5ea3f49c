"""Sentence templates in the notation of Home Assistant's intents, and what they match.

`[optional]`, `(one|other)`, `{slot}` and `<rule>`, which stands for RULES[rule]. Words match in any case, and a
template fits a whole request or not at all. Of all ways to fit, those come first in which the first slots take the
fewest words. See https://github.com/OHF-Voice/hassil for the notation.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

RULES = {
    "which": "(what|which|what's|what are|which are|are there|is there|do i have|have i got|any)",
    "really": "(really|also|still|probably|maybe|actually|just|quite)",
    "already": "(already|now|just|finally|also|basically|all)",
    "the": "(the|my|our|a|an|that|this)",
    "show": "(show|list|see|view|display|read|get|give|tell|check|pull up|bring up|find)",
    "add": (
        "(put down|stick down|add|create|make|put|set up|start|new|jot down|note down|write down|log|enter|"
        "record|stick|pop|throw|chuck|schedule|note)"
    ),
    "task": "(task|to-do|to do|todo|action|item)",
    "tasks": (
        "(task[s]|to-do[s]|to do[s]|todo[s]|to do list|to-do list|todo list|list|thing[s]|item[s]|stuff|ones|"
        "everything|all)"
    ),
    "list": "[<the>] ([shopping|grocery|packing|task|to-do|todo|to do|chore[s]] list[s]|tasks|to-dos|todos)",
    "done": "(done|complete[d]|finished|sorted|closed|ticked off|checked off|over)",
    "move": "(move|push|shift|postpone|delay|reschedule|bump|defer|change|set|put off|bring forward|pull forward)",
    "delete": "(delete|remove|erase|get rid of|scrap|trash|bin|ditch|kill|drop)",
    "cancel": "(cancel|delete|remove|stop|drop|get rid of|turn off|kill|clear|disable)",
    "project": "[<the>] project",
    "meeting": "(meeting|call|sync|stand-up|standup|retro|workshop|session|kickoff|kick-off|review)",
}
_TOKEN = re.compile(r"'s(?!\w)|[^\W_]+(?:[-'.][^\W_]+)*|[✅☑✔]", re.IGNORECASE)
_PART = re.compile(r"\{(?P<slot>\w+)\}|<(?P<rule>\w+)>|(?P<mark>[\[\]()|])|(?P<words>[^\[\]()|{}<>]+)")
_ENDS = re.compile(r"[.!?;]")  # between two words: those of a template don't reach over it
_EDGES = " ,:–—-"
MOST_STEPS = 20_000  # of the search for one template in one request
MOST_WAYS = 60  # in which one template is tried on one request


@dataclass(frozen=True)
class Slot:
    name: str


@dataclass(frozen=True)
class Choice:
    """One of several sequences; an empty one makes it optional."""

    ways: tuple["Sequence_", ...]


Sequence_ = tuple[str | Slot | Choice, ...]
Slots = dict[str, tuple[int, int]]  # the first word of each, and the one behind its last


@dataclass(frozen=True)
class Words:
    """The words of a request and where they stand in it."""

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    def between(self, start: int, end: int) -> str:
        """The text of some words, with the marks around them."""
        first = self.spans[start - 1][1] if start else 0
        last = self.spans[end][0] if end < len(self.words) else len(self.text)
        return re.sub(r"[?.]+$|(?<!!)!$", "", self.text[first:last].strip(_EDGES))

    def flows(self, place: int) -> bool:
        """Whether no sentence ends between the word at `place` and the one before."""
        return place in (0, len(self.words)) or not _ENDS.search(
            self.text, self.spans[place - 1][1], self.spans[place][0]
        )


def words_of(text: str) -> Words:
    """Divide a text into words; what hangs on by an apostrophe is one of its own: "what" and "'s"."""
    found = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if end - start > 2 and text[start:end].lower().endswith("'s"):
            found += [(start, end - 2), (end - 2, end)]
        else:
            found.append((start, end))
    return Words(
        text,
        tuple(text[start:end].lower().replace("'", "").replace(".", "") or "'" for start, end in found),
        tuple(found),
    )


@cache
def parsed(template: str) -> Sequence_:
    ways, rest = _ways(template, 0)
    assert rest == len(template), f"a bracket is missing in {template!r}"
    return ways[0] if len(ways) == 1 else (Choice(ways),)


def _ways(template: str, place: int) -> tuple[tuple[Sequence_, ...], int]:
    """The alternatives from `place` on, and where their closing bracket stands."""
    ways: list[Sequence_] = []
    way: list[str | Slot | Choice] = []
    while place < len(template) and template[place] not in ")]":
        part = _PART.match(template, place)
        assert part is not None, template
        place = part.end()
        if part["slot"]:
            way.append(Slot(part["slot"]))
        elif part["rule"]:
            way += parsed(RULES[part["rule"]])
        elif part["words"]:
            way += [":"] if part["words"].strip() == ":" else words_of(part["words"]).words
        elif part["mark"] == "|":
            ways.append(tuple(way))
            way = []
        else:
            inner, place = _ways(template, place)
            optional: tuple[Sequence_, ...] = ((),) if part["mark"] == "[" else ()
            is_within = template[place + 1 : place + 2].isalnum() or template[part.start() - 1 : part.start()].isalnum()
            if is_within and optional:  # task[s]
                stem = way.pop()
                assert isinstance(stem, str)
                inner = tuple((stem + str(one[0]),) for one in inner)
                optional = ((stem,),)
            way.append(Choice((*inner, *optional)))
            place += 1
    ways.append(tuple(way))
    return tuple(ways), place


@cache
def needed(template: str) -> tuple[frozenset[str], ...]:
    """Of each set of words, a request must have one to fit the template."""
    return tuple(found for node in parsed(template) if (found := _needed(node)) is not None)


def _needed(node: str | Slot | Choice) -> frozenset[str] | None:
    if node == ":":
        return None
    if isinstance(node, str):
        return frozenset((node,))
    if isinstance(node, Slot):
        return None
    sets = [next((found for one in way if (found := _needed(one)) is not None), None) for way in node.ways]
    return None if any(found is None for found in sets) else frozenset().union(*(found for found in sets if found))


def matches(template: str, words: Words) -> Iterator[Slots]:
    """All ways in which the template fits, at most MOST_WAYS."""
    said = set(words.words)
    if not words.words or not all(one & said for one in needed(template)):
        return
    for end, slots in _match(parsed(template), words, 0, [MOST_STEPS]):
        if end == len(words.words):
            yield slots


def _match(sequence: Sequence_, words: Words, place: int, left: list[int]) -> Iterator[tuple[int, Slots]]:
    """Where a sequence that begins at `place` may end, and its slots."""
    left[0] -= 1
    if left[0] < 0:
        return
    if not sequence:
        yield place, {}
        return
    first, rest = sequence[0], sequence[1:]
    if first == ":":  # stands between two words
        if 0 < place < len(words.words) and ":" in words.text[words.spans[place - 1][1] : words.spans[place][0]]:
            yield from _match(rest, words, place, left)
        return
    if isinstance(first, str):
        if place < len(words.words) and words.words[place] == first and words.flows(place):
            yield from _match(rest, words, place + 1, left)
        return
    if isinstance(first, Slot):
        ends: Sequence[int] = range(place + 1, len(words.words) + 1) if rest else (len(words.words),)
        for end in ends:
            if end > place:
                for last, slots in _match(rest, words, end, left):
                    yield last, {first.name: (place, end), **slots}
        return
    for way in first.ways:
        yield from _match((*way, *rest), words, place, left)
