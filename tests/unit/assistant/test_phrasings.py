"""How much everyday English the offline model understands: sets of phrasings, each scored as a whole.

known.txt is what the rules were worked on with, heldout.txt is not; varied*.txt are people of many kinds. Whatever the
score, nothing may ever be deleted, cancelled or forgotten that wasn't meant.
"""

import time
from dataclasses import replace

import pytest
from phrasing_sets import DESTRUCTIVE, HERE, MEMORIES, NOW, TOOLS, Phrasing, is_wrong_destruction, phrasings, understood

from exponential.assistant.offline import intents
from exponential.assistant.offline.steps import Heard


@pytest.mark.parametrize("memory", ["", "tasks", "task", "project", "meeting", "items"])
def test_nothing_is_deleted_that_was_not_meant(memory: str) -> None:
    for text in (HERE / "harmless.txt").read_text(encoding="utf-8").splitlines()[1:]:
        calls = understood(Phrasing(text, replace(MEMORIES[memory], text=text), []))
        assert not any(tool in DESTRUCTIVE for tool, _ in calls), f"{text!r}: {calls}"


@pytest.mark.parametrize(
    ("name", "bar"),
    [("known", 0.99), ("heldout", 0.97)] + [(f"varied{n}", 0.97) for n in range(1, 23)],
)
def test_everyday_english(name: str, bar: float) -> None:
    everything = list(phrasings(name))
    missed, destroyed = [], []
    for phrasing in everything:
        calls = understood(phrasing)
        if not phrasing.fits(calls):
            missed.append(f"{phrasing.text!r}\n    wanted {phrasing.accepted}\n    got    {calls}")
        if is_wrong_destruction(phrasing, calls):
            destroyed.append(phrasing.text)
    right = 1 - len(missed) / len(everything)
    print(f"\n{name}: {len(everything) - len(missed)} of {len(everything)} right ({right:.1%})", *missed, sep="\n")
    assert destroyed == []
    assert right >= bar, "\n".join(missed)


@pytest.mark.parametrize(
    "words", ["mark x and y and ", "move a to b to ", "add buy milk, then show it; ", "is done ", "("]
)
def test_no_message_keeps_it_thinking(words: str) -> None:
    for length in (300, intents.MAX_REQUEST, 60_000):
        began = time.process_time()
        assert intents.read([Heard((words * 60_000)[:length], NOW)], TOOLS)
        assert time.process_time() - began < 15, f"{length}: hours, not seconds, are what this is about"
