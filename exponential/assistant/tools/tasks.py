"""Tools for tasks, and undo."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic_ai import RunContext
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant.tools.base import Args, Deps, Result, Toolset, ToolSpec
from exponential.auth.users import User
from exponential.workspace import history, tasks
from exponential.workspace.changes import named
from exponential.workspace.meetings import meetings
from exponential.workspace.tasks import TaskChanges, TaskFilter
from exponential.workspace.text import markdown, zones
from exponential.workspace.text.markdown import plain, when

MAX_LISTED = 50  # tasks in one tool result; the count tells of the rest

tools = Toolset()


def _created(_args: Args, result: Result, now: datetime) -> str:
    return f"Added {markdown.task(result['task'], now)}."


@tools.declare(ToolSpec("Adding a task", done="Added task", tell=_created))
async def create_task(
    ctx: RunContext[Deps],
    title: str,
    due: date | datetime | None = None,
    priority: tasks.Priority = "normal",
    project: str | None = None,
    action_item: UUID | None = None,
) -> dict[str, Any]:
    """Add a task to the user's workspace.

    Args:
        title: What is to be done, without the date.
        due: Day (2026-05-01) or local time (2026-05-01T17:00) by which it is due, if one was named.
        priority: low, normal, high or urgent.
        project: Name of the project it belongs to, if one was named.
        action_item: Id of the meeting's action item that the task is made of, if it is.
    """
    session, user = ctx.deps.session, ctx.deps.user
    item = await meetings.without_task(session, user.id, action_item) if action_item else None
    task = await tasks.create_task(session, user.id, title, due, priority=priority, project=project)
    if item is not None:
        item.task_id = task.id
    return {"task": task.as_json(zones.zone_of(user))}


def _listed(args: Args, result: Result, now: datetime) -> str:
    count, found = result["count"], result["tasks"]
    status = args.get("status", "open")
    kind = {"open": "open ", "done": "completed ", "all": ""}[status]
    kind = f"{kind}{args['priority']}-priority " if args.get("priority") else kind
    about = _about(args, now)
    if not count:
        return f"You have no {kind}tasks{about}."
    lines = []
    for number, one in enumerate(found, start=1):
        late = status != "done" and not one["done"] and one["due"] and date.fromisoformat(one["due"][:10]) < now.date()
        done = " (done)" if status == "all" and one["done"] else ""
        lines.append(f"{number}. {markdown.task(one, now)}{' ⚠️ overdue' if late else ''}{done}")
    if count > len(found):
        lines.append(f"\n… and {count - len(found)} more.")
    return f"You have {count} {kind}task{'s' if count > 1 else ''}{about}:\n\n" + "\n".join(lines)


def _about(args: Args, now: datetime) -> str:
    due, since, until = args.get("due"), args.get("since"), args.get("until")
    if due == "overdue":
        return " that are overdue"
    named = {"today": " due today", "tomorrow": " due tomorrow", "week": " due in the next seven days"}
    if due is not None:
        return named.get(due) or f" due {when(due, now)}"
    parts = [f"from {when(since, now)}"] if since else []
    return " " + " ".join([*parts, f"until {when(until, now)}"] if until else parts) if parts or until else ""


@tools.declare(ToolSpec("Looking at your tasks", tell=_listed))
async def list_tasks(
    ctx: RunContext[Deps],
    status: tasks.Status = "open",
    due: tasks.Due | date | None = None,
    since: date | None = None,
    until: date | None = None,
    priority: tasks.Priority | None = None,
    project: str | None = None,
) -> dict[str, Any]:
    """List the user's tasks, the nearest due date first.

    Args:
        status: open, done or all.
        due: Only those due "today" or this "week" (both with what is overdue), "tomorrow", "overdue", or on a date.
        since: First day of a range of due dates, or, with status done, of the days on which they were done.
        until: Last day of that range.
        priority: Only those of this priority.
        project: Only those of the project with this name.
    """
    wanted = TaskFilter(status, due, since, until, priority, project)
    return await listed(ctx.deps.session, ctx.deps.user, wanted)


async def listed(session: AsyncSession, user: User, wanted: TaskFilter) -> Result:
    """{"count", "tasks": the first MAX_LISTED of them}. Raises what `tasks.list_tasks` raises."""
    found = await tasks.list_tasks(session, user.id, wanted=wanted, at_most=MAX_LISTED)
    count = len(found) if len(found) < MAX_LISTED else await tasks.count_tasks(session, user.id, wanted)
    return {"count": count, "tasks": [task.as_json(zones.zone_of(user)) for task in found]}


def _completed(_args: Args, result: Result, _now: datetime) -> str:
    return f"Done: **{plain(result['task']['title'])}**. 🎉"


@tools.declare(ToolSpec("Completing a task", done="Completed", tell=_completed))
async def complete_task(ctx: RunContext[Deps], task: str) -> dict[str, Any]:
    """Mark one task as done.

    Args:
        task: Its id, or its title or part of it in the user's words.
    """
    return _told(ctx, await tasks.complete_task(ctx.deps.session, ctx.deps.user.id, task))


def _reopened(_args: Args, result: Result, now: datetime) -> str:
    return f"Open again: {markdown.task(result['task'], now)}."


@tools.declare(ToolSpec("Reopening a task", done="Reopened", tell=_reopened))
async def reopen_task(ctx: RunContext[Deps], task: str) -> dict[str, Any]:
    """Mark a done task as open again.

    Args:
        task: Its id, or its title or part of it in the user's words.
    """
    return _told(ctx, await tasks.reopen_task(ctx.deps.session, ctx.deps.user.id, task))


def _updated(_args: Args, result: Result, now: datetime) -> str:
    due = "" if result["task"]["due"] else ", no due date"
    return f"Updated: {markdown.task(result['task'], now)}{due}."


@tools.declare(ToolSpec("Changing a task", done="Changed", tell=_updated))
async def update_task(
    ctx: RunContext[Deps],
    task: str,
    title: str | None = None,
    due: date | datetime | Literal["none"] | None = None,
    delay_days: int | None = None,
    priority: tasks.Priority | None = None,
    project: str | None = None,
) -> dict[str, Any]:
    """Rename or move one task, or change its priority or project; what isn't given stays.

    Args:
        task: Its id, or its title or part of it in the user's words.
        title: Its new title.
        due: Its new day (2026-05-01; its time of day stays) or local time (2026-05-01T17:00), or "none".
        delay_days: Instead of `due`: how many days later than now it is due.
        priority: low, normal, high or urgent.
        project: Name of its new project, or "none".
    """
    changes = TaskChanges(
        named(title),
        None if due == "none" else named(due),
        delay_days,
        priority=named(priority),
        project=None if project == "none" else named(project),
    )
    return _told(ctx, await tasks.update_task(ctx.deps.session, ctx.deps.user.id, task, changes))


def _deleted(_args: Args, result: Result, _now: datetime) -> str:
    return f"Deleted **{plain(result['task']['title'])}**. *Undo* brings it back."


@tools.declare(ToolSpec("Deleting a task", done="Deleted", destructive=True, tell=_deleted))
async def delete_task(ctx: RunContext[Deps], task: str) -> dict[str, Any]:
    """Remove one task. Only when the user asked for it in so many words; what is done is completed, not deleted.

    Args:
        task: Its id, or words that stand in its title.
    """
    removed = await tasks.delete_task(ctx.deps.session, ctx.deps.user.id, task)
    return _told(ctx, removed)


def _undone(_args: Args, result: Result, _now: datetime) -> str:
    return f"Undone: {result['undone'].replace('_', ' ')}."


@tools.declare(ToolSpec("Taking back a step", done="Took back the last step", tell=_undone))
async def undo(ctx: RunContext[Deps]) -> dict[str, Any]:
    """Take back the last thing that changed the workspace; called again, the one before it."""
    act = await history.undo(ctx.deps.session, ctx.deps.user.id)
    return {"undone": act.name, "args": act.args}


def _told(ctx: RunContext[Deps], task: tasks.Task) -> dict[str, Any]:
    return {"task": task.as_json(zones.zone_of(ctx.deps.user))}
