"""The sets of phrasings, what each should lead to, and what was spoken of before."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rapidfuzz import utils

from exponential.assistant import tools
from exponential.assistant.offline import intents
from exponential.assistant.offline.steps import Call, Heard

HERE = Path(__file__).parents[2] / "unit" / "assistant" / "offline" / "phrasings"
NOW = datetime(2026, 5, 6, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))
TOOLS = {"create_task", "list_tasks"}
DESTRUCTIVE = {name for name, spec in tools.specs().items() if spec.destructive}
TASKS = [
    {"id": f"t{n}", "title": title, "done": False}
    for n, title in enumerate(("buy milk", "call mom", "send the invoice"), 1)
]
ITEMS = [
    {"id": "a1", "text": "send the deck", "owner": "Anna", "due": "2026-05-08"},
    {"id": "a2", "text": "book the venue", "owner": "Bob", "due": None},
    {"id": "a3", "text": "draft the budget", "owner": None, "due": None},
]
REMINDERS = [
    {"id": "r1", "text": "call mom", "at": "2026-05-06T10:25:00+02:00"},  # it has just come
    {"id": "r2", "text": "take pills", "at": "2026-05-07T09:00:00+02:00"},
]
PROJECTS = [{"id": "p1", "name": "Alpha"}, {"id": "p2", "name": "Garden"}]
TITLES = ("buy milk", "call mom", "send the invoice", "fix login bug", "book flights to Lisbon", "water the plants")
NAMES = ("Alpha", "Garden", "Website", "Household", "Kitchen Renovation")  # of all projects
MEETINGS = [{"id": "m1", "title": "Pricing sync"}, {"id": "m2", "title": "Board meeting"}]
MEMORIES = {
    "": Heard("", NOW),
    "tasks": Heard("", NOW, listed=TASKS),
    "task": Heard("", NOW, last=TASKS[0]),
    "completed": Heard("", NOW, last={**TASKS[0], "done": True}),
    "deleted": Heard("", NOW, last=TASKS[0]),
    "items": Heard("", NOW, listed=ITEMS, listed_kind="action_item", last={"id": "m1"}, last_kind="meeting"),
    "meeting": Heard("", NOW, last={"id": "m1", "title": "Pricing sync"}, last_kind="meeting"),
    "project": Heard("", NOW, last={"id": "p1", "name": "Alpha"}, last_kind="project"),
    "reminder": Heard("", NOW, last=REMINDERS[0], last_kind="reminder"),
    "reminders": Heard("", NOW, listed=REMINDERS, listed_kind="reminder"),
    "asked": Heard("", NOW, asked="remind me to buy milk"),
    "dated": Heard("", NOW, last={**TASKS[0], "due": "2026-05-08T15:00:00+02:00"}),
    "projects": Heard("", NOW, listed=PROJECTS, listed_kind="project"),
    "meetings": Heard("", NOW, listed=MEETINGS, listed_kind="meeting"),
}


@dataclass(frozen=True)
class Phrasing:
    text: str
    heard: Heard
    accepted: list[list[tuple[str, dict[str, str]]]]  # the calls it should lead to; more than one where people differ

    def fits(self, calls: list[tuple[str, dict[str, Any]]]) -> bool:
        return any(
            len(calls) == len(wanted) and all(_same(*pair) for pair in zip(plain(calls), plain(wanted), strict=True))
            for wanted in self.accepted
        )


def _same(got: tuple[str, dict[str, str]], wanted: tuple[str, dict[str, str]]) -> bool:
    return (
        got[0] == wanted[0]
        and got[1].keys() == wanted[1].keys()
        and all(got[1][key] in wanted[1][key].split("|") for key in got[1])
    )


def phrasings(name: str) -> Iterator[Phrasing]:
    for line in (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        text, _, wanted = line.rpartition(" => ")
        memory, text = text[1:].split("] ", 1) if text.startswith("[") else ("", text)
        accepted = [list(_calls(one)) for one in wanted.split(" || ")]
        yield Phrasing(text, replace(MEMORIES[memory], text=text, projects=NAMES, tasks=TITLES), accepted)


def _calls(written: str) -> Iterator[tuple[str, dict[str, str]]]:
    for call in written.split(" ;; ") if written != "none" else []:
        tool, *fields = shlex.split(call)
        yield tool, dict(field.split("=", 1) for field in fields)


def understood(phrasing: Phrasing) -> list[tuple[str, dict[str, str]]]:
    steps = intents.read([phrasing.heard], TOOLS)
    return [(step.tool, step.args) for step in steps if isinstance(step, Call)]


def plain(calls: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, str]]]:
    """Comparable: without what wasn't said, articles and capitals; minutes and seconds of midnight as written."""
    return [(tool, {key: _plain(value) for key, value in args.items() if value is not None}) for tool, args in calls]


def _plain(value: Any) -> str:
    if isinstance(value, str) and "|" in value:
        return "|".join(_plain(one) for one in value.split("|"))
    words = utils.default_process(re.sub(r"(?<=T\d\d:\d\d):00$", "", str(value))).split()
    return " ".join(word for word in words if word not in ("the", "a", "my", "an"))


def is_wrong_destruction(phrasing: Phrasing, calls: list[tuple[str, dict[str, str]]]) -> bool:
    wanted = [call for one in phrasing.accepted for call in plain(one)]
    return any(not any(_same(call, meant) for meant in wanted) for call in plain(calls) if call[0] in DESTRUCTIVE)
