"""The outbox: a message is queued once per idempotency key, paced, sent in order per session, followed to its receipts.

Before the send call the row says `sending`, and before the message leaves this machine its WhatsApp id is there. A
process that dies meanwhile leaves `sending` behind. Without an id the message never left. With one, WhatsApp may have
taken it: its receipts, which WhatsApp keeps for us, tell; when none comes in time it is sent again, and that is logged.
Losing a reply is never allowed, a double one only so, because neonize can't send under the same id again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock, log
from exponential.database import Database, GatewayBase, blind, notify
from exponential.encryption import BlindIndex, EncryptedText
from exponential.errors import Conflict, ExponentialError, NotFound, Unavailable
from exponential.gateway import access, contacts, origins, wakeups
from exponential.gateway.lanes import Lanes
from exponential.gateway.line import Line as Line
from exponential.gateway.line import SendFailed as SendFailed
from exponential.gateway.line import SendUnknown as SendUnknown
from exponential.gateway.nodes import Fence
from exponential.gateway.pacing import Pace
from exponential.gateway.sessions import Session
from exponential.gateway.typing_leases import TypingLeases
from exponential.gateway.wire import Leaving, Original

QUEUED, SENDING, SENT, DELIVERED, READ, FAILED = "queued", "sending", "sent", "delivered", "read", "failed"
_PROGRESS = {SENDING: 0, SENT: 1, DELIVERED: 2, READ: 3}
MAX_ATTEMPTS = 4  # of sends that WhatsApp or the client refused
FINISH_SENDING = 2.0  # seconds that a closing gateway waits for a send in progress
DOUBT = 1.0  # seconds after a send of unknown outcome, before its receipt is waited for
RECEIPT_WITHIN = 10.0  # seconds online in which a message that may have left shows by its receipt that it did
_log = log.get(__name__)


class OutboxMessage(GatewayBase):
    """A message to WhatsApp; `key` is its idempotency key. `whatsapp_id` and `sent_at` are there before it leaves."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("session_id", "key_index"),
        Index("ix_outbox_waiting", "session_id", "seq", postgresql_where="state in ('queued', 'sending')"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(EncryptedText)
    key_index: Mapped[bytes] = mapped_column(BlindIndex("key"))
    chat: Mapped[str] = mapped_column(EncryptedText)
    text: Mapped[str] = mapped_column(EncryptedText)
    state: Mapped[str] = mapped_column(String(16), default=QUEUED)
    reason: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    whatsapp_id: Mapped[str | None] = mapped_column(String(128), index=True)
    reply_to: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    delivered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


async def enqueue(
    db: AsyncSession, session_id: UUID, key: str, chat: str, text: str, *, reply_to: str | None = None
) -> OutboxMessage:
    """Queue a message, or find the one this key queued before. Raises Conflict when the key was used for another."""
    index = blind(db, "outbox.key", key)
    row = {
        "id": clock.new_id(),
        "session_id": session_id,
        "key": key,
        "key_index": index,
        "chat": chat,
        "text": text,
        "state": QUEUED,
        "attempts": 0,
        "reply_to": reply_to,
        "created_at": clock.now(),
    }
    await db.execute(insert(OutboxMessage).values(row).on_conflict_do_nothing())
    query = select(OutboxMessage).where(OutboxMessage.session_id == session_id, OutboxMessage.key_index == index)
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


async def key_of(db: AsyncSession, session_id: UUID, whatsapp_id: str) -> str | None:
    """The idempotency key of the message that went out of this session under that WhatsApp id."""
    query = select(OutboxMessage.key).where(OutboxMessage.whatsapp_id == whatsapp_id)
    return await db.scalar(query.where(OutboxMessage.session_id == session_id).limit(1))


async def give_up(db: AsyncSession, session_id: UUID, reason: str) -> None:
    """Fail what is still queued: sent days later, after the next scan, it would only startle."""
    waiting = (OutboxMessage.session_id == session_id, OutboxMessage.state.in_((QUEUED, SENDING)))
    await db.execute(update(OutboxMessage).where(*waiting).values(state=FAILED, reason=reason))


@dataclass(frozen=True)
class _Next:
    """The message whose turn it is, whether it goes to a contact, and whether it may have left already."""

    row_id: UUID
    chat: str
    text: str
    quote: Original | None
    contact: bool
    in_doubt: bool


class Outbox:
    """Sends what is queued for the sessions of this node. `poke` one that has something new or has come online."""

    def __init__(self, database: Database, line: Line, fence: Fence, *, pace: Pace | None = None) -> None:
        self._database = database
        self._line = line
        self._fence = fence
        self.typing = TypingLeases(line.typing, (SendFailed, SendUnknown))
        self._pace = pace or Pace()
        self._lanes: Lanes[UUID] = Lanes("outbox", self._send_all)
        self._sending: set[asyncio.Task[float | None]] = set()

    def poke(self, session_id: UUID) -> None:
        if self._fence.holds(session_id):
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
        self._pace.forget(session_id)
        await self._lanes.drop(session_id)

    async def close(self) -> None:
        """Stop; a message that is being sent right now gets a moment to learn its outcome."""
        await self._lanes.close()
        await self.typing.close()
        if self._sending:
            await asyncio.wait(self._sending, timeout=FINISH_SENDING)

    async def receipt(self, whatsapp_ids: list[str], status: str) -> None:
        """Move messages forward to `delivered` or `read`; a late, lesser receipt changes nothing."""
        lesser = [state for state, rank in _PROGRESS.items() if rank < _PROGRESS[status]]
        moment = {DELIVERED: "delivered_at", READ: "read_at"}[status]
        async with self._database.transaction() as db:
            await db.execute(
                update(OutboxMessage)
                .where(OutboxMessage.whatsapp_id.in_(whatsapp_ids), OutboxMessage.state.in_(lesser))
                .values({"state": status, moment: clock.now(), "reason": None})
            )

    async def leaving(self, told: Leaving) -> bool:
        """Record the WhatsApp id of a message that is about to leave. False when sending isn't this node's any more."""
        while True:
            try:
                async with self._database.transaction() as db:
                    if not await self._fence.fenced(db, UUID(told.session)):
                        return False
                    row = await db.get(OutboxMessage, UUID(told.message), with_for_update=True)
                    if row is None or row.state != SENDING:
                        return False
                    row.whatsapp_id, row.sent_at = told.whatsapp_id, clock.now()
                    return True
            except SQLAlchemyError as error:
                _log.warning("leaving_waits_for_database", error=error)
                await asyncio.sleep(0.5)

    async def _send_all(self, session_id: UUID, poked: asyncio.Event) -> None:
        while True:
            message = await self._oldest(session_id)
            if message is None:
                return
            if message.in_doubt and await self._left(message.row_id):
                continue
            while message.contact and (rest := self._pace.rest(session_id)):
                await asyncio.sleep(rest)
            try:
                await self._show_typing(session_id, message)
            except Unavailable:
                return  # poked again when the session comes online
            # Once the intent is recorded only a dying process may stop this, not a closing gateway.
            sending = asyncio.create_task(self._send_one(session_id, message))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
            pause = await asyncio.shield(sending)
            if pause is None:
                return
            await asyncio.sleep(pause)

    async def _oldest(self, session_id: UUID) -> _Next | None:
        """The next message that may be sent still; others fail on the way."""
        query = (
            select(OutboxMessage)
            .where(OutboxMessage.session_id == session_id, OutboxMessage.state.in_((QUEUED, SENDING)))
            .order_by(OutboxMessage.seq)
            .limit(1)
        )
        while True:
            async with self._database.transaction() as db:
                row = await db.scalar(query)
                if row is None:
                    return None
                account = (await db.get_one(Session, session_id)).account
                own = account is None or access.is_own_chat(account, row.chat)
                try:
                    if account and not own:
                        await contacts.destination(db, session_id, account, row.chat)
                    quoted = [row.reply_to] if row.reply_to else []
                    found = await origins.find(db, session_id, row.chat, quoted) if quoted else []
                    in_doubt = row.state == SENDING and row.whatsapp_id is not None
                    return _Next(row.id, row.chat, row.text, found[0] if found else None, not own, in_doubt)
                except ExponentialError as error:
                    row.state, row.reason = FAILED, str(error)
                    _log.info("not_sent", session=str(session_id), message=str(row.id), why=error.code)

    async def _left(self, row_id: UUID) -> bool:
        """Whether a message that may have left did: its receipt says so, if the phone has it."""
        deadline = asyncio.get_running_loop().time() + RECEIPT_WITHIN
        while asyncio.get_running_loop().time() < deadline:
            async with self._database.transaction() as db:
                row = await db.get(OutboxMessage, row_id)
                if row is None or row.state != SENDING:
                    return True
            await asyncio.sleep(0.2)
        return False

    async def _show_typing(self, session_id: UUID, message: _Next) -> None:
        try:
            await self.typing.set(session_id, message.chat, True)
        except (SendFailed, SendUnknown):
            return  # typing is a courtesy; the message matters
        await asyncio.sleep(self._pace.seconds(message.text, contact=message.contact))

    async def _send_one(self, session_id: UUID, message: _Next) -> float | None:
        """Intent, send, outcome. The seconds after which to go on; None when there is nothing to do until a poke."""
        row_id = message.row_id
        if not await self._intend(session_id, row_id):
            return None
        try:
            whatsapp_id = await self._line.send(session_id, row_id, message.chat, message.text, message.quote)
            self.typing.over(session_id, message.chat)
        except Unavailable:
            await self._settle(self._put_back, row_id)
            return None
        except SendUnknown:
            return DOUBT  # stays `sending`; its receipt tells, or it is sent again when the session is online
        except SendFailed as error:
            await self._settle(self._failed, row_id, str(error))
            return self._pace.seconds(message.text)
        await self._settle(self._sent, row_id, whatsapp_id)
        return 0.0

    async def _settle(self, outcome: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Record what happened, however long the database is away: giving up here would send a message twice."""
        while True:
            try:
                return await outcome(*arguments)
            except SQLAlchemyError as error:
                _log.warning("outcome_waits_for_database", error=error)
                await asyncio.sleep(1.0)

    async def _intend(self, session_id: UUID, row_id: UUID) -> bool:
        """Record that this message is about to be sent. False when that isn't this node's business any more."""
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id) if await self._fence.fenced(db, session_id) else None
            if row is None:
                return False
            if row.whatsapp_id is not None and row.state == SENDING:
                _log.warning("sent_again", session=str(row.session_id), message=str(row.id), why="outcome unknown")
            row.state, row.whatsapp_id, row.sent_at = SENDING, None, None
            row.attempts += 1
            return True

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
            row = await db.get(OutboxMessage, row_id, with_for_update=True)
            if row is not None:
                row.whatsapp_id, row.sent_at, row.reason = whatsapp_id, row.sent_at or clock.now(), None
                row.state = SENT if row.state == SENDING else row.state  # a receipt may have been faster
