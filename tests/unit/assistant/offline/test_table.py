"""Each row of the table understands its own examples, and no other row takes them from it."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.phrasing_sets import CONTEXTS, NAMES, TITLES, calls_of, plain
from exponential.assistant.offline.interpreter import Reading, readings
from exponential.assistant.offline.language.normalization import normalise
from exponential.assistant.offline.table import ROWS, Row
from exponential.assistant.offline.utterance import Context

YES = [(row, example) for row in ROWS for example in row.yes]
NO = [(row, example) for row in ROWS for example in row.no]


def read(text: str) -> list[Reading]:
    """The readings of a message, the likeliest first; "[tasks]" in front of it is what was shown before."""
    shown, text = text[1:].split("] ", 1) if text.startswith("[") else ("", text)
    context: Context = replace(CONTEXTS[shown], projects=NAMES, tasks=TITLES)
    return readings(normalise(text), context)


def calls(reading: Reading) -> list[tuple[str, dict[str, Any]]]:
    return [(call.tool, dict(call.args)) for call in reading.calls]


@pytest.mark.parametrize(("row", "example"), YES, ids=[example for _, example in YES])
def test_a_row_understands_its_examples(row: Row, example: str) -> None:
    text, _, wanted = example.partition(" => ")
    found = read(text)
    assert found[0].row is row, [(one.row.say, calls(one)) for one in found]
    assert not found[0].question
    meant = [(row.tool, args) for args in calls_of(wanted)] if row.tool else []
    assert plain(calls(found[0])) == plain(meant)


@pytest.mark.parametrize(("row", "example"), YES, ids=[example for _, example in YES])
def test_no_two_rows_tie(row: Row, example: str) -> None:
    best, *others = read(example.partition(" => ")[0])
    for other in others:
        as_likely = (other.row.priority, other.certain) == (best.row.priority, best.certain)
        assert not as_likely or other.question or plain(calls(other)) == plain(calls(best)), other.row.say


@pytest.mark.parametrize(("row", "example"), NO, ids=[example for _, example in NO])
def test_a_row_leaves_alone_what_is_not_its_own(row: Row, example: str) -> None:
    found = [one for one in read(example) if not one.question and not one.doubtful]
    assert not found or found[0].row is not row


def test_every_row_has_an_example() -> None:
    assert all(row.yes for row in ROWS)
