"""How a project stands: progress, what is overdue, what comes next, whether it is at risk and why."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from exponential import clock
from exponential.auth import users
from exponential.workspace import projects, tasks
from exponential.workspace.projects import Project
from exponential.workspace.tasks import Task
from exponential.workspace.zones import today_of

STANDSTILL = timedelta(days=14)  # with open tasks and nothing finished for this long, a project stands still


@dataclass(frozen=True)
class Progress:
    """`overdue` and `open` tasks, the nearest due date first; `risks`: sentences, empty when all is well."""

    project: Project
    open: list[Task]
    done: list[Task]
    overdue: list[Task]
    risks: list[str]

    @property
    def next(self) -> Task | None:
        """The task to do next: the one due first."""
        return self.open[0] if self.open else None

    @property
    def percent(self) -> int:
        """How much of it is done, 0 to 100."""
        total = len(self.open) + len(self.done)
        return round(100 * len(self.done) / total) if total else 0

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """{"project", "open", "done": counts, "percent", "overdue": tasks, "next": task or null, "at_risk", "risks"}"""
        return {
            "project": self.project.as_json(),
            "open": len(self.open),
            "done": len(self.done),
            "percent": self.percent,
            "overdue": [task.as_json(zone) for task in self.overdue],
            "next": self.next.as_json(zone) if self.next else None,
            "at_risk": bool(self.risks),
            "risks": self.risks,
        }


async def project_status(session: AsyncSession, user_id: UUID, project: UUID | str) -> Progress:
    """Raises NotFound, Conflict `ambiguous`."""
    found = await projects.find(session, user_id, project)
    its_tasks = await tasks.list_tasks(session, user_id, wanted=tasks.Wanted("all", project=found.id))
    return _stands(found, its_tasks, today_of(await users.get(session, user_id)))


async def all_projects(session: AsyncSession, user_id: UUID) -> list[Progress]:
    """How each of the user's projects stands, in the order they were made."""
    known = await projects.list_projects(session, user_id)
    today = today_of(await users.get(session, user_id))
    of_project: dict[UUID, list[Task]] = {project.id: [] for project in known}
    for task in await tasks.list_tasks(session, user_id, "all"):
        if task.project_id is not None:
            of_project[task.project_id].append(task)
    return [_stands(project, of_project[project.id], today) for project in known]


def _stands(project: Project, its_tasks: list[Task], today: date) -> Progress:
    is_open = [task for task in its_tasks if task.done_at is None]
    done = [task for task in its_tasks if task.done_at is not None]
    overdue = [task for task in is_open if task.due_on and task.due_on < today]
    risks = _risks(project, is_open, done, overdue, today) if project.status == "active" else []
    return Progress(project, is_open, done, overdue, risks)


def _risks(project: Project, is_open: list[Task], done: list[Task], overdue: list[Task], today: date) -> list[str]:
    risks = []
    if overdue:
        days = (today - min(task.due_on for task in overdue if task.due_on)).days
        what = "1 task is" if len(overdue) == 1 else f"{len(overdue)} tasks are"
        risks.append(f"{what} overdue, the oldest by {days} day{'s' if days > 1 else ''}.")
    soon = [
        task
        for task in is_open
        if task.priority in ("urgent", "high") and task.due_on and today <= task.due_on <= today + timedelta(days=1)
    ]
    if soon:
        risks.append(f"“{soon[0].title}” is {soon[0].priority} and due by tomorrow.")
    if not is_open:
        risks.append("It has no next step.")
    last = max((task.done_at for task in done if task.done_at), default=project.created_at)
    if is_open and clock.now() - last > STANDSTILL:
        risks.append(f"Nothing was finished in the last {(clock.now() - last).days} days.")
    if project.review_on and project.review_on < today:
        risks.append(f"Its review was due on {project.review_on.day} {project.review_on:%B %Y}.")
    return risks
