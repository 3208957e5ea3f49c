"""Wanting a morning briefing, in everyday English; and what only sounds like it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exponential.assistant.offline import briefings, intents
from exponential.assistant.offline.steps import Call, Heard, Say

NOW = datetime(2026, 5, 6, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def understood(text: str) -> list[Any]:
    return [
        (step.tool, step.args) if isinstance(step, Call) else step
        for step in intents.read([Heard(text, NOW)], {"create_task", "set_briefing"})
    ]


@pytest.mark.parametrize(
    ("text", "at", "days"),
    [
        ("send me a briefing every day at 7:30", "07:30", "daily"),
        ("Send me a daily briefing at 8am please", "08:00", "daily"),
        ("please give me a morning briefing at 7", "07:00", "daily"),
        ("I'd like a briefing every weekday at 6:45", "06:45", "weekdays"),
        ("i want to get a briefing at 7.15 every morning", "07:15", "daily"),
        ("brief me every morning at 7 o'clock", "07:00", "daily"),
        ("can you set up a daily briefing for 9:00", "09:00", "daily"),
        ("change my briefing to 8:15", "08:15", "daily"),
        ("move the morning briefing to 6:30 on weekdays", "06:30", "weekdays"),
        ("briefing at 7:30", "07:30", "daily"),
        ("schedule a briefing monday to friday at 7:30", "07:30", "weekdays"),
        ("send me a briefing every day at 6 in the evening", "18:00", "daily"),
        ("send me a briefing every day at 12 pm", "12:00", "daily"),
    ],
)
def test_a_briefing_is_wanted(text: str, at: str, days: str) -> None:
    assert understood(text) == [("set_briefing", {"at": at, "days": days})]


@pytest.mark.parametrize(
    "text",
    [
        "stop the briefing",
        "no more briefings please",
        "turn off my morning briefing",
        "turn the briefing off",
        "Cancel the daily briefing",
        "i don't want briefings anymore",
        "unsubscribe me from the briefing",
    ],
)
def test_no_more_of_them(text: str) -> None:
    assert understood(text) == [("set_briefing", {"at": "off"})]


@pytest.mark.parametrize("text", ["send me a briefing every morning", "give me a daily briefing", "briefing at 25:00"])
def test_without_a_time_it_asks(text: str) -> None:
    assert understood(text) == [Say(briefings.AT_WHAT_TIME)]


@pytest.mark.parametrize(
    "text",
    [
        "add a task: prepare the briefing for monday at 9",
        "remind me at 9 about the briefing",
        "send the briefing notes to Anna",
        "call Bob about the briefing at 7:30",
        "what did we decide in the briefing?",
        "delete the briefing task",
        "write a briefing for the board",
    ],
)
def test_what_only_mentions_one_is_something_else(text: str) -> None:
    assert not any(isinstance(step, tuple) and step[0] == "set_briefing" for step in understood(text))
