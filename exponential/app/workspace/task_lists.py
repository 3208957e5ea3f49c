"""Lists of tasks as the pages show them: what a filter lets through, by day, so many at a time."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.core.pagination import Page
from exponential.auth.users import User
from exponential.workspace import projects, tasks
from exponential.workspace.tasks import Priority, Task
from exponential.workspace.text import zones

MAX_DONE_SHOWN = 50
View = Literal["open", "today", "week", "overdue", "done"]
VIEWS = (("open", "All"), ("today", "Today"), ("week", "7 days"), ("overdue", "Overdue"), ("done", "Done"))


@dataclass(frozen=True)
class ListFilter:
    """What of the list is shown; `project` is an id as text, or "" for all; `page` counts from 1."""

    view: View = "open"
    project: str = ""
    priority: Priority | Literal[""] = ""
    q: str = ""
    select: bool = False
    page: int = 1


@dataclass(frozen=True)
class TaskGroup:
    """Tasks under one heading."""

    name: str
    tasks: list[Task]


async def lists(session: AsyncSession, user: User, shown: ListFilter) -> dict[str, Any]:
    """What the page's templates need of the lists."""
    project = await projects.by_id(session, user.id, shown.project)
    due: dict[str, tasks.Due] = {"today": "today", "week": "week", "overdue": "overdue"}
    wanted = tasks.TaskFilter(
        "done" if shown.view == "done" else "open",
        due.get(shown.view),
        priority=shown.priority or None,
        project=project.id if project else None,
    )
    found = await tasks.list_ids(session, user.id, wanted, shown.q)
    done: list[UUID] = []
    if shown.view == "open" and not shown.select:
        also = tasks.TaskFilter("done", priority=wanted.priority, project=wanted.project)
        done = await tasks.list_ids(session, user.id, also, shown.q)
    page = Page(shown.page, len(found))
    listed = await tasks.by_ids(session, page.of(found))
    today = zones.today_of(user)
    return {
        "shown": shown,
        "project": project,
        "projects": await projects.choices(session, user.id),
        "groups": [TaskGroup("Done", listed)] if listed and shown.view == "done" else grouped(listed, today),
        "page": page,
        "done_tasks": await tasks.by_ids(session, done[:MAX_DONE_SHOWN]),
        "done_count": len(done),
        "filtered": bool(shown.q or shown.project or shown.priority),
        "today": today,
        "zone": zones.zone_of(user),
    }


def grouped(found: list[Task], today: date) -> list[TaskGroup]:
    """Open tasks by when they are due; empty groups are left out."""
    names = ("Overdue", "Today", "Tomorrow", "Next 7 days", "Later", "No date")
    groups: dict[str, list[Task]] = {name: [] for name in names}
    for task in found:
        days = (task.due_on - today).days if task.due_on else None
        if days is None:
            groups["No date"].append(task)
        elif days < 2:
            groups[names[max(days, -1) + 1]].append(task)
        else:
            groups["Next 7 days" if days <= 7 else "Later"].append(task)
    return [TaskGroup(name, its_tasks) for name, its_tasks in groups.items() if its_tasks]
