"""The outbox: a message is queued once per idempotency key, paced, sent in order per session, followed to its receipts.

Before the send call the row says `sending`, after it the WhatsApp id. A process that dies in between leaves `sending`
behind: whether WhatsApp took the message is then unknown, because neonize can't choose message ids. Losing a reply is
never allowed, a double one only here: such rows are sent again, and each is counted in the log.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, String, Text, UniqueConstraint, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock, log
from exponential.database import Database, GatewayBase, notify
from exponential.encryption import EncryptedText
from exponential.errors import Conflict, NotFound, Unavailable
from exponential.gateway import wakeups
from exponential.gateway.lanes import Lanes

QUEUED, SENDING, SENT, DELIVERED, READ, FAILED = "queued", "sending", "sent", "delivered", "read", "failed"
_PROGRESS = {SENT: 0, DELIVERED: 1, READ: 2}
MAX_ATTEMPTS = 4  # of sends that WhatsApp or the client refused
FINISH_SENDING = 2.0  # seconds that a closing gateway waits for a send in progress
_EARLY_RECEIPTS = 1000
_log = log.get(__name__)


class OutboxMessage(GatewayBase):
    """A message to WhatsApp. `whatsapp_id` is there once it was sent."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("session_id", "key"),
        Index("ix_outbox_waiting", "session_id", "seq", postgresql_where="state in ('queued', 'sending')"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200))
    chat: Mapped[str] = mapped_column(EncryptedText)
    text: Mapped[str] = mapped_column(EncryptedText)
    state: Mapped[str] = mapped_column(String(16), default=QUEUED)
    reason: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    whatsapp_id: Mapped[str | None] = mapped_column(String(128), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    delivered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


async def enqueue(db: AsyncSession, session_id: UUID, key: str, chat: str, text: str) -> OutboxMessage:
    """Queue a message, or find the one this key queued before. Raises Conflict when the key was used for another."""
    row = {
        "id": clock.new_id(),
        "session_id": session_id,
        "key": key,
        "chat": chat,
        "text": text,
        "state": QUEUED,
        "attempts": 0,
        "created_at": clock.now(),
    }
    await db.execute(insert(OutboxMessage).values(row).on_conflict_do_nothing())
    query = select(OutboxMessage).where(OutboxMessage.session_id == session_id, OutboxMessage.key == key)
    message = (await db.execute(query)).scalar_one()
    if (message.chat, message.text) != (chat, text):
        raise Conflict(
            "This Idempotency-Key was used for another message of this session. Use a new key for a new message.",
            code="idempotency_key_reused",
        )
    if message.state == QUEUED:
        await notify(db, wakeups.OUTBOX, str(session_id))
    return message


async def get(db: AsyncSession, session_id: UUID, message_id: str) -> OutboxMessage:
    """Raises NotFound."""
    try:
        message = await db.get(OutboxMessage, UUID(message_id))
    except ValueError:
        message = None
    if message is None or message.session_id != session_id:
        raise NotFound("There is no such message in this session.", code="message_not_found")
    return message


async def sent_ids(db: AsyncSession, whatsapp_ids: list[str]) -> set[str]:
    """Which of these WhatsApp ids are messages that this gateway sent, from any session."""
    if not whatsapp_ids:
        return set()
    query = select(OutboxMessage.whatsapp_id).where(OutboxMessage.whatsapp_id.in_(whatsapp_ids))
    return {found for found in await db.scalars(query) if found}


async def give_up(db: AsyncSession, session_id: UUID, reason: str) -> None:
    """Fail what is still queued: sent days later, after the next scan, it would only startle."""
    waiting = (OutboxMessage.session_id == session_id, OutboxMessage.state.in_((QUEUED, SENDING)))
    await db.execute(update(OutboxMessage).where(*waiting).values(state=FAILED, reason=reason))


class Line(Protocol):
    """How the outbox reaches WhatsApp; the supervisor is one.

    Both raise Unavailable when the session isn't online (surely not sent), SendFailed when WhatsApp or its client
    refused, and SendUnknown when the worker died or the answer never came.
    """

    async def send(self, session_id: UUID, chat: str, text: str) -> str: ...

    async def typing(self, session_id: UUID, chat: str, on: bool) -> None: ...


class SendFailed(Exception):
    """WhatsApp or its client refused; `str(error)` has no message text in it."""


class SendUnknown(Exception):
    """Whether WhatsApp took the message can't be known."""


class Pace:
    """How long typing is shown before a message: `base` seconds and a little per character, at most `longest`."""

    def __init__(self, base: float = 0.3, per_character: float = 0.004, longest: float = 1.0) -> None:
        self._base, self._per_character, self._longest = base, per_character, longest

    def seconds(self, text: str) -> float:
        return min(self._longest, (self._base + self._per_character * len(text)) * random.uniform(0.8, 1.2))


class Outbox:
    """Sends what is queued. `poke` a session when it has something new or has come online."""

    def __init__(self, database: Database, line: Line, *, pace: Pace | None = None) -> None:
        self._database = database
        self._line = line
        self._pace = pace or Pace()
        self._lanes: Lanes[UUID] = Lanes("outbox", self._send_all)
        self._sending: set[asyncio.Task[bool]] = set()
        self._early: dict[str, str] = {}  # receipts that came before the row learned its WhatsApp id

    def poke(self, session_id: UUID) -> None:
        self._lanes.poke(session_id)

    def notice(self, payload: str) -> None:
        """A NOTIFY of wakeups.OUTBOX."""
        self.poke(UUID(payload))

    async def sweep(self) -> None:
        """Poke every session with something to send."""
        query = select(OutboxMessage.session_id).where(OutboxMessage.state.in_((QUEUED, SENDING))).distinct()
        async with self._database.transaction() as db:
            waiting = list(await db.scalars(query))
        for session_id in waiting:
            self.poke(session_id)

    async def drop(self, session_id: UUID) -> None:
        """Stop sending for a session that is being removed."""
        await self._lanes.drop(session_id)

    async def close(self) -> None:
        """Stop; a message that is being sent right now gets a moment to learn its outcome."""
        await self._lanes.close()
        if self._sending:
            await asyncio.wait(self._sending, timeout=FINISH_SENDING)

    async def receipt(self, whatsapp_ids: list[str], status: str) -> None:
        """Move messages forward to `delivered` or `read`; a late, lesser receipt changes nothing."""
        # Noted first, then looked up: a row that learns its id in this very moment finds the note afterwards.
        for whatsapp_id in whatsapp_ids:
            if _PROGRESS[status] > _PROGRESS[self._early.get(whatsapp_id, SENT)]:
                self._early[whatsapp_id] = status
        async with self._database.transaction() as db:
            known = await sent_ids(db, whatsapp_ids)
            for whatsapp_id in known:
                await self._advance(db, whatsapp_id, status)
        for whatsapp_id in known:
            self._early.pop(whatsapp_id, None)
        while len(self._early) > _EARLY_RECEIPTS:
            del self._early[next(iter(self._early))]

    @staticmethod
    async def _advance(db: AsyncSession, whatsapp_id: str, status: str) -> None:
        lesser = [state for state, rank in _PROGRESS.items() if rank < _PROGRESS[status]]
        moment = {DELIVERED: "delivered_at", READ: "read_at"}[status]
        await db.execute(
            update(OutboxMessage)
            .where(OutboxMessage.whatsapp_id == whatsapp_id, OutboxMessage.state.in_(lesser))
            .values({"state": status, moment: clock.now()})
        )

    async def _send_all(self, session_id: UUID, poked: asyncio.Event) -> None:
        while True:
            found = await self._oldest(session_id)
            if found is None:
                return
            row_id, chat, text = found
            try:
                await self._show_typing(session_id, chat, text)
            except Unavailable:
                return  # poked again when the session comes online
            # Once the intent is recorded only a dying process may stop this, not a closing gateway.
            sending = asyncio.create_task(self._send_one(session_id, row_id, chat, text))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
            if not await asyncio.shield(sending):
                return

    async def _oldest(self, session_id: UUID) -> tuple[UUID, str, str] | None:
        query = (
            select(OutboxMessage)
            .where(OutboxMessage.session_id == session_id, OutboxMessage.state.in_((QUEUED, SENDING)))
            .order_by(OutboxMessage.seq)
            .limit(1)
        )
        async with self._database.transaction() as db:
            row = await db.scalar(query)
            return (row.id, row.chat, row.text) if row else None

    async def _show_typing(self, session_id: UUID, chat: str, text: str) -> None:
        try:
            await self._line.typing(session_id, chat, True)
        except (SendFailed, SendUnknown):
            return  # typing is a courtesy; the message matters
        await asyncio.sleep(self._pace.seconds(text))

    async def _send_one(self, session_id: UUID, row_id: UUID, chat: str, text: str) -> bool:
        """Intent, send, outcome. Whether to go on with the next message."""
        await self._intend(row_id)
        try:
            whatsapp_id = await self._line.send(session_id, chat, text)
        except Unavailable:
            await self._settle(self._put_back, row_id)
            return False
        except SendUnknown:
            return False  # stays `sending`; sent again when the session is online again
        except SendFailed as error:
            await self._settle(self._failed, row_id, str(error))
            await asyncio.sleep(self._pace.seconds(text))
        else:
            await self._settle(self._sent, row_id, whatsapp_id)
        return True

    async def _settle(self, outcome: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Record what happened, however long the database is away: giving up here would send a message twice."""
        while True:
            try:
                return await outcome(*arguments)
            except SQLAlchemyError as error:
                _log.warning("outcome_waits_for_database", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _intend(self, row_id: UUID) -> None:
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id)
            if row is None:
                return
            if row.state == SENDING:
                _log.warning("sent_again", session=str(row.session_id), message=str(row.id), why="outcome unknown")
            row.state = SENDING
            row.attempts += 1

    async def _put_back(self, row_id: UUID) -> None:
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id)
            if row is not None:
                row.state, row.attempts = QUEUED, row.attempts - 1

    async def _failed(self, row_id: UUID, reason: str) -> None:
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id)
            if row is not None:
                row.state, row.reason = (FAILED if row.attempts >= MAX_ATTEMPTS else QUEUED), reason
                _log.warning("send_failed", session=str(row.session_id), message=str(row.id), attempt=row.attempts)

    async def _sent(self, row_id: UUID, whatsapp_id: str) -> None:
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id)
            if row is None:
                return
            row.state, row.whatsapp_id, row.sent_at, row.reason = SENT, whatsapp_id, clock.now(), None
        early = self._early.get(whatsapp_id)
        if early:
            await self.receipt([whatsapp_id], early)
