"""Notes: texts that the user keeps, and those that guests leave, which is all that others may do to a workspace."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, ForeignKey, Index, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth import users
from exponential.core import clock
from exponential.core.database import AppBase, notify
from exponential.core.encryption import EncryptedText
from exponential.core.errors import Conflict
from exponential.workspace.history import CHANNEL, Undoable
from exponential.workspace.names import valid_text
from exponential.workspace.text.zones import during

MAX_GUEST_NOTE_CHARS = 2_000
MAX_NOTE_CHARS = 10_000  # of what the user keeps
MAX_NOTES_PER_DAY = 50  # notes for one user, so that no stranger fills the database


class Note(Undoable, AppBase):
    """`sender` is a guest's name, with their number; null where the user kept it themselves."""

    __tablename__ = "notes"
    __table_args__ = (Index("ix_notes_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    sender: Mapped[str | None] = mapped_column(EncryptedText)
    text: Mapped[str] = mapped_column(EncryptedText)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """{"id", "from": name or null, "text", "left_at": ISO datetime in `zone`}"""
        left_at = self.created_at.astimezone(zone).isoformat()
        return {"id": str(self.id), "from": self.sender, "text": self.text, "left_at": left_at}


async def leave_note(session: AsyncSession, user_id: UUID, text: str, sender: str | None = None) -> Note:
    """Raises BadInput, Conflict `too_many_notes` (50 within a day), NotFound (user)."""
    text = valid_text(text, "note", MAX_GUEST_NOTE_CHARS)
    await users.get(session, user_id)
    lately = select(func.count()).where(Note.user_id == user_id, Note.created_at > clock.now() - timedelta(days=1))
    if (await session.execute(lately)).scalar_one() >= MAX_NOTES_PER_DAY:
        raise Conflict("No more notes can be left today. Please try again tomorrow.", code="too_many_notes")
    return await _add(session, Note(user_id=user_id, text=text, sender=sender))


async def keep_note(session: AsyncSession, user_id: UUID, text: str) -> Note:
    """The user's own. Raises BadInput."""
    return await _add(session, Note(user_id=user_id, text=valid_text(text, "note", MAX_NOTE_CHARS)))


async def _add(session: AsyncSession, note: Note) -> Note:
    session.add(note)
    await session.flush()
    await notify(session, CHANNEL, str(note.user_id))
    return note


async def list_notes(
    session: AsyncSession, user_id: UUID, zone: ZoneInfo, since: date | None = None, until: date | None = None
) -> list[Note]:
    """The latest first; `since` and `until` are days in `zone`, both included."""
    query = select(Note).where(Note.user_id == user_id, *during(Note.created_at, since, until, zone))
    return list((await session.execute(query.order_by(Note.created_at.desc(), Note.id.desc()))).scalars())
