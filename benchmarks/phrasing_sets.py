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
from exponential.assistant.offline.interpreter import interpret
from exponential.assistant.offline.utterance import Call, Context, Propose, Say

HERE = Path(__file__).with_name("phrasings")
BLIND = tuple(sorted(path.stem for path in HERE.glob("blind*.txt")))  # written and kept apart from the table's making
SETS = tuple(sorted(path.stem for path in HERE.glob("*.txt") if path.stem not in (*BLIND, "harmless")))
NOW = datetime(2026, 5, 6, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))
DESTRUCTIVE = {name for name, spec in tools.specs().items() if spec.destructive}
TASKS = [
    {"id": f"t{n}", "title": title, "done": False}
    for n, title in enumerate(("buy milk", "call mom", "send the invoice"), 1)
]
DEFAULTS = (  # what a tool takes when it isn't said
    ("list_tasks", "status", "open"),
    ("query", "status", "open"),
    ("list_projects", "status", "active"),
    ("set_briefing", "days", "daily"),
)
ITEMS: list[dict[str, Any]] = [
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
CONTEXTS = {
    "": Context(NOW),
    "tasks": Context(NOW, listed=TASKS),
    "task": Context(NOW, last=TASKS[0]),
    "completed": Context(NOW, last={**TASKS[0], "done": True}),
    "deleted": Context(NOW, last=TASKS[0]),
    "items": Context(NOW, listed=ITEMS, listed_kind="action_item", last={"id": "m1"}, last_kind="meeting"),
    "meeting": Context(NOW, last={"id": "m1", "title": "Pricing sync"}, last_kind="meeting"),
    "project": Context(NOW, last={"id": "p1", "name": "Alpha"}, last_kind="project"),
    "reminder": Context(NOW, last=REMINDERS[0], last_kind="reminder"),
    "reminders": Context(NOW, listed=REMINDERS, listed_kind="reminder"),
    "asked": Context(NOW, unfinished="remind me to buy milk"),
    "dated": Context(NOW, last={**TASKS[0], "due": "2026-05-08T15:00:00+02:00"}),
    "projects": Context(NOW, listed=PROJECTS, listed_kind="project"),
    "meetings": Context(NOW, listed=MEETINGS, listed_kind="meeting"),
}


VERDICTS = ("right", "asked well", "asked", "nothing", "wrong")


@dataclass(frozen=True)
class Phrasing:
    text: str
    context: Context
    accepted: list[list[tuple[str, dict[str, str]]]]  # the calls it should lead to; more than one where people differ

    def fits(self, calls: list[tuple[str, dict[str, Any]]]) -> bool:
        return any(
            len(calls) == len(wanted)
            and all(_same(*pair) for pair in zip(_sorted(calls), _sorted(wanted), strict=True))
            for wanted in self.accepted
        )


def _sorted(calls: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, str]]]:
    """Calls of one tool keep their order; what is only proposed comes last."""
    return sorted(plain(calls), key=lambda call: call[0])


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
        yield Phrasing(text, replace(CONTEXTS[memory], projects=NAMES, tasks=TITLES), accepted)


def _calls(written: str) -> Iterator[tuple[str, dict[str, str]]]:
    for call in written.split(" ;; ") if written != "none" else []:
        tool, *fields = shlex.split(call)
        yield tool, dict(field.split("=", 1) for field in fields)


def calls_of(written: str) -> list[dict[str, str]]:
    """The arguments of each call that an example of the table leads to: "title=milk ;; title=bread"."""
    return [args for _, args in _calls(" ;; ".join(f"tool {one}" for one in written.strip().split(" ;; ")))]


@dataclass(frozen=True)
class Outcome:
    """What a message led to: the calls that are made, and those that are made after a yes."""

    done: list[tuple[str, dict[str, Any]]]
    proposed: list[tuple[str, dict[str, Any]]]
    asked: bool  # something was asked back


def outcome(phrasing: Phrasing) -> Outcome:
    steps = interpret(phrasing.text, phrasing.context)
    proposed = [call for step in steps if isinstance(step, Propose) for call in step.calls]
    asked = any("?" in step.text for step in steps if isinstance(step, Say))
    return Outcome(
        [(step.tool, step.args) for step in steps if isinstance(step, Call)],
        [(call.tool, call.args) for call in proposed],
        asked,
    )


def verdict(phrasing: Phrasing) -> str:
    """right, asked well (a yes does what was meant), asked, nothing or wrong (something else was done than asked).

    A deletion is right when what was meant is asked about: none is done without a yes.
    """
    found = outcome(phrasing)
    if phrasing.fits([*found.done, *found.proposed]):
        destroys = all(tool in DESTRUCTIVE for tool, _ in found.proposed)
        return "right" if destroys else "asked well"
    if found.done:
        return "wrong"
    return "asked" if found.proposed or found.asked else "nothing"


def plain(calls: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, str]]]:
    """Comparable: without what wasn't said, articles and capitals; minutes and seconds of midnight as written."""
    return [
        (
            tool,
            {
                key: _plain(value)
                for key, value in args.items()
                if value is not None and (tool, key, value) not in DEFAULTS
            },
        )
        for tool, args in calls
    ]


def _plain(value: Any) -> str:
    if isinstance(value, str) and "|" in value:
        return "|".join(_plain(one) for one in value.split("|"))
    words = utils.default_process(re.sub(r"(?<=T\d\d:\d\d):00$", "", str(value))).split()
    return " ".join(word for word in words if word not in ("the", "a", "my", "an"))


def is_wrong_destruction(phrasing: Phrasing, calls: list[tuple[str, dict[str, str]]]) -> bool:
    wanted = [call for one in phrasing.accepted for call in plain(one)]
    return any(not any(_same(call, meant) for meant in wanted) for call in plain(calls) if call[0] in DESTRUCTIVE)
