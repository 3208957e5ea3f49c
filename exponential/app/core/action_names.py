"""What Paddy's tools and people's acts are called: while they run, and when they are done."""

from dataclasses import dataclass
from typing import Any

from exponential.assistant import tools

_BY_PEOPLE = {  # on the pages, besides what Paddy's tools do too
    "change_tasks": "Changed",
    "delete_meeting": "Deleted meeting",
    "make_tasks": "Made tasks of",
}
_SUBJECTS = (
    ("task", "title", "/tasks/"),
    ("project", "name", "/projects/"),
    ("meeting", "title", "/meetings/"),
    ("reminder", "text", ""),
    ("fact", "text", ""),
)
_LONGEST = 80  # characters of a subject


@dataclass(frozen=True)
class Activity:
    """Something done: `verb` and `subject` make a sentence; `href` leads to what it was done to, if that has a page."""

    verb: str
    subject: str
    href: str | None


def running(tool: str) -> str:
    """What Paddy does while this tool runs, without a full stop."""
    spec = tools.find(tool)
    return spec.doing if spec is not None else _sentence(tool)


def done(tool: str, result: Any) -> Activity | None:
    """What a tool has done, from its result; None for one that only looked something up, or that was refused."""
    spec = tools.find(tool)
    if spec is None or spec.done is None or not isinstance(result, dict) or "error" in result:
        return None
    for kind, key, path in _SUBJECTS:
        record = result.get(kind)
        if isinstance(record, dict) and isinstance(record.get(key), str):
            href = f"{path}{record['id']}" if path and record.get("id") and not spec.destructive else None
            return Activity(spec.done, short(record[key]), href)
    return Activity(spec.done.rstrip(":"), "", None)


def said(name: str, subject: str) -> str:
    """A sentence for an act, of Paddy's or the user's own."""
    spec = tools.find(name)
    verb = (spec.done if spec is not None else _BY_PEOPLE.get(name)) or _sentence(name)
    return f"{verb} {short(subject)}".rstrip(": ")


def _sentence(name: str) -> str:
    return name.replace("_", " ").capitalize()


def short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
