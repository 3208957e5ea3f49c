"""What WhatsApp wants to know again of a message that came: to quote it, to confirm it as read, to react to it.

Kept for a day, encrypted, apart from the inbox, which forgets a message once the app has it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, String, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock
from exponential.core.database import GatewayBase
from exponential.core.encryption import EncryptedJSON
from exponential.gateway.access import rules
from exponential.gateway.sessions import contacts
from exponential.gateway.worker.protocol import Inbound, Original

ORIGINAL_LIFETIME = timedelta(days=1)
QUOTED_CHARS = 500  # of a message that are enough to quote it


class OriginalRow(GatewayBase):
    """`original` is a protocol.Original as JSON; `chat_key` as in the inbox."""

    __tablename__ = "origins"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    chat_key: Mapped[bytes] = mapped_column(LargeBinary)
    original: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    kept_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now, index=True)


async def keep(db: AsyncSession, session_id: UUID, chat: str, message: Inbound) -> None:
    """Remember a message of the chat that the app knows as `chat`."""
    original = Original(
        id=message.message_id,
        chat=rules.bare(message.chat),
        sender=rules.bare(message.sender),
        from_me=message.from_me,
        text=message.text[:QUOTED_CHARS],
    )
    row = {
        "session_id": session_id,
        "message_id": message.message_id,
        "chat_key": contacts.key(db, session_id, chat),
        "original": original.as_json(),
        "kept_at": clock.now(),
    }
    await db.execute(insert(OriginalRow).values(row).on_conflict_do_nothing())


async def find(db: AsyncSession, session_id: UUID, chat: str, message_ids: Sequence[str]) -> list[Original]:
    """Those of these messages that came in this chat and are remembered still, in the order in which they came."""
    query = select(OriginalRow.original).where(
        OriginalRow.session_id == session_id,
        OriginalRow.message_id.in_(message_ids),
        OriginalRow.chat_key == contacts.key(db, session_id, chat),
    )
    return [
        Original(**found) for found in await db.scalars(query.order_by(OriginalRow.kept_at, OriginalRow.message_id))
    ]


async def forget_old(db: AsyncSession) -> None:
    await db.execute(delete(OriginalRow).where(OriginalRow.kept_at < clock.now() - ORIGINAL_LIFETIME))
