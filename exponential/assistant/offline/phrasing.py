"""What the offline model says: one short paragraph a step, in Markdown, made from the tools' results alone."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from exponential.assistant.offline.steps import Call, Say, Step

Result = dict[str, Any]
_MARKS = re.compile(r"([\\`*_~\[\]<>|])")
_LEADING_MARK = re.compile(r"^(\s*)([#+-]|\d+\.)(?=\s)")


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


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is."""
    return _LEADING_MARK.sub(r"\1\\\2", _MARKS.sub(r"\\\1", text))


def when(due: str, now: datetime) -> str:
    """An ISO date or datetime as people say it: "today", "tomorrow at 17:00", "Friday, 8 May", "1 Feb 2027"."""
    moment = datetime.fromisoformat(due) if "T" in due else None
    day = moment.date() if moment else date.fromisoformat(due)
    days = (day - now.date()).days
    names = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    if days in names:
        said = names[days]
    elif day.year == now.year or 0 < days < 60:
        said = f"{day:%A}, {day.day} {day:%B}"
    else:
        said = f"{day.day} {day:%B %Y}"
    return f"{said} at {moment:%H:%M}" if moment else said


def _task(task: Result, now: datetime) -> str:
    due = f", due {when(task['due'], now)}" if task["due"] else ""
    return f"**{plain(task['title'])}**{due}"


def _created(_call: Call, result: Result, now: datetime) -> str:
    return f"Added {_task(result['task'], now)}."


def _completed(_call: Call, result: Result, _now: datetime) -> str:
    return f"Done: **{plain(result['task']['title'])}**. 🎉"


def _listed(call: Call, result: Result, now: datetime) -> str:
    count, tasks = result["count"], result["tasks"]
    status = call.args.get("status", "open")
    kind = {"open": "open ", "done": "completed ", "all": ""}[status]
    about = _about(call.args.get("due"), now)
    if not count:
        return f"You have no {kind}tasks{about}."
    lines = []
    for number, task in enumerate(tasks, start=1):
        late = (
            status != "done" and not task["done"] and task["due"] and date.fromisoformat(task["due"][:10]) < now.date()
        )
        done = " (done)" if status == "all" and task["done"] else ""
        lines.append(f"{number}. {_task(task, now)}{' ⚠️ overdue' if late else ''}{done}")
    if count > len(tasks):
        lines.append(f"\n… and {count - len(tasks)} more.")
    return f"You have {count} {kind}task{'s' if count > 1 else ''}{about}:\n\n" + "\n".join(lines)


def _about(due: str | None, now: datetime) -> str:
    if due is None:
        return ""
    named = {"today": " due today", "tomorrow": " due tomorrow", "week": " due in the next seven days"}
    if due == "overdue":
        return " that are overdue"
    return named.get(due) or f" due {when(due, now)}"


_TOOLS: dict[str, Callable[[Call, Result, datetime], str]] = {
    "create_task": _created,
    "list_tasks": _listed,
    "complete_task": _completed,
}
