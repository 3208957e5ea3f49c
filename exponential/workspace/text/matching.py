"""Which record someone means when they name it in their own words: exact, part of the name, or close enough."""

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rapidfuzz import fuzz, utils

from exponential.core.errors import BadInput, Conflict, NotFound

CLOSE_ENOUGH = 80.0  # of 100; below that a name is not taken for a title
CERTAIN = 95.0  # the words as they stand in the title; what can hurt asks for it
CLEARLY_BETTER = 8.0  # the best match wins alone when the next one scores this much less
MAX_LISTED = 5
MAX_NAME_CHARS = 500  # by which a record is sought

_UMLAUTS = str.maketrans({"ß": "ss", "ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "ø": "oe", "å": "a"})
_AE = re.compile(r"(?<![aeq])(?:ae|oe|ue)(?![aeiou])")  # "Mueller", "Müller" and "Muller" are one
_SMALL = frozenset(("the", "a", "an", "my", "to", "for", "of", "and"))

T = TypeVar("T")


@dataclass(frozen=True)
class RecordKind(Generic[T]):
    """How records of one kind are named. `noun`: "task"; `title`: a record's name; `detail`: what tells it from others
    of the same name, as " (due 2026-05-01)" or ""; `twin`: what of several that nobody can tell apart is meant."""

    noun: str
    title: Callable[[T], str]
    detail: Callable[[T], str] = lambda _: ""
    twin: Callable[[Sequence[T]], T] = lambda records: records[0]


def one(name: str, kind: RecordKind[T], *groups: Sequence[T], sure: bool = False) -> T:
    """The one record that `name` means, of the first of `groups` that has any.

    `sure`: words that only resemble the title are asked back. Raises BadInput (no name), NotFound, or Conflict
    (`ambiguous` listing the candidates, or `unsure`).
    """
    name = name[:MAX_NAME_CHARS]
    if not _plain(name):
        raise BadInput(f"Which {kind.noun} do you mean? Name it, or part of its title.", code=f"{kind.noun}_unnamed")
    for group in groups:
        candidates = close(name, kind.title, group)
        if candidates:
            return _decide(name, kind, candidates, sure=sure)
    raise NotFound(
        f"I found no {kind.noun} like “{name}” in your workspace. Ask for your {kind.noun}s to see them all.",
        code=f"unknown_{kind.noun}",
    )


def close(name: str, title: Callable[[T], str], records: Sequence[T]) -> list[tuple[float, T]]:
    """(score, record) of those that `name` may mean, the best first."""
    scored = [(score(name, title(record)), record) for record in records]
    return sorted((item for item in scored if item[0] >= CLOSE_ENOUGH), key=lambda item: -item[0])


def score(name: str, title: str) -> float:
    """How well `name` fits `title`, 0 to 100: 100 is the same words in the same order, 95 all of them as they stand."""
    asked, known = _plain(name), _plain(title)
    if asked == known:
        return 100.0
    if not asked or not known:
        return 0.0
    if f" {asked} " in f" {known} ":
        return 97.0
    if set(asked.split()) <= set(known.split()):
        return 95.0
    return min(94.0, max(fuzz.ratio(asked, known), fuzz.token_sort_ratio(asked, known), _all_words_in(asked, known)))


def _all_words_in(asked: str, known: str) -> float:
    """92 when each asked word stands in the title, allowing for typing errors ("dentst"), other forms ("buying") and
    beginnings ("mark" of "marketing"); 84 when the title is what is asked and little more ("book the dentist")."""
    asked_words, known_words = asked.split(), known.split()
    if all(_stands(word, known_words) for word in asked_words):
        return 92.0
    more = sum(word not in _SMALL for word in asked_words) - len(known_words)
    return 84.0 if more <= 1 and all(_stands(word, asked_words) for word in known_words) else 0.0


def _stands(word: str, others: Sequence[str]) -> bool:
    return word in others or any(_alike(word, other) for other in others)


def _alike(word: str, other: str) -> bool:
    if word[:2] == other[:2] and len(word) >= 3:  # "mark" and "marketing", "buying" and "buy"
        if other.startswith(word) or (len(_stem(word)) >= 3 and _stem(word) == _stem(other)):
            return True
    return fuzz.ratio(word, other, score_cutoff=CLOSE_ENOUGH) > 0


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def _plain(text: str) -> str:
    """In small letters, without accents and marks, ß and umlauts as people type them who have none; an emoji alone
    stays what it is."""
    if text.isascii():
        return _AE.sub(lambda match: match[0][0], utils.default_process(text))
    text = unicodedata.normalize("NFC", text)
    spelled = unicodedata.normalize("NFKD", text.lower().translate(_UMLAUTS))
    words = utils.default_process("".join(letter for letter in spelled if not unicodedata.combining(letter)))
    return _AE.sub(lambda match: match[0][0], words) or "".join(
        letter for letter in text if unicodedata.category(letter) == "So"
    )


def _decide(name: str, kind: RecordKind[T], candidates: list[tuple[float, T]], *, sure: bool) -> T:
    best = candidates[0][0]
    near = 0.0 if best == 100.0 else CLEARLY_BETTER
    rivals = [record for value, record in candidates if best - value <= near]
    alike: set[Hashable] = {(kind.title(record).casefold(), kind.detail(record)) for record in rivals}
    if len(alike) == 1:
        found = kind.twin(rivals)
        if sure and best < CERTAIN:
            raise Conflict(f"Do you mean “{kind.title(found)}”? Name it as it is written there.", code="unsure")
        return found
    listed = ", ".join(f"“{kind.title(record)}”{kind.detail(record)}" for record in rivals[:MAX_LISTED])
    more = f" and {len(rivals) - MAX_LISTED} more" if len(rivals) > MAX_LISTED else ""
    raise Conflict(f"“{name}” could be one of several {kind.noun}s: {listed}{more}. Which one?", code="ambiguous")
