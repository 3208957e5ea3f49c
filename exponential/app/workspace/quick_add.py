"""A task in one line: "Pay rent on Friday at 9 #Home !high" read by the same rules that Paddy has without a model."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth.users import User
from exponential.core import clock
from exponential.core.errors import Conflict, NotFound
from exponential.workspace import projects, tasks
from exponential.workspace.tasks import PRIORITIES, Priority
from exponential.workspace.text import dates, task_details
from exponential.workspace.text.zones import zone_of

MAX_LINE_CHARS = tasks.MAX_TITLE_CHARS + 100  # with what is said about the task


@dataclass(frozen=True)
class ParsedLine:
    """What a line says. `due` without offset is on the user's clock; `project` is one of theirs."""

    title: str
    due: date | datetime | None
    priority: Priority | None
    project: UUID | None
    project_name: str | None


async def read(session: AsyncSession, user: User, line: str) -> ParsedLine:
    """Words that name no day, priority or project of the user's stay in the title; so does everything, if nothing else
    would be left."""
    line = " ".join(line.split())
    if len(line) > MAX_LINE_CHARS:
        return ParsedLine(line[: tasks.MAX_TITLE_CHARS + 1], None, None, None, None)
    title, level = task_details.take_priority(line)
    rest, named = task_details.take_project(title)
    project = await _project(session, user, named) if named else None
    if project is not None:
        title = rest
    said = await projects.mentioned(session, user.id, title) if project is None else project
    title, due = dates.extract(title, clock.now().astimezone(zone_of(user)))
    if not title.strip():
        return ParsedLine(line[: tasks.MAX_TITLE_CHARS + 1], None, None, None, None)
    priority = next((known for known in PRIORITIES if known == level), None)
    return ParsedLine(title, due, priority, said.id if said else None, said.name if said else None)


async def _project(session: AsyncSession, user: User, name: str) -> projects.Project | None:
    try:
        return await projects.find(session, user.id, name)
    except (NotFound, Conflict):
        return None
