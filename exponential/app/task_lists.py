"""Lists of tasks as the pages show them: what a filter lets through, by day, so many at a time."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth.users import User
from exponential.workspace import projects, tasks
from exponential.workspace.tasks import Priority, Task

RECENTLY_DONE = 50
AT_FIRST = 300  # tasks on a page, and how many more each "Show more" brings
MOST = 10_000
View = Literal["open", "today", "week", "overdue", "done"]
VIEWS = (("open", "All"), ("today", "Today"), ("week", "7 days"), ("overdue", "Overdue"), ("done", "Done"))


@dataclass(frozen=True)
class Filter:
    """What of the list is shown; `project` is an id as text, or "" for all; `show` is how many tasks at most."""

    view: View = "open"
    project: str = ""
    priority: Priority | Literal[""] = ""
    q: str = ""
    select: bool = False
    show: int = AT_FIRST


@dataclass(frozen=True)
class Group:
    """Tasks under one heading."""

    name: str
    tasks: list[Task]


async def lists(session: AsyncSession, user: User, shown: Filter) -> dict[str, Any]:
    """What the page's templates need of the lists."""
    known = await projects.list_projects(session, user.id)
    project = next((one for one in known if str(one.id) == shown.project), None)
    due: dict[str, tasks.Due] = {"today": "today", "week": "week", "overdue": "overdue"}
    wanted = tasks.Wanted(
        "done" if shown.view == "done" else "open",
        due.get(shown.view),
        priority=shown.priority or None,
        project=project.id if project else None,
    )
    found = [task for task in await tasks.list_tasks(session, user.id, wanted=wanted) if _holds(task, shown.q)]
    done: list[Task] = []
    if shown.view == "open" and not shown.select:
        also = tasks.Wanted("done", priority=wanted.priority, project=wanted.project)
        done = [task for task in await tasks.list_tasks(session, user.id, wanted=also) if _holds(task, shown.q)]
    latest = sorted(found if shown.view == "done" else done, key=lambda task: task.done_at or task.created_at)[::-1]
    total, found = len(found), found[: shown.show]
    today = tasks.today_of(user)
    return {
        "shown": shown,
        "project": project,
        "projects": [one for one in known if one.status != "done"],
        "groups": [Group("Done", latest[: shown.show])] if shown.view == "done" else grouped(found, today),
        "total": total,
        "more": min(shown.show + AT_FIRST, MOST) if total > shown.show else 0,
        "done_tasks": latest[:RECENTLY_DONE] if shown.view != "done" else [],
        "done_count": len(latest),
        "filtered": bool(shown.q or shown.project or shown.priority),
        "today": today,
        "zone": tasks.zone_of(user),
    }


def grouped(found: list[Task], today: date) -> list[Group]:
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
    return [Group(name, its_tasks) for name, its_tasks in groups.items() if its_tasks]


def _holds(task: Task, words: str) -> bool:
    title = task.title.casefold()
    return all(word in title for word in words.casefold().split())
