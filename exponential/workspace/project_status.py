"""How a project stands: progress, what is overdue, what comes next, whether it is at risk and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth import users
from exponential.core import clock
from exponential.workspace import projects, tasks
from exponential.workspace.projects import Project
from exponential.workspace.tasks import Task
from exponential.workspace.text.zones import today_of

MAX_OVERDUE_NAMED = 50
STANDSTILL = timedelta(days=14)  # with open tasks and nothing finished for this long, a project stands still


@dataclass(frozen=True)
class Progress:
    """How many tasks are `open`, `done` and `late`. `overdue`: MAX_OVERDUE_NAMED of the late ones, the oldest first, or
    none where many projects were asked for. `next`: the one due first. `risks`: sentences, empty when all is well.
    """

    project: Project
    open: int
    done: int
    late: int
    overdue: list[Task]
    next: Task | None
    risks: list[str]

    @property
    def percent(self) -> int:
        """How much of it is done, 0 to 100."""
        total = self.open + self.done
        return round(100 * self.done / total) if total else 0

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """{"project", "open", "done", "late": counts, "percent", "overdue": tasks, "next": task or null, "at_risk",
        "risks"}"""
        return {
            "project": self.project.as_json(),
            "open": self.open,
            "done": self.done,
            "late": self.late,
            "percent": self.percent,
            "overdue": [task.as_json(zone) for task in self.overdue],
            "next": self.next.as_json(zone) if self.next else None,
            "at_risk": bool(self.risks),
            "risks": self.risks,
        }


async def project_status(session: AsyncSession, user_id: UUID, project: UUID | str) -> Progress:
    """Raises NotFound, Conflict `ambiguous`."""
    found = await projects.find(session, user_id, project)
    [stands] = await _stand(session, user_id, [found], tasks.TaskFilter("all", project=found.id), MAX_OVERDUE_NAMED)
    return stands


async def of_projects(session: AsyncSession, user_id: UUID, known: Sequence[Project]) -> list[Progress]:
    """How each of these projects of the user's stands."""
    return await _stand(session, user_id, known, tasks.TaskFilter("all"), 0)


async def _stand(
    session: AsyncSession, user_id: UUID, known: Sequence[Project], wanted: tasks.TaskFilter, overdue: int
) -> list[Progress]:
    today = today_of(await users.get(session, user_id))
    counted = {project.id: _Count() for project in known}
    columns = (Task.id, Task.project_id, Task.done_at, Task.due_on, Task.priority)
    async for task_id, project_id, done_at, due_on, priority in tasks.rows(session, user_id, wanted, *columns):
        if project_id in counted:
            counted[project_id].add(task_id, done_at, due_on, priority, today)
    named = [task_id for count in counted.values() for task_id in count.named(overdue)]
    named_tasks = {task.id: task for task in await tasks.by_ids(session, named)}
    return [counted[project.id].told(project, named_tasks, today, overdue) for project in known]


@dataclass
class _Count:
    """Of a project's tasks, which come the nearest due date first."""

    open: int = 0
    done: int = 0
    late: list[UUID] = field(default_factory=list)
    oldest: date | None = None  # of the late ones
    next: UUID | None = None
    soon: UUID | None = None  # important, and due by tomorrow
    finished_at: datetime | None = None  # the last one

    def add(self, task_id: UUID, done_at: datetime | None, due_on: date | None, priority: str, today: date) -> None:
        if done_at is not None:
            self.done += 1
            self.finished_at = max(self.finished_at or done_at, done_at)
            return
        self.open += 1
        self.next = self.next or task_id
        if due_on is None:
            return
        if due_on < today:
            self.late.append(task_id)
            self.oldest = self.oldest or due_on
        elif priority in ("urgent", "high") and due_on <= today + timedelta(days=1):
            self.soon = self.soon or task_id

    def named(self, overdue: int) -> list[UUID]:
        """The tasks of which more is told than that they are there."""
        return [task_id for task_id in (self.next, self.soon, *self.late[:overdue]) if task_id]

    def told(self, project: Project, named: Mapping[UUID, Task], today: date, overdue: int) -> Progress:
        soon = named.get(self.soon) if self.soon else None
        return Progress(
            project,
            self.open,
            self.done,
            len(self.late),
            [named[task_id] for task_id in self.late[:overdue]],
            named[self.next] if self.next else None,
            self._risks(project, soon, today) if project.status == "active" else [],
        )

    def _risks(self, project: Project, soon: Task | None, today: date) -> list[str]:
        risks = []
        if self.oldest is not None:
            days = (today - self.oldest).days
            what = "1 task is" if len(self.late) == 1 else f"{len(self.late)} tasks are"
            risks.append(f"{what} overdue, the oldest by {days} day{'s' if days > 1 else ''}.")
        if soon is not None:
            risks.append(f"“{soon.title}” is {soon.priority} and due by tomorrow.")
        if not self.open:
            risks.append("It has no next step.")
        last = self.finished_at or project.created_at
        if self.open and clock.now() - last > STANDSTILL:
            risks.append(f"Nothing was finished in the last {(clock.now() - last).days} days.")
        if project.review_on and project.review_on < today:
            risks.append(f"Its review was due on {project.review_on.day} {project.review_on:%B %Y}.")
        return risks
