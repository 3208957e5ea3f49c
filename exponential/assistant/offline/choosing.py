"""Which of the records that were listed are meant: "all but the first", "all three", "the venue one", "Anna's".

Only for what can be taken back with a word: nothing is deleted or cancelled by it.
"""

import re
from typing import Any

from exponential.assistant.offline import pointing
from exponential.assistant.offline.steps import Heard, Kind

_COUNTS = {"both": 2, "two": 2, "2": 2, "three": 3, "3": 3, "four": 4, "4": 4, "five": 5, "5": 5}
_NOUNS = r"(?:ones?|tasks?|items?|reminders?|projects?|meetings?|to-?dos?|points?)"
_OF = rf"(?:\s+(?:of\s+)?(?:them|these|those|the\s+{_NOUNS}|{_NOUNS}))?"
_COUNTED = re.compile(
    rf"(?:(?P<both>both)|(?:all|the|these|those|all\s+of\s+the)\s+(?P<count>two|three|four|five|[2-5]))"
    rf"(?:\s+{_NOUNS})?{_OF}",
    re.IGNORECASE,
)
_ALL_BUT = re.compile(
    rf"(?:(?:all|any|everything|every\s+one|everyone|the\s+lot){_OF}|them\s+all)\s*,?\s*"
    r"(?:but|except(?:\s+for)?|apart\s+from|other\s+than|besides|save|without|minus|not)\s+(?P<left_out>.+)",
    re.IGNORECASE,
)
_EDGE = re.compile(rf"^(?:the|my|that|a|an)\s+|(?:\s+|^){_NOUNS}$", re.IGNORECASE)
_OWNED = re.compile(r"(?P<owner>\w+?)['’]?s?$", re.IGNORECASE)


def counted(words: str, heard: Heard, kind: Kind) -> list[str] | None:
    """The ids of "both", "all three" and "all but the last"; None where the words are none of these, or don't fit."""
    words = words.strip(pointing.EDGES)
    records = listed(heard, kind)
    if not records:
        return None
    match = _COUNTED.fullmatch(words)
    if match is not None:
        count = _COUNTS[(match["both"] or match["count"]).lower()]
        return [str(record["id"]) for record in records] if count == len(records) else None
    but = _ALL_BUT.fullmatch(words)
    left_out = each_of(but["left_out"], heard, kind) if but is not None else None
    return [str(record["id"]) for record in records if record["id"] not in left_out] if left_out else None


def each_of(words: str, heard: Heard, kind: Kind) -> list[str] | None:
    """The ids of "2 and 3", "the venue one", "the first and Anna's"; None where one of them can't be told."""
    found: list[str] = []
    for part in re.split(r"\s*(?:,|\band\b|\bor\b|&)\s*", words.strip(pointing.EDGES)):
        record = _one(part, heard, kind) if part else None
        if record is None:
            return None
        found.append(str(record["id"]))
    return found


def listed(heard: Heard, kind: Kind) -> list[dict[str, Any]]:
    return list(heard.listed) if heard.listed_kind == kind else []


def _one(words: str, heard: Heard, kind: Kind) -> dict[str, Any] | None:
    records = listed(heard, kind)
    if pointing.is_place(words):
        try:
            ids = pointing.targets(words, heard, kind, "", several=False)
        except pointing.Unclear:
            return None
        return next((record for record in records if record["id"] == ids[0]), None)
    bare = _EDGE.sub("", _EDGE.sub("", words.strip(pointing.EDGES))).strip(pointing.EDGES).lower()
    if not bare:
        return None
    named = [record for record in records if set(_words(bare)) <= set(_words(words_of(record)))]
    owner = _OWNED.fullmatch(bare)
    owned = [record for record in records if owner and str(record.get("owner")).lower() in (bare, owner["owner"])]
    found = named or owned
    return found[0] if len(found) == 1 else None


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'’]+", text.lower())


def words_of(record: dict[str, Any]) -> str:
    return str(record.get("title") or record.get("text") or record.get("name") or "")
