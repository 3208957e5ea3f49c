"""What Paddy's tools and people's acts are called: while they run, and when they are done."""

from dataclasses import dataclass
from typing import Any

_DONE = {
    "create_task": "Added task",
    "complete_task": "Completed",
    "reopen_task": "Reopened",
    "update_task": "Changed",
    "delete_task": "Deleted",
    "change_tasks": "Changed",
    "create_project": "Started project",
    "update_project": "Updated project",
    "import_meeting": "Kept meeting",
    "delete_meeting": "Deleted meeting",
    "make_tasks": "Made tasks of",
    "remind": "Set a reminder:",
    "cancel_reminder": "Cancelled the reminder:",
    "snooze_reminder": "Put off the reminder:",
    "remember": "Will remember:",
    "forget": "Forgot:",
    "keep_note": "Kept a note",
    "leave_note": "Left a note",
    "undo": "Took back the last step",
}
_RUNNING = {
    "create_task": "Adding a task",
    "complete_task": "Completing a task",
    "update_task": "Changing a task",
    "delete_task": "Deleting a task",
    "list_tasks": "Looking at your tasks",
    "create_project": "Starting a project",
    "update_project": "Updating a project",
    "list_projects": "Looking at your projects",
    "project_status": "Looking at the project",
    "import_meeting": "Reading the transcript",
    "list_meetings": "Looking at your meetings",
    "meeting_summary": "Reading the minutes",
    "action_items": "Looking for action items",
    "search_meetings": "Searching your meetings",
    "query": "Looking through your workspace",
    "remind": "Setting a reminder",
    "list_reminders": "Looking at your reminders",
    "remember": "Remembering",
    "recall": "Thinking back",
    "keep_note": "Keeping a note",
    "leave_note": "Leaving a note",
    "undo": "Taking back a step",
}
_SUBJECTS = (
    ("task", "title", "/tasks/"),
    ("project", "name", "/projects/"),
    ("meeting", "title", "/meetings/"),
    ("reminder", "text", ""),
    ("fact", "text", ""),
)
CHANGES = tuple(_DONE)  # the tools that do something, rather than look something up
_LONGEST = 80  # characters of a subject


@dataclass(frozen=True)
class Activity:
    """Something done: `verb` and `subject` make a sentence; `href` leads to what it was done to, if that has a page."""

    verb: str
    subject: str
    href: str | None


def running(tool: str) -> str:
    """What Paddy does while this tool runs, without a full stop."""
    return _RUNNING.get(tool, tool.replace("_", " ").capitalize())


def done(tool: str, result: Any) -> Activity | None:
    """What a tool has done, from its result; None for one that only looked something up, or that was refused."""
    if tool not in _DONE or not isinstance(result, dict) or "error" in result:
        return None
    for kind, key, path in _SUBJECTS:
        record = result.get(kind)
        if isinstance(record, dict) and isinstance(record.get(key), str):
            gone = tool.startswith("delete")
            href = f"{path}{record['id']}" if path and record.get("id") and not gone else None
            return Activity(_DONE[tool], short(record[key]), href)
    return Activity(_DONE[tool], "", None)


def said(name: str, subject: str) -> str:
    """A sentence for an act of the user's own."""
    return f"{_DONE.get(name, name.replace('_', ' ').capitalize())} {short(subject)}".rstrip(": ")


def short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
