"""Which tool a request is likely about: a linear classifier over words and pairs of words.

Its weights are made by `uv run python -m benchmarks.train_classifier` from the sets of phrasings, and kept in
classifier.json: {"labels": [...], "bias": [...], "weights": {feature: [one for each label]}}.
"""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from exponential.workspace.text.memo import memoised

WEIGHTS = Path(__file__).with_name("classifier.json")
NONE = "none"  # the label of what asks for nothing
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|[?✅]")


def features(text: str) -> Iterator[str]:
    """Words, pairs of them, the first one, and whether there are numbers."""
    words = ["#" if word.isdigit() else word for word in _WORD.findall(text.lower())][:40]
    if words:
        yield f"^{words[0]}"
        yield f"^{' '.join(words[:2])}"
        yield f"{words[-1]}$"
    yield from words
    yield from (f"{one} {other}" for one, other in pairwise(words))


@memoised
def classify(text: str) -> tuple[str, float]:
    """The likeliest label and how likely it is, 0 to 1."""
    model = _model()
    scores = list(model["bias"])
    for feature in dict.fromkeys(features(text)):
        for place, weight in enumerate(model["weights"].get(feature, ())):
            scores[place] += weight
    highest = max(scores)
    odds = [math.exp(score - highest) for score in scores]
    best = odds.index(max(odds))
    return model["labels"][best], odds[best] / sum(odds)


@cache
def _model() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return found
