"""Questions about one's own data: count, filter, group and compare records of every kind, and name what answers."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth import users
from exponential.core.errors import BadInput
from exponential.workspace import notes, project_status, projects, reminders, tasks
from exponential.workspace.meetings import meetings
from exponential.workspace.tasks import Task
from exponential.workspace.text.zones import zone_of

MAX_NAMED = 50  # records in an answer; the count tells of the rest
About = Literal["tasks", "projects", "meetings", "action_items", "reminders", "notes"]
Status = Literal["open", "done", "overdue", "all", "active", "on_hold", "at_risk"]
Without = Literal["due", "project", "next_step"]
GroupBy = Literal["project", "priority", "status", "day", "owner"]
Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Question:
    """`since` and `until` are days, both included: when it was done, for done tasks; when it is due, for others; when
    it was held, left or comes, for the rest. `created` makes them the day a task was made. `compare_since` and
    `compare_until` ask for a second range."""

    about: About
    status: Status | None = None
    since: date | None = None
    until: date | None = None
    due: Literal["today", "tomorrow", "week"] | None = None
    created: bool = False
    project: str | None = None
    priority: tasks.Priority | None = None
    owner: str | None = None
    without: Without | None = None
    group_by: GroupBy | None = None
    compare_since: date | None = None
    compare_until: date | None = None


async def answer(session: AsyncSession, user_id: UUID, question: Question) -> dict[str, Any]:
    """{"about", "count", "records": the first 50, "groups": {name: count} if asked, "compared": {"count"} if asked}

    Raises BadInput for what doesn't go together, NotFound or Conflict for a project's name.
    """
    zone = zone_of(await users.get(session, user_id))
    records = await _READERS[question.about](session, user_id, question, zone)
    result: dict[str, Any] = {"about": question.about, "count": len(records), "records": records[:MAX_NAMED]}
    if question.group_by is not None:
        if records and question.group_by not in records[0] and question.group_by != "day":
            raise BadInput(f"{question.about} can't be grouped by {question.group_by}.", code="group_invalid")
        result["groups"] = dict(Counter(_group(record, question.group_by) for record in records).most_common())
    if question.compare_since is not None or question.compare_until is not None:
        other = replace(question, since=question.compare_since, until=question.compare_until)
        result["compared"] = {"count": len(await _READERS[question.about](session, user_id, other, zone))}
    return result


def _group(record: dict[str, Any], by: GroupBy) -> str:
    if by == "day":
        value = next((record[key] for key in ("done_on", "due", "held_on", "at", "left_at") if record.get(key)), None)
        return value[:10] if value else "none"
    return str(record[by] or "none")


async def _tasks(session: AsyncSession, user_id: UUID, question: Question, zone: ZoneInfo) -> Records:
    status: tasks.Status = "all" if question.created else "open"
    if question.status in ("done", "all"):
        status = question.status
    wanted = tasks.TaskFilter(
        status,
        "overdue" if question.status == "overdue" else question.due,
        question.since,
        question.until,
        question.priority,
        question.project,
        question.created,
        question.without if question.without != "next_step" else None,
    )
    return [_task(task, zone) for task in await tasks.list_tasks(session, user_id, wanted=wanted)]


def _task(task: Task, zone: ZoneInfo) -> dict[str, Any]:
    done_on = task.done_at.astimezone(zone).date().isoformat() if task.done_at else None
    return {**task.as_json(zone), "done_on": done_on, "status": "done" if task.done_at else "open"}


async def _projects(session: AsyncSession, user_id: UUID, question: Question, zone: ZoneInfo) -> Records:
    default: Status = "active" if question.without == "next_step" else "all"
    found = await projects.list_projects(session, user_id)
    asked = [one for one in found if (question.status or default) in ("all", "overdue", "at_risk", one.status)]
    records = []
    for progressed in await project_status.of_projects(session, user_id, asked):
        stands = progressed.as_json(zone)
        if question.without == "next_step" and stands["next"] is not None:
            continue
        if (
            question.status in ("overdue", "at_risk")
            and not stands[{"overdue": "late"}.get(question.status, "at_risk")]
        ):
            continue
        counts = {key: stands[key] for key in ("open", "done", "percent", "at_risk")}
        records.append({**stands["project"], **counts, "overdue": stands["late"]})
    return records


async def _meetings(session: AsyncSession, user_id: UUID, question: Question, zone: ZoneInfo) -> Records:
    found = await meetings.list_meetings(session, user_id, question.since, question.until)
    return [meeting.as_json() for meeting in found]


async def _action_items(session: AsyncSession, user_id: UUID, question: Question, zone: ZoneInfo) -> Records:
    found = await meetings.all_action_items(session, user_id, question.since, question.until, owner=question.owner)
    made = [item.task_id for _, item in found if item.task_id]
    done = set(await session.scalars(select(Task.id).where(Task.id.in_(made), Task.done_at.is_not(None))))
    records = []
    for meeting, item in found:
        status = "done" if item.task_id in done else "open"
        if question.status in (None, "all", status):
            about = {"meeting": meeting.title, "held_on": meeting.held_on.isoformat(), "status": status}
            records.append({**item.as_json(), **about})
    return records


async def _reminders(session: AsyncSession, user_id: UUID, question: Question, zone: ZoneInfo) -> Records:
    found = await reminders.list_reminders(session, user_id, question.since, question.until)
    return [item.as_json(zone) for item in found]


async def _notes(session: AsyncSession, user_id: UUID, question: Question, zone: ZoneInfo) -> Records:
    found = await notes.list_notes(session, user_id, zone, question.since, question.until)
    return [note.as_json(zone) for note in found]


_Reader = Callable[[AsyncSession, UUID, Question, ZoneInfo], Awaitable[Records]]
_READERS: dict[About, _Reader] = {
    "tasks": _tasks,
    "projects": _projects,
    "meetings": _meetings,
    "action_items": _action_items,
    "reminders": _reminders,
    "notes": _notes,
}
