"""Meetings: transcripts, their minutes (summary, decisions, action items), and finding what was said.

What people said is stored encrypted. It is found through Postgres full text all the same: the index holds, for each
line, what `blind` makes of its lexemes (docs/decisions/0005).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Row,
    Select,
    String,
    cast,
    delete,
    desc,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth import users
from exponential.core import clock
from exponential.core.database import AppBase, blind, notify
from exponential.core.encryption import BlindIndex, EncryptedJSON, EncryptedText
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace.history import CHANNEL, Undoable
from exponential.workspace.meetings import transcripts
from exponential.workspace.meetings.transcript_import import MeetingImport
from exponential.workspace.names import valid_title
from exponential.workspace.text import documents, matching

MAX_TITLE_CHARS = 300
MAX_EXTERNAL_ID_CHARS = 200
MAX_HITS = 10
BATCH_LINES = 50  # that are stored together
MAX_QUERY_CHARS = 2_000  # that are looked for; a query of ten thousand words is too complex for Postgres
_LEXEMES = text(
    "select tsvector_to_array(to_tsvector('english', line)) from unnest(cast(:lines as text[])) with ordinality"
    " as said (line, place) order by place"
)
_KIND = matching.RecordKind[Row[Any]](
    "meeting",
    lambda meeting: meeting.title,
    lambda meeting: f" ({meeting.held_on.isoformat()})",
    lambda twins: max(twins, key=lambda meeting: meeting.id),
)


class Meeting(Undoable, AppBase):
    """`form` is that of its transcript (text, vtt, srt, docx, json); `summary`: sentences; `external_id`: what the
    program that handed it in knows it by."""

    __tablename__ = "meetings"
    __table_args__ = (
        Index("ix_meetings_user_id_held_on", "user_id", "held_on"),
        Index("uq_meetings_user_id_external_key", "user_id", "external_key", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(EncryptedText)
    held_on: Mapped[date] = mapped_column(Date)
    form: Mapped[str] = mapped_column(String(8))
    summary: Mapped[Any] = mapped_column(EncryptedJSON)
    external_id: Mapped[str | None] = mapped_column(EncryptedText)
    external_key: Mapped[bytes | None] = mapped_column(BlindIndex("external_id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def as_json(self) -> dict[str, Any]:
        """{"id", "title", "held_on": ISO date}"""
        return {"id": str(self.id), "title": self.title, "held_on": self.held_on.isoformat()}


class MeetingLine(AppBase):
    """One line of a transcript, counted from 1; `seconds` after the beginning. `words` is its blind index."""

    __tablename__ = "meeting_lines"
    __table_args__ = (Index("ix_meeting_lines_words", "words", postgresql_using="gin"),)

    meeting_id: Mapped[UUID] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    speaker: Mapped[str | None] = mapped_column(EncryptedText)
    seconds: Mapped[int | None] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(EncryptedText)
    words: Mapped[str] = mapped_column(TSVECTOR)

    def as_json(self) -> dict[str, Any]:
        """{"line": number, "speaker", "seconds", "text"}"""
        return {"line": self.number, "speaker": self.speaker, "seconds": self.seconds, "text": self.text}


class Item(Undoable, AppBase):
    """A decision or an action item (`kind`) with the line that it rests on, and the task that was made of it."""

    __tablename__ = "meeting_items"
    __table_args__ = (Index("ix_meeting_items_meeting_id", "meeting_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    meeting_id: Mapped[UUID] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(EncryptedText)
    owner: Mapped[str | None] = mapped_column(EncryptedText)
    due_on: Mapped[date | None] = mapped_column(Date)
    line: Mapped[int] = mapped_column(Integer)
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("tasks.id", ondelete="SET NULL"))

    def as_json(self) -> dict[str, Any]:
        """{"id", "text", "owner", "due": ISO date or null, "line", "task": id or null}"""
        return {
            "id": str(self.id),
            "text": self.text,
            "owner": self.owner,
            "due": self.due_on.isoformat() if self.due_on else None,
            "line": self.line,
            "task": str(self.task_id) if self.task_id else None,
        }


@dataclass(frozen=True)
class Hit:
    """A line that answers a search. `decided`: a decision rests on it."""

    meeting: Meeting
    line: MeetingLine
    decided: bool

    def as_json(self) -> dict[str, Any]:
        return {"meeting": self.meeting.as_json(), **self.line.as_json(), "decided": self.decided}


async def import_meeting(
    session: AsyncSession,
    user_id: UUID,
    found: MeetingImport,
    title: str | None = None,
    *,
    external_id: str | None = None,
) -> Meeting:
    """Store a transcript that was read, with its minutes. Its title is the file's own, or "Meeting", if none is given.

    Raises BadInput (title).
    """
    meeting = Meeting(
        user_id=user_id,
        title=valid_title(title, "meeting", MAX_TITLE_CHARS) if title else _own_title(found),
        held_on=found.held_on,
        form=found.transcript.form,
        summary=found.minutes.summary,
        external_id=external_id,
    )
    session.add(meeting)
    await session.flush()
    await _index(session, meeting, found.transcript.lines)
    for kind, items in (("decision", found.minutes.decisions), ("action", found.minutes.actions)):
        for item in items:
            session.add(
                Item(
                    meeting_id=meeting.id,
                    kind=kind,
                    text=item.text,
                    owner=item.owner,
                    due_on=item.due,
                    line=item.line,
                )
            )
            await session.flush()  # one by one: ids tell their order
    await notify(session, CHANNEL, str(user_id))
    return meeting


async def by_external_id(session: AsyncSession, user_id: UUID, external_id: str) -> Meeting | None:
    """The meeting that was handed in under this id. Until this transaction ends nobody else hands it in."""
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"meeting {user_id} {external_id}", 0))
    await session.execute(select(lock))
    key = blind(session, "meetings.external_id", external_id)
    query = select(Meeting).where(Meeting.user_id == user_id, Meeting.external_key == key)
    return (await session.execute(query)).scalar_one_or_none()


async def list_meetings(
    session: AsyncSession, user_id: UUID, since: date | None = None, until: date | None = None
) -> list[Meeting]:
    """The user's meetings, the latest first; `since` and `until` are days, both included."""
    return list((await session.execute(held(user_id, since, until))).scalars())


def held(user_id: UUID, since: date | None = None, until: date | None = None) -> Select[Meeting]:
    """What `list_meetings` lists."""
    query = select(Meeting).where(Meeting.user_id == user_id)
    if since is not None:
        query = query.where(Meeting.held_on >= since)
    if until is not None:
        query = query.where(Meeting.held_on <= until)
    return query.order_by(Meeting.held_on.desc(), Meeting.id.desc())


async def find(
    session: AsyncSession, user_id: UUID, meeting: UUID | str | None = None, held_on: date | None = None
) -> Meeting:
    """The meeting of that id or title, and of that day if one is named; the latest one without a name.

    Raises NotFound, Conflict `ambiguous`.
    """
    try:
        wanted = held(user_id, held_on, held_on).where(Meeting.id == UUID(str(meeting).strip()))
        known: Meeting | None = (await session.execute(wanted)).scalar_one_or_none()
        if known is not None:
            return known
    except ValueError:
        pass  # a title
    if isinstance(meeting, str):  # titles are encrypted: they are compared here
        titles = held(user_id, held_on, held_on).with_only_columns(Meeting.id, Meeting.title, Meeting.held_on)
        return await session.get_one(Meeting, matching.one(meeting, _KIND, (await session.execute(titles)).all()).id)
    latest = held(user_id, held_on, held_on).limit(1) if meeting is None else None
    found = (await session.execute(latest)).scalar_one_or_none() if latest is not None else None
    if found is None:
        raise NotFound("I know of no such meeting. Send me a transcript and I keep it.", code="unknown_meeting")
    return found


async def delete_meeting(session: AsyncSession, user_id: UUID, meeting_id: UUID) -> Meeting:
    """Remove a meeting with all that was said in it, for good; the tasks made of it stay. Raises NotFound."""
    found = await find(session, user_id, meeting_id)
    await session.execute(delete(Meeting).where(Meeting.id == found.id))  # not noted for an undo: its lines are gone
    session.expunge(found)
    await notify(session, CHANNEL, str(user_id))
    return found


async def line(session: AsyncSession, meeting: Meeting, number: int) -> MeetingLine:
    """Raises NotFound."""
    found = await session.get(MeetingLine, (meeting.id, number))
    if found is None:
        raise NotFound("This meeting has no such line.", code="unknown_line")
    return found


async def count_lines(session: AsyncSession, meeting: Meeting) -> int:
    query = select(func.count()).select_from(MeetingLine).where(MeetingLine.meeting_id == meeting.id)
    return (await session.execute(query)).scalar_one()


async def lines(session: AsyncSession, meeting: Meeting, after: int = 0, most: int | None = None) -> list[MeetingLine]:
    """What was said, in order: all of it, or the first `most` lines after the one with the number `after`."""
    query = (
        select(MeetingLine)
        .where(MeetingLine.meeting_id == meeting.id, MeetingLine.number > after)
        .order_by(MeetingLine.number)
        .limit(most)
    )
    return list((await session.execute(query)).scalars())


async def counts(session: AsyncSession, meeting_ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """How many decisions and action items each of these meetings has; those without any are left out."""
    query = (
        select(
            Item.meeting_id,
            func.count().filter(Item.kind == "decision"),
            func.count().filter(Item.kind == "action"),
        )
        .where(Item.meeting_id.in_(list(meeting_ids)))
        .group_by(Item.meeting_id)
    )
    return {meeting_id: (decisions, actions) for meeting_id, decisions, actions in await session.execute(query)}


async def items(session: AsyncSession, meeting: Meeting, kind: str) -> list[Item]:
    """A meeting's decisions or action items, in the order they were said."""
    query = select(Item).where(Item.meeting_id == meeting.id, Item.kind == kind).order_by(Item.line, Item.id)
    return list((await session.execute(query)).scalars())


async def action_items(
    session: AsyncSession,
    user_id: UUID,
    meeting: UUID | str | None = None,
    owner: str | None = None,
    held_on: date | None = None,
) -> list[tuple[Meeting, Item]]:
    """The action items of one meeting (the latest without a name or day), or, for an `owner` without these, of all.

    `owner` is a name or part of one, or "me". Raises NotFound, Conflict `ambiguous`.
    """
    if meeting is None and held_on is None and owner is not None:
        return await all_action_items(session, user_id, owner=owner)
    chosen = await find(session, user_id, meeting, held_on)
    found = [(chosen, item) for item in await items(session, chosen, "action")]
    return await _owned(session, user_id, found, owner)


async def all_action_items(
    session: AsyncSession,
    user_id: UUID,
    since: date | None = None,
    until: date | None = None,
    *,
    owner: str | None = None,
    without_task: bool = False,
) -> list[tuple[Meeting, Item]]:
    """The action items of the meetings that `list_meetings` lists, in its order. `owner` as for `action_items`."""
    query = held(user_id, since, until).join(Item).where(Item.kind == "action").add_columns(Item)
    if without_task:
        query = query.where(Item.task_id.is_(None))
    found = [(row[0], row[1]) for row in await session.execute(query.order_by(Item.line, Item.id))]
    return await _owned(session, user_id, found, owner)


async def _owned(
    session: AsyncSession, user_id: UUID, found: list[tuple[Meeting, Item]], owner: str | None
) -> list[tuple[Meeting, Item]]:
    if owner is None:
        return found
    if owner.lower() in ("me", "myself", "i"):
        owner = (await users.get(session, user_id)).name
    return [(meeting, item) for meeting, item in found if item.owner and _is(owner, item.owner)]


async def without_task(session: AsyncSession, user_id: UUID, item_id: UUID) -> Item:
    """An action item that no task was made of yet. Raises NotFound, Conflict `already_a_task`."""
    query = select(Item).join(Meeting).where(Meeting.user_id == user_id, Item.id == item_id, Item.kind == "action")
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such action item in your workspace.", code="unknown_action_item")
    if found.task_id is not None:
        raise Conflict(f"“{found.text}” is a task already.", code="already_a_task")
    return found


async def search(session: AsyncSession, user_id: UUID, wanted: str, meeting: UUID | str | None = None) -> list[Hit]:
    """Up to 10 lines with all words of `wanted`, else with any of them; decisions first, then by how well they fit.

    Words are compared in their English base form; MAX_QUERY_CHARS characters of them. Raises BadInput (no word to look
    for), NotFound (meeting).
    """
    (lexemes,) = await _lexemes(session, [documents.plain(wanted[:MAX_QUERY_CHARS])])
    if not lexemes:
        raise BadInput("What shall I look for in your meetings? Name a word or two.", code="search_empty")
    terms = [_token(session, lexeme) for lexeme in lexemes]
    only = await find(session, user_id, meeting) if meeting is not None else None
    for joint in (" & ", " | ")[: len(terms)]:
        found = await _hits(session, user_id, joint.join(terms), only)
        if found:
            return found
    return []


async def _hits(session: AsyncSession, user_id: UUID, query: str, only: Meeting | None) -> list[Hit]:
    match = cast(query, TSQUERY)
    decided = (
        select(Item.id)
        .where(Item.meeting_id == MeetingLine.meeting_id, Item.line == MeetingLine.number, Item.kind == "decision")
        .exists()
    )
    statement = (
        select(Meeting, MeetingLine, decided.label("decided"))
        .join(MeetingLine, MeetingLine.meeting_id == Meeting.id)
        .where(Meeting.user_id == user_id, MeetingLine.words.bool_op("@@")(match))
        .order_by(
            desc("decided"), func.ts_rank(MeetingLine.words, match).desc(), Meeting.held_on.desc(), MeetingLine.number
        )
        .limit(MAX_HITS)
    )
    if only is not None:
        statement = statement.where(Meeting.id == only.id)
    return [Hit(meeting, line, is_decided) for meeting, line, is_decided in await session.execute(statement)]


async def _index(session: AsyncSession, meeting: Meeting, lines: Sequence[transcripts.TranscriptLine]) -> None:
    """Store what was said, a few lines at a time: others have their turn in between."""
    for first in range(0, len(lines), BATCH_LINES):
        part = lines[first : first + BATCH_LINES]
        found = await _lexemes(session, [f"{line.speaker or ''} {line.text}" for line in part])
        rows = [
            {
                "meeting_id": meeting.id,
                "number": number,
                "speaker": line.speaker,
                "seconds": line.seconds,
                "text": line.text,
                "words": " ".join(_token(session, lexeme) for lexeme in lexemes),
            }
            for number, (line, lexemes) in enumerate(zip(part, found, strict=True), start=first + 1)
        ]
        await session.execute(insert(MeetingLine), rows)


async def _lexemes(session: AsyncSession, texts: list[str]) -> list[list[str]]:
    """Postgres' own English base forms of the words of each text."""
    rows = await session.execute(_LEXEMES, {"lines": texts})
    return [list(row[0]) for row in rows]


def _token(session: AsyncSession, lexeme: str) -> str:
    """What stands for a lexeme in the index of lines: 16 hex digits."""
    return blind(session, "meeting_lines.words", lexeme)[:8].hex()


def _is(asked: str, owner: str) -> bool:
    return matching.score(asked, owner) >= matching.CLOSE_ENOUGH or matching.score(owner, asked) >= matching.CERTAIN


def _own_title(found: MeetingImport) -> str:
    return (found.transcript.title or "")[:MAX_TITLE_CHARS].strip() or "Meeting"
