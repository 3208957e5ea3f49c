from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from exponential.assistant import commands
from exponential.assistant.commands import Command
from exponential.core.errors import BadInput

NOW = datetime(2026, 5, 6, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/help", Command("help")),
        ("  /HELP \n", Command("help")),
        ("/pause 2h", Command("pause", "2h")),
        ("/forget all of\nit", Command("forget", "all of\nit")),
        ("/coffee", Command("coffee")),
        ("/etc/hosts is broken", None),
        ("what does /help do?", None),
        ("/ help", None),
        ("/2", None),
        ("", None),
    ],
)
def test_what_is_a_command(text: str, command: Command | None) -> None:
    assert commands.parse(text, "owner") == command


def test_guests_have_few() -> None:
    for name in ("help", "pause", "resume", "new", "stop"):
        assert commands.parse(f"/{name}", "guest") == Command(name)
    for name in ("tasks", "status", "forget", "briefing", "coffee"):
        assert commands.parse(f"/{name}", "guest") is None


@pytest.mark.parametrize(
    ("rest", "until"),
    [
        ("", None),
        ("90", "2026-05-06T12:00"),
        ("2h", "2026-05-06T12:30"),
        ("for 2 hours", "2026-05-06T12:30"),
        ("30 min", "2026-05-06T11:00"),
        ("an hour", "2026-05-06T11:30"),
        ("3 days", "2026-05-09T10:30"),
        ("1 week", "2026-05-13T10:30"),
        ("until 5pm", "2026-05-06T17:00"),
        ("till 17:00", "2026-05-06T17:00"),
        ("until tomorrow", "2026-05-07T00:00"),
        ("until tomorrow at 9:00", "2026-05-07T09:00"),
        ("until friday", "2026-05-08T00:00"),
    ],
)
def test_for_how_long_to_pause(rest: str, until: str | None) -> None:
    found = commands._until(rest, NOW)
    assert (found and f"{found:%Y-%m-%dT%H:%M}") == until
    assert found is None or found.tzinfo == NOW.tzinfo


@pytest.mark.parametrize("rest", ["please", "0", "a while", "99999 weeks", "-3h", "2 sprints", "until call mom friday"])
def test_a_pause_that_is_not_understood_is_asked_about(rest: str) -> None:
    with pytest.raises(BadInput, match="/pause 2h"):
        commands._until(rest, NOW)
