"""The inbox: each accepted message recorded once, in order, until the app has it."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.database import GatewayBase, notify
from exponential.encryption import EncryptedJSON
from exponential.gateway import access, outbox, wakeups
from exponential.gateway.sessions import Session
from exponential.gateway.wire import Inbound

WAITING, DELIVERED, PARKED = "waiting", "delivered", "parked"


class InboxMessage(GatewayBase):
    """A message on its way to the app. `payload` is what the app is sent; it is dropped once the app has it.

    `chat_key` tells chats apart (and orders within one) without keeping anyone's phone number readable.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("session_id", "message_id"),
        Index("ix_inbox_waiting", "session_id", "chat_key", "seq", postgresql_where="state = 'waiting'"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(128))
    chat_key: Mapped[bytes] = mapped_column(LargeBinary)
    payload: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON)
    state: Mapped[str] = mapped_column(String(16), default=WAITING)
    reason: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    delivered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def chat_key(session_id: UUID, chat: str) -> bytes:
    """16 bytes that stand for a chat of a session."""
    return hashlib.blake2b(chat.encode(), key=session_id.bytes, digest_size=16).digest()


async def record(db: AsyncSession, session: Session, messages: list[Inbound]) -> int:
    """Store what may reach the assistant, each message once; the number of new rows.

    What this gateway itself sent, from whichever of its sessions, is left out: Paddy never answers Paddy.
    """
    account = session.account
    if account is None:
        return 0
    wanted = [message for message in messages if access.accepts(account, message)]
    ours = await outbox.sent_ids(db, [message.message_id for message in wanted])
    new = 0
    for message in wanted:
        if message.message_id in ours:
            continue
        # One name for the own chat, whether the phone addressed it by number or by LID.
        chat = account.jid if access.is_own_chat(account, message.chat) else access.bare(message.chat)
        key = chat_key(session.id, chat)
        row = {
            "session_id": session.id,
            "message_id": message.message_id,
            "chat_key": key,
            "payload": _payload(session, message, chat),
            "state": WAITING,
            "received_at": clock.now(),
        }
        statement = insert(InboxMessage).values(row).on_conflict_do_nothing().returning(InboxMessage.seq)
        if await db.scalar(statement) is not None:
            new += 1
            await notify(db, wakeups.INBOX, f"{session.id} {key.hex()}")
    return new


def _payload(session: Session, message: Inbound, chat: str) -> dict[str, Any]:
    sender = session.jid if message.from_me else access.bare(message.sender)
    return {
        "sessionId": str(session.id),
        "messageId": message.message_id,
        "chat": chat,
        "sender": sender,
        "senderPhone": access.phone_number(sender or ""),
        "senderName": message.sender_name or None,
        "role": "owner" if message.from_me else "guest",
        "type": message.kind,
        "text": message.text,
        "timestamp": datetime.fromtimestamp(message.sent_at / 1000, UTC).isoformat(),
    }


async def next_waiting(db: AsyncSession, session_id: UUID, key: bytes) -> tuple[InboxMessage, str] | None:
    """The oldest message of a chat that the app hasn't got, and the session's owner."""
    query = (
        select(InboxMessage, Session.owner)
        .join(Session, Session.id == InboxMessage.session_id)
        .where(InboxMessage.session_id == session_id, InboxMessage.chat_key == key, InboxMessage.state == WAITING)
        .order_by(InboxMessage.seq)
        .limit(1)
    )
    found = (await db.execute(query)).first()
    return (found[0], found[1]) if found else None


async def waiting_chats(db: AsyncSession) -> list[tuple[UUID, bytes]]:
    """(session id, chat key) of every chat with something for the app."""
    query = select(InboxMessage.session_id, InboxMessage.chat_key).where(InboxMessage.state == WAITING).distinct()
    return [(row[0], bytes(row[1])) for row in await db.execute(query)]
