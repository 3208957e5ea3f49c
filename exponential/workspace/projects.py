"""Projects: the model and its use-cases. How one stands is project_status.py's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from rapidfuzz import utils
from sqlalchemy import Date, DateTime, ForeignKey, Index, Row, Select, String, case, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth import users
from exponential.core import clock
from exponential.core.database import AppBase, notify
from exponential.core.encryption import EncryptedText
from exponential.core.errors import Conflict, NotFound
from exponential.workspace.changes import UNCHANGED, Unchanged
from exponential.workspace.history import CHANNEL, Undoable
from exponential.workspace.names import valid_text, valid_title
from exponential.workspace.text import matching

MAX_NAME_CHARS = 200
MAX_NOTE_CHARS = 4_000
MAX_CHOICES = 300
State = Literal["active", "on_hold", "done"]
_Name = Row[UUID, str, str]  # id, name, status
_KIND = matching.RecordKind[_Name]("project", lambda project: project.name)


class Project(Undoable, AppBase):
    """What tasks are for. `note` is the last status update, of `noted_at`; `review_on` a day in the user's zone."""

    __tablename__ = "projects"
    __table_args__ = (Index("ix_projects_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(EncryptedText)
    status: Mapped[str] = mapped_column(String(16), default="active")
    review_on: Mapped[date | None] = mapped_column(Date)
    note: Mapped[str | None] = mapped_column(EncryptedText)
    noted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def as_json(self) -> dict[str, Any]:
        """{"id", "name", "status", "review_on": ISO date or null, "note": text or null}"""
        review_on = self.review_on.isoformat() if self.review_on else None
        return {"id": str(self.id), "name": self.name, "status": self.status, "review_on": review_on, "note": self.note}


@dataclass(frozen=True)
class ProjectChanges:
    """What to change of a project."""

    name: str | Unchanged = UNCHANGED
    status: State | Unchanged = UNCHANGED
    review_on: date | Unchanged | None = UNCHANGED
    note: str | Unchanged = UNCHANGED


@dataclass(frozen=True)
class Choice:
    """A project where one is chosen."""

    id: UUID
    name: str


async def create_project(session: AsyncSession, user_id: UUID, name: str, review_on: date | None = None) -> Project:
    """Raises BadInput (name), Conflict `already_exists` for a name that the user has, NotFound (user)."""
    name = valid_title(name, "project", MAX_NAME_CHARS)
    await users.get(session, user_id)
    await _refuse_twin(session, user_id, name)
    project = Project(user_id=user_id, name=name, review_on=review_on)
    session.add(project)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return project


async def list_projects(session: AsyncSession, user_id: UUID, status: State | Literal["all"] = "all") -> list[Project]:
    """In the order they were made."""
    query = select(Project).where(Project.user_id == user_id).order_by(Project.id)
    if status != "all":
        query = query.where(Project.status == status)
    return list((await session.execute(query)).scalars())


def by_status(user_id: UUID) -> Select[Project]:
    """The user's projects, the active ones first, else in the order they were made."""
    places = case({"active": 0, "on_hold": 1}, value=Project.status, else_=2)
    return select(Project).where(Project.user_id == user_id).order_by(places, Project.id)


async def choices(session: AsyncSession, user_id: UUID, also: Project | None = None) -> list[Choice]:
    """Projects to choose from that aren't done, in the order they were made: the latest MAX_CHOICES; and `also`."""
    query = select(Project.id, Project.name).where(Project.user_id == user_id, Project.status != "done")
    rows = await session.execute(query.order_by(Project.id.desc()).limit(MAX_CHOICES))
    found = [Choice(*row) for row in rows][::-1]
    return found if also is None or also.id in {one.id for one in found} else [Choice(also.id, also.name), *found]


async def by_id(session: AsyncSession, user_id: UUID, project: UUID | str) -> Project | None:
    try:
        project_id = UUID(str(project).strip())
    except ValueError:
        return None
    query = select(Project).where(Project.user_id == user_id, Project.id == project_id)
    return (await session.execute(query)).scalar_one_or_none()


async def find(session: AsyncSession, user_id: UUID, project: UUID | str) -> Project:
    """The user's project by id or name; those not done win. Raises NotFound, Conflict `ambiguous`."""
    known = await by_id(session, user_id, project)
    if known is not None:
        return known
    if isinstance(project, UUID):
        raise NotFound("There is no such project in your workspace; it may have been removed.", code="unknown_project")
    names = await _names(session, user_id)
    running, done = ([row for row in names if (row.status == "done") == is_done] for is_done in (False, True))
    return await session.get_one(Project, matching.one(project, _KIND, running, done).id)


async def mentioned(session: AsyncSession, user_id: UUID, text: str) -> Project | None:
    """The one active project whose name stands in `text`, word for word."""
    words = f" {utils.default_process(text)} "
    active = [row for row in await _names(session, user_id) if row.status == "active"]
    found = [row.id for row in active if f" {utils.default_process(row.name)} " in words]
    return await session.get_one(Project, found[0]) if len(found) == 1 else None


async def _names(session: AsyncSession, user_id: UUID) -> Sequence[_Name]:
    """Of all projects, in the order they were made: names are encrypted, so they are compared here."""
    query = select(Project.id, Project.name, Project.status).where(Project.user_id == user_id).order_by(Project.id)
    return (await session.execute(query)).all()


async def update_project(session: AsyncSession, user_id: UUID, project: UUID | str, changes: ProjectChanges) -> Project:
    """Raises what `find` raises, BadInput, Conflict `already_exists`."""
    found = await find(session, user_id, project)
    if changes.name is not UNCHANGED:
        name = valid_title(changes.name, "project", MAX_NAME_CHARS)
        await _refuse_twin(session, user_id, name, but=found)
        found.name = name
    if changes.status is not UNCHANGED:
        found.status = changes.status
    if changes.review_on is not UNCHANGED:
        found.review_on = changes.review_on
    if changes.note is not UNCHANGED:
        found.note, found.noted_at = valid_text(changes.note, "status update", MAX_NOTE_CHARS), clock.now()
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return found


async def _refuse_twin(session: AsyncSession, user_id: UUID, name: str, but: Project | None = None) -> None:
    for row in await _names(session, user_id):
        if row.name.casefold() == name.casefold() and (but is None or row.id != but.id):
            raise Conflict(f"There is a project “{row.name}” already.", code="already_exists")
