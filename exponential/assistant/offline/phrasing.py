"""What the offline model says: one short paragraph a step, in Markdown, made from the tools' results alone."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from exponential.assistant.offline import briefings, reporting
from exponential.assistant.offline.marking import plain as plain
from exponential.assistant.offline.marking import task, when
from exponential.assistant.offline.steps import Call, Say, Step

Result = dict[str, Any]


def compose(steps: Sequence[Step], results: Sequence[Result], now: datetime) -> str:
    """The answer to a turn: what each step came to, in order. `results` are those of the calls, `now` is local."""
    left = list(results)
    said: list[str] = []
    for step in steps:
        if isinstance(step, Say):
            said.append(step.text)
            continue
        result = left.pop(0) if left else {"error": "I couldn't finish this request."}
        said.append(plain(str(result["error"])) if "error" in result else _TOOLS[step.tool](step, result, now))
    return "\n\n".join(said)


def _created(_call: Call, result: Result, now: datetime) -> str:
    return f"Added {task(result['task'], now)}."


def _completed(_call: Call, result: Result, _now: datetime) -> str:
    return f"Done: **{plain(result['task']['title'])}**. 🎉"


def _reopened(_call: Call, result: Result, now: datetime) -> str:
    return f"Open again: {task(result['task'], now)}."


def _updated(_call: Call, result: Result, now: datetime) -> str:
    due = "" if result["task"]["due"] else ", no due date"
    return f"Updated: {task(result['task'], now)}{due}."


def _deleted(_call: Call, result: Result, _now: datetime) -> str:
    return f"Deleted **{plain(result['task']['title'])}**. *Undo* brings it back."


def _listed(call: Call, result: Result, now: datetime) -> str:
    count, found = result["count"], result["tasks"]
    status = call.args.get("status", "open")
    kind = {"open": "open ", "done": "completed ", "all": ""}[status]
    kind = f"{kind}{call.args['priority']}-priority " if call.args.get("priority") else kind
    about = _about(call.args, now)
    if not count:
        return f"You have no {kind}tasks{about}."
    lines = []
    for number, one in enumerate(found, start=1):
        late = status != "done" and not one["done"] and one["due"] and date.fromisoformat(one["due"][:10]) < now.date()
        done = " (done)" if status == "all" and one["done"] else ""
        lines.append(f"{number}. {task(one, now)}{' ⚠️ overdue' if late else ''}{done}")
    if count > len(found):
        lines.append(f"\n… and {count - len(found)} more.")
    return f"You have {count} {kind}task{'s' if count > 1 else ''}{about}:\n\n" + "\n".join(lines)


def _about(args: dict[str, Any], now: datetime) -> str:
    due, since, until = args.get("due"), args.get("since"), args.get("until")
    if due == "overdue":
        return " that are overdue"
    named = {"today": " due today", "tomorrow": " due tomorrow", "week": " due in the next seven days"}
    if due is not None:
        return named.get(due) or f" due {when(due, now)}"
    parts = [f"from {when(since, now)}"] if since else []
    return " " + " ".join([*parts, f"until {when(until, now)}"] if until else parts) if parts or until else ""


_TOOLS: dict[str, Callable[[Call, Result, datetime], str]] = {
    "create_task": _created,
    "list_tasks": _listed,
    "complete_task": _completed,
    "reopen_task": _reopened,
    "update_task": _updated,
    "delete_task": _deleted,
    "undo": reporting.undone,
    "create_project": reporting.project_created,
    "list_projects": reporting.projects_listed,
    "project_status": reporting.project_stands,
    "update_project": reporting.project_changed,
    "import_meeting": reporting.minutes,
    "list_meetings": reporting.meetings_listed,
    "meeting_summary": reporting.minutes,
    "action_items": reporting.items_listed,
    "search_meetings": reporting.found,
    "query": reporting.answered,
    "remind": reporting.reminded,
    "list_reminders": reporting.reminders_listed,
    "cancel_reminder": reporting.reminder_cancelled,
    "snooze_reminder": reporting.reminded,
    "remember": reporting.remembered,
    "recall": reporting.recalled,
    "forget": reporting.forgotten,
    briefings.TOOL: briefings.was_set,
    "keep_note": reporting.note_kept,
    "leave_note": lambda _call, _result, _now: "I'll pass that on.",
}
