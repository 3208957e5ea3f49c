"""Tasks: the model and its use-cases. Each use-case sees one user's tasks only; the caller owns the transaction."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Date, DateTime, ForeignKey, Index, Row, Select, String, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column, relationship

from exponential.auth import users
from exponential.core import clock
from exponential.core.database import AppBase, notify
from exponential.core.encryption import EncryptedText
from exponential.core.errors import Conflict, NotFound
from exponential.workspace import projects
from exponential.workspace.changes import UNCHANGED, Unchanged
from exponential.workspace.history import CHANNEL, Undoable
from exponential.workspace.names import valid_title
from exponential.workspace.projects import Project
from exponential.workspace.text import matching
from exponential.workspace.text.day_range import within
from exponential.workspace.text.zones import aware, during, today_of, zone_of

MAX_TITLE_CHARS = 500
Status = Literal["open", "done", "all"]
Due = Literal["today", "tomorrow", "week", "overdue"]
Priority = Literal["low", "normal", "high", "urgent"]
PRIORITIES: tuple[Priority, ...] = ("urgent", "high", "normal", "low")
BATCH_ROWS = 500  # rows of a long list


class Task(Undoable, AppBase):
    """Something a user wants done. `due_on` is a day in the user's zone; `due_at` is set when a time was named too."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_user_id_done_at", "user_id", "done_at"),
        Index("ix_tasks_project_id", "project_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(EncryptedText)
    priority: Mapped[str] = mapped_column(String(8), default="normal")
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"))
    due_on: Mapped[date | None] = mapped_column(Date)
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    project: Mapped[Project | None] = relationship(lazy="selectin", passive_deletes="all")

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """{"id", "title", "due": ISO date, or datetime in `zone`, or null, "priority", "project": name or null,
        "done": bool}"""
        due = self.due_at.astimezone(zone) if self.due_at else self.due_on
        return {
            "id": str(self.id),
            "title": self.title,
            "due": due.isoformat() if due else None,
            "priority": self.priority,
            "project": self.project.name if self.project else None,
            "done": self.done_at is not None,
        }


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks to list. `due` narrows: "today" and "week" (seven days from today) include what is overdue, "overdue"
    is what is late only, "tomorrow" or a date is that day alone. `since` and `until` are days, both included, of the
    due date, or of the day it was done when `status` is "done", or, of those `created` then, of the day it was made.
    `without`: only those that have none."""

    status: Status = "open"
    due: Due | date | None = None
    since: date | None = None
    until: date | None = None
    priority: Priority | None = None
    project: UUID | str | None = None
    created: bool = False
    without: Literal["due", "project"] | None = None


@dataclass(frozen=True)
class TaskChanges:
    """What to change of a task. A new day keeps the task's time of day, unless `keep_time` is false. `delay_days`
    stands instead of `due`: it counts from the present due date, or from today."""

    title: str | Unchanged = UNCHANGED
    due: date | datetime | Unchanged | None = UNCHANGED
    delay_days: int | None = None
    keep_time: bool = True
    priority: Priority | Unchanged = UNCHANGED
    project: UUID | str | Unchanged | None = UNCHANGED


async def create_task(
    session: AsyncSession,
    user_id: UUID,
    title: str,
    due: date | datetime | None = None,
    *,
    priority: Priority = "normal",
    project: UUID | str | None = None,
) -> Task:
    """Store a new open task. A `due` without offset is in the user's zone. Without a `project`, the active one whose
    name the title contains is taken.

    Raises BadInput for an empty or too long title, NotFound for an unknown user or project, Conflict `ambiguous`.
    """
    title = valid_title(title, "task", MAX_TITLE_CHARS)
    zone = zone_of(await users.get(session, user_id))
    due_on, due_at = _due(due, zone)
    if project is None:
        its_project = await projects.mentioned(session, user_id, title)
    else:
        its_project = await projects.find(session, user_id, project)
    task = Task(user_id=user_id, title=title, due_on=due_on, due_at=due_at, priority=priority, project=its_project)
    session.add(task)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return task


async def latest_titles(session: AsyncSession, user_id: UUID, at_most: int) -> list[str]:
    """Titles of the user's open tasks, in the order they were made; the latest `at_most`."""
    query = select(Task.title).where(Task.user_id == user_id, Task.done_at.is_(None)).order_by(Task.id.desc())
    return list((await session.execute(query.limit(at_most))).scalars())[::-1]


async def list_tasks(
    session: AsyncSession,
    user_id: UUID,
    status: Status = "open",
    due: Due | date | None = None,
    *,
    wanted: TaskFilter | None = None,
    at_most: int | None = None,
) -> list[Task]:
    """The user's tasks, those with the nearest due date first, then the more important, then in the order they were
    made; `at_most` so many. `wanted` says more than `status` and `due` can.

    Raises NotFound or Conflict `ambiguous` for a project's name that fits none or several.
    """
    query = await _query(session, user_id, wanted or TaskFilter(status, due))
    return list((await session.execute(query.limit(at_most))).scalars())


async def count_tasks(session: AsyncSession, user_id: UUID, wanted: TaskFilter) -> int:
    """How many tasks `list_tasks` would list. Raises what it raises."""
    query = (await _query(session, user_id, wanted)).order_by(None).with_only_columns(func.count())
    return (await session.execute(query)).scalar_one()


async def list_ids(session: AsyncSession, user_id: UUID, wanted: TaskFilter, words: str = "") -> list[UUID]:
    """Ids of the user's tasks; with `words`, of those whose titles hold all of them.

    Raises what `list_tasks` raises."""
    sought = words.casefold().split()
    columns = (Task.id, Task.title) if sought else (Task.id,)
    return [row[0] async for row in rows(session, user_id, wanted, *columns) if not sought or _holds(row[1], sought)]


async def rows(
    session: AsyncSession, user_id: UUID, wanted: TaskFilter, *columns: InstrumentedAttribute[Any]
) -> AsyncIterator[Any]:
    """These columns of the user's tasks, in the order of `list_tasks`, but done ones the latest first. A few are in
    memory at a time, however many there are. Raises what `list_tasks` raises."""
    query = await _query(session, user_id, wanted)
    if wanted.status == "done":
        query = query.order_by(None).order_by(Task.done_at.desc(), Task.id.desc())
    found = await session.stream(query.with_only_columns(*columns).execution_options(yield_per=BATCH_ROWS))
    async for row in found:
        yield row


async def by_ids(session: AsyncSession, ids: Sequence[UUID]) -> list[Task]:
    """These tasks, in this order."""
    found = {task.id: task for task in (await session.execute(select(Task).where(Task.id.in_(ids)))).scalars()}
    return [found[task_id] for task_id in ids if task_id in found]


def _holds(title: str, words: Sequence[str]) -> bool:
    folded = title.casefold()
    return all(word in folded for word in words)


async def _query(session: AsyncSession, user_id: UUID, wanted: TaskFilter) -> Select[Task]:
    user = await users.get(session, user_id)
    query = select(Task).where(Task.user_id == user_id)
    if wanted.status != "all":
        query = query.where(Task.done_at.is_(None) if wanted.status == "open" else Task.done_at.is_not(None))
    if wanted.priority is not None:
        query = query.where(Task.priority == wanted.priority)
    if wanted.project is not None:
        query = query.where(Task.project_id == (await projects.find(session, user_id, wanted.project)).id)
    if wanted.without is not None:
        query = query.where({"due": Task.due_on, "project": Task.project_id}[wanted.without].is_(None))
    query = _within(_when_due(query, wanted.due, today_of(user)), wanted, zone_of(user))
    importance = case({name: place for place, name in enumerate(PRIORITIES)}, value=Task.priority)
    return query.order_by(Task.due_on.asc().nulls_last(), Task.due_at.asc().nulls_last(), importance, Task.id)


def _when_due(query: Select[Task], due: Due | date | None, today: date) -> Select[Task]:
    if due is None:
        return query
    if due == "overdue":
        return query.where(Task.due_on < today)
    if due in ("today", "week"):
        return query.where(Task.due_on <= today + timedelta(days=6 if due == "week" else 0))
    return query.where(Task.due_on == (today + timedelta(days=1) if due == "tomorrow" else due))


def _within(query: Select[Task], wanted: TaskFilter, zone: ZoneInfo) -> Select[Task]:
    if not wanted.created and wanted.status != "done":
        if wanted.since is not None:
            query = query.where(Task.due_on >= wanted.since)
        return query.where(Task.due_on <= wanted.until) if wanted.until is not None else query
    moment = Task.created_at if wanted.created else Task.done_at
    return query.where(*during(moment, wanted.since, wanted.until, zone))


async def get_task(session: AsyncSession, user_id: UUID, task_id: UUID) -> Task:
    """One of the user's tasks. Raises NotFound."""
    return await _by_id(session, user_id, task_id, to_change=False)


async def complete_task(session: AsyncSession, user_id: UUID, task: UUID | str) -> Task:
    """Mark a task as done, given its id or (part of) its title.

    Raises NotFound when none fits, Conflict (`ambiguous`, naming the candidates, or `already_done`).
    """
    found = await _find(session, user_id, task)
    if found.done_at is not None:
        raise Conflict(f"“{found.title}” is already done.", code="already_done")
    found.done_at = clock.now()
    await notify(session, CHANNEL, str(user_id))
    return found


async def reopen_task(session: AsyncSession, user_id: UUID, task: UUID | str) -> Task:
    """Mark a done task as open again, given its id or (part of) its title; fine when it is open already.

    Raises NotFound, Conflict `ambiguous`.
    """
    found = await _find(session, user_id, task, first="done")
    found.done_at = None
    await notify(session, CHANNEL, str(user_id))
    return found


async def update_task(session: AsyncSession, user_id: UUID, task: UUID | str, changes: TaskChanges) -> Task:
    """Raises NotFound, Conflict `ambiguous`, BadInput (title)."""
    found = await _find(session, user_id, task)
    user = await users.get(session, user_id)
    if changes.title is not UNCHANGED:
        found.title = valid_title(changes.title, "task", MAX_TITLE_CHARS)
    due = changes.due
    if changes.delay_days is not None:
        due = (found.due_on or today_of(user)) + timedelta(days=changes.delay_days)
    if due is not UNCHANGED:
        zone = zone_of(user)
        if due is not None and not isinstance(due, datetime) and changes.keep_time and found.due_at is not None:
            due = datetime.combine(due, found.due_at.astimezone(zone).time(), zone)
        found.due_on, found.due_at = _due(due, zone)
    if changes.priority is not UNCHANGED:
        found.priority = changes.priority
    if changes.project is not UNCHANGED:
        named = changes.project
        found.project = await projects.find(session, user_id, named) if named is not None else None
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return found


async def delete_task(session: AsyncSession, user_id: UUID, task: UUID | str) -> Task:
    """Remove a task, given its id or words that stand in its title; what was removed.

    Raises NotFound, Conflict (`ambiguous`, or `unsure` when the words only resemble a title).
    """
    found = await _find(session, user_id, task, sure=True)
    await session.delete(found)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return found


async def _find(
    session: AsyncSession,
    user_id: UUID,
    task: UUID | str,
    *,
    first: Literal["open", "done"] = "open",
    sure: bool = False,
) -> Task:
    try:
        task_id = UUID(task.strip()) if isinstance(task, str) else task
    except ValueError:
        titles = [row async for row in rows(session, user_id, TaskFilter("all"), *_NAMED_BY)]
        is_open = [row for row in titles if row.done_at is None]
        done = [row for row in titles if row.done_at is not None]
        groups = (is_open, done) if first == "open" else (done, is_open)
        task_id = matching.one(str(task), _KIND, *groups, sure=sure).id
    return await _by_id(session, user_id, task_id)


async def _by_id(session: AsyncSession, user_id: UUID, task_id: UUID, *, to_change: bool = True) -> Task:
    query = select(Task).where(Task.user_id == user_id, Task.id == task_id)
    if to_change:
        query = query.with_for_update()
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such task in your workspace; it may have been removed.", code="unknown_task")
    return found


def _due(due: date | datetime | None, zone: ZoneInfo) -> tuple[date | None, datetime | None]:
    if isinstance(due, datetime):
        moment = aware(due, zone)
        return moment.astimezone(zone).date(), moment
    return within(due) if due else None, None


def _of_twins(twins: Sequence[Row[Any]]) -> Row[Any]:
    """Nobody can tell such twins apart: the one made first is meant, or, among done ones, the one done last."""
    done = [(task.done_at, task) for task in twins if task.done_at is not None]
    return max(done, key=lambda item: item[0])[1] if done else min(twins, key=lambda task: task.id)


_NAMED_BY = (Task.id, Task.title, Task.due_on, Task.done_at)  # titles are encrypted: the words are compared here
_KIND = matching.RecordKind[Row[Any]](
    "task", lambda task: task.title, lambda task: f" (due {task.due_on.isoformat()})" if task.due_on else "", _of_twins
)
