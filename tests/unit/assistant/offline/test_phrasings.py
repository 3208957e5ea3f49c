"""How much everyday English the offline model understands: sets of phrasings, each scored as a whole.

known.txt is what the rules were worked on with, heldout.txt is not; varied*.txt are people of many kinds. Whatever the
score, nothing may ever be deleted, cancelled or forgotten that wasn't meant.
"""

from dataclasses import replace

import pytest
from support.assistant.phrasing_sets import (
    DESTRUCTIVE,
    HERE,
    MEMORIES,
    NOW,
    TOOLS,
    Phrasing,
    is_wrong_destruction,
    phrasings,
    understood,
)
from support.cpu_time import limited

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


UNITS = "x|(|,|- |5 |x: |A. |for |and |at 5 |to x |until |a to b |is done |then show it; ".split("|")


@pytest.mark.parametrize("length", [intents.MAX_REQUEST, 4_000, 65_000])
@pytest.mark.parametrize("verb", ["", "change ", "move ", "mark ", "add ", "no, "])
def test_no_message_keeps_it_thinking(verb: str, length: int) -> None:
    """Each takes about a second at most; without the limit on a request, and on runs of spaces, it would be hours."""
    for unit in UNITS:
        with limited(15.0):
            assert intents.read([Heard((verb + unit * length)[:length], NOW)], TOOLS)


@pytest.mark.parametrize("space", [" ", "\n", "\t", "\u00a0", " \n", "."])
def test_long_runs_of_spaces_count_as_one(space: str) -> None:
    for length in (700, 4_000, 65_000):
        with limited(15.0):
            assert intents.read([Heard(f"change{space * length}to x", NOW)], TOOLS)
    said = [intents.read([Heard(text, NOW)], TOOLS) for text in ("add   buy \t milk\n\n", "add buy milk")]
    assert said[0] == said[1]
