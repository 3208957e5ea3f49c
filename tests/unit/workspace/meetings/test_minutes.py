"""A meeting on Tuesday, 5 May 2026."""

from datetime import date

import pytest

from exponential.workspace.meetings.minutes import Found, take
from exponential.workspace.meetings.transcripts import TranscriptLine, parse

DAY = date(2026, 5, 5)


@pytest.mark.parametrize(
    ("said", "text", "owner", "due"),
    [
        ("I'll send the deck by Friday.", "send the deck", "Anna", date(2026, 5, 8)),
        ("Okay, so I will update the budget tomorrow", "update the budget", "Anna", date(2026, 5, 6)),
        ("Bob will book the venue.", "book the venue", "Bob", None),
        ("Bob to book the venue by 20 May", "book the venue", "Bob", date(2026, 5, 20)),
        ("Bob, can you please call the printer?", "call the printer", "Bob", None),
        ("Could you draft the lease by next Monday, Carla Diaz?", "draft the lease", "Carla Diaz", date(2026, 5, 11)),
        ("Bob will also tell the sales team.", "tell the sales team", "Bob", None),
        ("Can Bob check the numbers?", "check the numbers", "Bob", None),
        ("Bob, please check the numbers.", "check the numbers", "Bob", None),
        ("Action: Bob to send the notes", "send the notes", "Bob", None),
        ("Action item: Bob: send the notes tomorrow", "send the notes", "Bob", date(2026, 5, 6)),
        ("TODO: order new chairs (Bob)", "order new chairs", "Bob", None),
        ("[ ] order new chairs", "order new chairs", None, None),
        ("We need to order new chairs by Friday", "order new chairs", None, date(2026, 5, 8)),
    ],
)  # fmt: skip
def test_action_items(said: str, text: str, owner: str | None, due: date | None) -> None:
    assert take([TranscriptLine(said, "Anna")], DAY).actions == [Found(text, 1, owner, due)]


@pytest.mark.parametrize(
    "said",
    [
        "It will be fine.",
        "This should work.",
        "We will see what happens.",
        "What should we do?",
        "I think Bob was right.",
        "Everyone should be careful.",
        "That has to stop soon.",
        "Hello everyone!",
    ],
)
def test_what_is_no_action_item(said: str) -> None:
    assert take([TranscriptLine(said, "Anna")], DAY).actions == []


@pytest.mark.parametrize(
    "said",
    [
        "We decided to use Postgres.",
        "Okay, we've agreed on nine euros.",
        "Decision: nine euros",
        "Let's go with the blue one.",
        "So we'll go with plan B.",
        "It was agreed that we wait.",
    ],
)
def test_decisions(said: str) -> None:
    taken = take([TranscriptLine("Hello."), TranscriptLine(said, "Anna")], DAY)
    assert [found.line for found in taken.decisions] == [2] and taken.actions == []


def test_what_is_no_decision() -> None:
    for said in ("Have we decided on the price?", "We have not met yet.", "I can't decide."):
        assert take([TranscriptLine(said)], DAY).decisions == []


def test_the_summary_is_short_in_order_and_of_what_was_talked_about() -> None:
    lines = [f"Anna: Point {number} is about small talk and the weather outside." for number in range(10)]
    lines[4] = "Bob: The migration of the database costs two days, and the database must be tested after the migration."
    lines[8] = "Anna: We decided to start the migration of the database on Monday."
    summary = take(parse("\n".join(lines)).lines, DAY).summary
    assert len(summary) == 5
    assert lines[4] in summary and lines[8] in summary
    assert sorted(summary, key=lambda said: lines.index(said)) == summary
