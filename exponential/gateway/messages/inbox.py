"""The inbox: each accepted message recorded once, in order, until the app has it."""

from datetime import UTC, datetime, timedelta
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
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock
from exponential.core.database import GatewayBase, notify
from exponential.core.encryption import EncryptedJSON
from exponential.gateway.access import own_numbers, policies, rules
from exponential.gateway.cluster import wakeups
from exponential.gateway.messages import notices, originals, outbox, rate_limits
from exponential.gateway.sessions import contacts
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.protocol import Account, Inbound

WAITING, DELIVERED, PARKED = "waiting", "delivered", "parked"
OWNER_PAUSE = timedelta(minutes=30)


class InboxMessage(GatewayBase):
    """A message on its way to the app. `payload` is what the app is sent; it is dropped once the app has it.

    It waits since `received_at`; `reason` says why it was parked.

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


async def record(db: AsyncSession, session: Session, messages: list[Inbound], *, pause: timedelta = OWNER_PAUSE) -> int:
    """Store what may reach the assistant, each message once; the number of new rows.

    What this gateway itself sent, from whichever of its sessions, is left out: Paddy never answers Paddy. Where the
    account's human wrote by hand the assistant is silent for `pause` from then on.
    """
    account = session.account
    if account is None:
        return 0
    policy = await policies.load(db, session.id)
    ours = await outbox.sent_ids(db, [message.message_id for message in messages])
    new = 0
    for message in messages:
        if message.message_id in ours:
            continue
        if message.kind == own_numbers.PROVED:
            await notices.welcome(db, session.id, message)
            continue
        if message.kind == rate_limits.OVER_LIMIT:
            await notices.slow_down(db, session.id, message)
            continue
        if message.kind == rules.BY_HAND:
            await _fall_silent(db, session.id, message, pause)
            continue
        role = rules.role(policy, account, message)
        chat = await _chat(db, session.id, account, message, role) if role else None
        if role and chat:
            new += await _store(db, session, account, message, chat, role)
    return new


async def _chat(db: AsyncSession, session_id: UUID, account: Account, message: Inbound, role: rules.Role) -> str | None:
    """The chat's one name, whether it is addressed by number or by LID; None while the assistant is silent there."""
    if rules.is_own_chat(account, message.chat):
        return account.jid
    contact = await contacts.meet(db, session_id, _party(message))
    if contact.paused and role == "guest":
        return None
    contact.heard_at = clock.now()
    return contact.chat


async def _fall_silent(db: AsyncSession, session_id: UUID, message: Inbound, pause: timedelta) -> None:
    contact = await contacts.meet(db, session_id, _party(message))
    until = datetime.fromtimestamp(message.sent_at / 1000, UTC) + pause
    contact.paused_until = min(max(until, contact.paused_until or until), clock.now() + pause)


def _party(message: Inbound) -> set[str]:
    return {rules.bare(message.chat)} if rules.is_group(message.chat) else rules.addresses(message)


async def _store(
    db: AsyncSession, session: Session, account: Account, message: Inbound, chat: str, role: rules.Role
) -> int:
    key = contacts.key(db, session.id, chat)
    row = {
        "session_id": session.id,
        "message_id": message.message_id,
        "chat_key": key,
        "payload": _payload(session, account, message, chat, role) | await _quoted(db, session.id, message),
        "state": WAITING,
        "received_at": clock.now(),
    }
    statement = insert(InboxMessage).values(row).on_conflict_do_nothing().returning(InboxMessage.seq)
    if await db.scalar(statement) is None:
        return 0
    await originals.keep(db, session.id, chat, message)
    await notify(db, wakeups.INBOX, f"{session.id} {key.hex()}")
    return 1


def _payload(session: Session, account: Account, message: Inbound, chat: str, role: rules.Role) -> dict[str, Any]:
    # A number rather than a LID, where both are known: people know numbers.
    who = sorted(rules.addresses(message), key=lambda address: rules.phone_number(address) is None)
    sender = session.jid if message.from_me else who[0]
    return {
        "sessionId": str(session.id),
        "messageId": message.message_id,
        "chat": chat,
        "sender": sender,
        "senderPhone": rules.phone_number(sender or ""),
        "senderName": message.sender_name or None,
        "role": role,
        "type": message.kind,
        "text": rules.said_to(account, message),
        "timestamp": datetime.fromtimestamp(message.sent_at / 1000, UTC).isoformat(),
        **({"media": message.media} if message.media else {}),  # what of it the app is sent: see media.py
        **({"forwarded": True} if message.forwarded else {}),
    }


async def _quoted(db: AsyncSession, session_id: UUID, message: Inbound) -> dict[str, Any]:
    """What of the quoted message the app is sent: the key under which it sent that one itself, if it did."""
    if message.quoted is None:
        return {}
    key = await outbox.key_of(db, session_id, message.quoted["id"])
    quoted = {"messageId": message.quoted["id"], "text": message.quoted["text"], **({"key": key} if key else {})}
    return {"quoted": quoted}


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


async def park(db: AsyncSession, before: datetime) -> int:
    """Set aside what has waited since before that moment; the number of messages."""
    old = update(InboxMessage).where(InboxMessage.state == WAITING, InboxMessage.received_at < before)
    reason = "the app didn't take it in time"
    return len(list(await db.scalars(old.values(state=PARKED, reason=reason).returning(InboxMessage.seq))))


async def parked(db: AsyncSession, session_id: UUID) -> list[InboxMessage]:
    """What was set aside of a session, oldest first."""
    query = select(InboxMessage).where(InboxMessage.session_id == session_id, InboxMessage.state == PARKED)
    return list(await db.scalars(query.order_by(InboxMessage.seq)))


async def retry(db: AsyncSession, session_id: UUID | None = None) -> int:
    """Let what was set aside, of one session or of all, wait for the app again, from now on; the number of messages."""
    which = [InboxMessage.state == PARKED] + ([InboxMessage.session_id == session_id] if session_id else [])
    again = update(InboxMessage).where(*which).values(state=WAITING, reason=None, received_at=clock.now())
    rows = await db.execute(again.returning(InboxMessage.session_id, InboxMessage.chat_key))
    chats = [f"{session} {bytes(key).hex()}" for session, key in rows]
    for chat in set(chats):
        await notify(db, wakeups.INBOX, chat)
    return len(chats)


async def waiting_chats(db: AsyncSession) -> list[tuple[UUID, bytes]]:
    """(session id, chat key) of every chat with something for the app."""
    query = select(InboxMessage.session_id, InboxMessage.chat_key).where(InboxMessage.state == WAITING).distinct()
    return [(row[0], bytes(row[1])) for row in await db.execute(query)]
