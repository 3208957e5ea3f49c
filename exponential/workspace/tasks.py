"""Tasks: the model and its use-cases. Each use-case sees one user's tasks only; the caller owns the transaction."""

from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Date, DateTime, ForeignKey, Index, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.auth import users
from exponential.auth.users import User
from exponential.database import AppBase, notify
from exponential.errors import BadInput, Conflict, NotFound
from exponential.workspace import matching

CHANNEL = "workspace"  # NOTIFY channel; payload: the id of the user whose workspace changed
MAX_TITLE = 500  # characters
Status = Literal["open", "done", "all"]
Due = Literal["today", "tomorrow", "week", "overdue"]


class Task(AppBase):
    """Something a user wants done. `due_on` is a day in the user's zone; `due_at` is set when a time was named too."""

    __tablename__ = "tasks"
    __table_args__ = (Index("ix_tasks_user_id_done_at", "user_id", "done_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(MAX_TITLE))
    due_on: Mapped[date | None] = mapped_column(Date)
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """{"id", "title", "due": ISO date, or datetime in `zone`, or null, "done": bool}"""
        due = self.due_at.astimezone(zone) if self.due_at else self.due_on
        return {
            "id": str(self.id),
            "title": self.title,
            "due": due.isoformat() if due else None,
            "done": self.done_at is not None,
        }


def zone_of(user: User) -> ZoneInfo:
    """The user's time zone, UTC when the stored name is unknown here."""
    try:
        return ZoneInfo(user.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def today_of(user: User) -> date:
    """The present day where the user is."""
    return clock.now().astimezone(zone_of(user)).date()


async def create_task(session: AsyncSession, user_id: UUID, title: str, due: date | datetime | None = None) -> Task:
    """Store a new open task. A `due` without offset is in the user's zone.

    Raises BadInput for an empty or too long title, NotFound for an unknown user.
    """
    title = " ".join(title.split())
    if not title:
        raise BadInput("A task needs a title. Say what is to be done.", code="title_empty")
    if len(title) > MAX_TITLE:
        raise BadInput(
            f"That title has {len(title)} characters; a task's title holds up to {MAX_TITLE}. Make it shorter.",
            code="title_too_long",
        )
    if "\x00" in title:
        raise BadInput("The title contains a character that can't be stored. Remove it.", code="title_invalid")
    zone = zone_of(await users.get(session, user_id))
    due_on, due_at = _due(due, zone)
    task = Task(user_id=user_id, title=title, due_on=due_on, due_at=due_at)
    session.add(task)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return task


async def list_tasks(
    session: AsyncSession, user_id: UUID, status: Status = "open", due: Due | date | None = None
) -> list[Task]:
    """The user's tasks, those with the nearest due date first, then in the order they were made.

    `due` narrows: "today" and "week" (seven days from today) include what is overdue, "overdue" is what is late only,
    "tomorrow" or a date is that day alone.
    """
    query = select(Task).where(Task.user_id == user_id)
    if status != "all":
        query = query.where(Task.done_at.is_(None) if status == "open" else Task.done_at.is_not(None))
    if due is not None:
        today = today_of(await users.get(session, user_id))
        if due == "overdue":
            query = query.where(Task.due_on < today)
        elif due in ("today", "week"):
            query = query.where(Task.due_on <= today + timedelta(days=6 if due == "week" else 0))
        else:
            query = query.where(Task.due_on == (today + timedelta(days=1) if due == "tomorrow" else due))
    query = query.order_by(Task.due_on.asc().nulls_last(), Task.due_at.asc().nulls_last(), Task.id)
    return list((await session.execute(query)).scalars())


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


async def reopen_task(session: AsyncSession, user_id: UUID, task_id: UUID) -> Task:
    """Mark a done task as open again; fine when it is open already. Raises NotFound."""
    found = await _by_id(session, user_id, task_id)
    found.done_at = None
    await notify(session, CHANNEL, str(user_id))
    return found


async def _find(session: AsyncSession, user_id: UUID, task: UUID | str) -> Task:
    try:
        task_id = UUID(task.strip()) if isinstance(task, str) else task
    except ValueError:
        return matching.one(str(task), await list_tasks(session, user_id, "all"))
    return await _by_id(session, user_id, task_id)


async def _by_id(session: AsyncSession, user_id: UUID, task_id: UUID) -> Task:
    query = select(Task).where(Task.user_id == user_id, Task.id == task_id).with_for_update()
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such task in your workspace; it may have been removed.", code="unknown_task")
    return found


def _due(due: date | datetime | None, zone: ZoneInfo) -> tuple[date | None, datetime | None]:
    if isinstance(due, datetime):
        moment = due if due.tzinfo else due.replace(tzinfo=zone)
        return moment.astimezone(zone).date(), moment
    return due, None
