"""The outbox: a message is queued once per idempotency key, paced, sent in order per chat, followed to its receipts.

The owner's chats wait for nobody. Contacts' chats take turns: of those in a session, one is written to at a time.

Before the send call the row says `sending`, and before the message leaves this machine its WhatsApp id is there. A
process that dies meanwhile leaves `sending` behind. Without an id the message never left. With one, WhatsApp may have
taken it: its receipts, which WhatsApp keeps for us, tell; when none comes in time it is sent again, and that is logged.
Losing a reply is never allowed, a double one only so, because neonize can't send under the same id again.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
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
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock, log
from exponential.core.database import Database, GatewayBase, blind, notify
from exponential.core.encryption import BlindIndex, EncryptedText
from exponential.core.errors import Conflict, ExponentialError, NotFound, Unavailable
from exponential.gateway.cluster import wakeups
from exponential.gateway.cluster.nodes import Fence
from exponential.gateway.messages import originals
from exponential.gateway.messages.keyed_queue import KeyedQueue
from exponential.gateway.messages.pacing import Pace
from exponential.gateway.messages.sender import MessageSender, SendFailed, SendUnknown
from exponential.gateway.messages.typing_leases import TypingLeases
from exponential.gateway.sessions import contacts
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.timing import Timing
from exponential.gateway.worker.protocol import Leaving, Original

QUEUED, SENDING, SENT, DELIVERED, READ, FAILED = "queued", "sending", "sent", "delivered", "read", "failed"
_PROGRESS = {SENDING: 0, SENT: 1, DELIVERED: 2, READ: 3}
MAX_ATTEMPTS = 4  # of sends that WhatsApp or the client refused
_log = log.get(__name__)


class OutboxMessage(GatewayBase):
    """A message to WhatsApp; `key` is its idempotency key, `chat_key` as in the inbox. `whatsapp_id` and `sent_at` are
    there before it leaves."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("session_id", "key_index"),
        Index("ix_outbox_waiting", "session_id", "chat_key", "seq", postgresql_where="state in ('queued', 'sending')"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(EncryptedText)
    key_index: Mapped[bytes] = mapped_column(BlindIndex("key"))
    chat: Mapped[str] = mapped_column(EncryptedText)
    chat_key: Mapped[bytes] = mapped_column(LargeBinary)
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


_WAITING = OutboxMessage.state.in_((QUEUED, SENDING))


async def enqueue(
    db: AsyncSession, session_id: UUID, key: str, chat: str, text: str, *, reply_to: str | None = None
) -> OutboxMessage:
    """Queue a message, or find the one this key queued before. Raises Conflict when the key was used for another."""
    index, chat_key = blind(db, "outbox.key", key), contacts.key(db, session_id, chat)
    row = {
        "id": clock.new_id(),
        "session_id": session_id,
        "key": key,
        "key_index": index,
        "chat": chat,
        "chat_key": chat_key,
        "text": text,
        "state": QUEUED,
        "attempts": 0,
        "reply_to": reply_to,
        "created_at": clock.now(),
    }
    await db.execute(insert(OutboxMessage).values(row).on_conflict_do_nothing())
    message = await find(db, session_id, key)
    assert message is not None
    if (message.chat, message.text) != (chat, text):
        raise Conflict(
            "This Idempotency-Key was used for another message of this session. Use a new key for a new message.",
            code="idempotency_key_reused",
        )
    if message.state == QUEUED:
        await notify(db, wakeups.OUTBOX, f"{session_id} {chat_key.hex()}")
    return message


async def find(db: AsyncSession, session_id: UUID, key: str) -> OutboxMessage | None:
    """The message that this key queued."""
    index = blind(db, "outbox.key", key)
    return await db.scalar(
        select(OutboxMessage).where(OutboxMessage.session_id == session_id, OutboxMessage.key_index == index)
    )


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


async def give_up(db: AsyncSession, session_id: UUID, reason: str, *, chats: Iterable[str] | None = None) -> None:
    """Fail what is still queued, to these `chats` only if they are named: sent days later, it would only startle."""
    waiting = [OutboxMessage.session_id == session_id, _WAITING]
    if chats is not None:
        waiting.append(OutboxMessage.chat_key.in_([contacts.key(db, session_id, chat) for chat in chats]))
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


class _Doubt:
    """Waiting for the receipt of a message that may have left. `news`: there is something to look at; `offline`: the
    session was, so that a receipt may have been missed."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.offline = False


class Outbox:
    """Sends what is queued for the sessions of this node. `poke` a chat that has something new, `sweep` a session that
    has come online."""

    def __init__(
        self,
        database: Database,
        sender: MessageSender,
        fence: Fence,
        *,
        pace: Pace | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._database = database
        self._sender = sender
        self._fence = fence
        self._timing = timing or Timing()
        self.typing = TypingLeases(sender.typing, (SendFailed, SendUnknown), self._timing.typing)
        self._pace = pace or Pace()
        self._queue: KeyedQueue[tuple[UUID, bytes]] = KeyedQueue("outbox", self._send_all)
        self._turns: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)  # contacts', first come first served
        self._sending: set[asyncio.Task[float | None]] = set()
        self._doubts: defaultdict[UUID, list[_Doubt]] = defaultdict(list)  # by session

    def poke(self, session_id: UUID, chat_key: bytes) -> None:
        if self._fence.holds(session_id):
            self._queue.poke((session_id, chat_key))

    def notice(self, payload: str) -> None:
        """A NOTIFY of wakeups.OUTBOX."""
        session_id, _, key = payload.partition(" ")
        self.poke(UUID(session_id), bytes.fromhex(key))

    async def sweep(self, *session_ids: UUID) -> None:
        """Poke every chat with something to send; only those of these sessions, if any are named."""
        query = select(OutboxMessage.session_id, OutboxMessage.chat_key).where(_WAITING).distinct()
        if session_ids:
            query = query.where(OutboxMessage.session_id.in_(session_ids))
        async with self._database.transaction() as db:
            waiting = (await db.execute(query)).all()
        for session_id, chat_key in waiting:
            self.poke(session_id, chat_key)

    async def drop(self, session_id: UUID) -> None:
        """Stop sending for a session that is being removed."""
        self._pace.forget(session_id)
        for queue in self._queue.running:
            if queue[0] == session_id:
                await self._queue.drop(queue)
        self._turns.pop(session_id, None)

    async def close(self) -> None:
        """Stop; a message that is being sent right now gets a moment to learn its outcome."""
        await self._queue.close()
        await self.typing.close()
        if self._sending:
            await asyncio.wait(self._sending, timeout=self._timing.finish)

    def went_offline(self, session_id: UUID) -> None:
        """A session of this node isn't online any more."""
        for doubt in self._doubts.get(session_id, ()):
            doubt.offline = True
            doubt.news.set()

    async def receipt(self, session_id: UUID, whatsapp_ids: list[str], status: str) -> None:
        """Move messages forward to `delivered` or `read`; a late, lesser receipt changes nothing."""
        lesser = [state for state, rank in _PROGRESS.items() if rank < _PROGRESS[status]]
        moment = {DELIVERED: "delivered_at", READ: "read_at"}[status]
        async with self._database.transaction() as db:
            await db.execute(
                update(OutboxMessage)
                .where(OutboxMessage.whatsapp_id.in_(whatsapp_ids), OutboxMessage.state.in_(lesser))
                .values({"state": status, moment: clock.now(), "reason": None})
            )
        for doubt in self._doubts.get(session_id, ()):
            doubt.news.set()

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

    async def _send_all(self, chat: tuple[UUID, bytes], _poked: asyncio.Event) -> None:
        while (message := await self._oldest(*chat)) is not None:
            pause = await (self._send_in_turn(chat) if message.contact else self._send(chat[0], message))
            if pause is None:
                return  # poked again when the session comes online
            await asyncio.sleep(pause)

    async def _send_in_turn(self, chat: tuple[UUID, bytes]) -> float | None:
        """`_send` the oldest message to a contact, once those who came before have had theirs."""
        session_id = chat[0]
        async with self._turns[session_id]:
            while rest := self._pace.rest(session_id):
                await asyncio.sleep(rest)
            message = await self._oldest(*chat)  # much may have changed meanwhile
            return await self._send(session_id, message) if message else 0.0

    async def _send(self, session_id: UUID, message: _Next) -> float | None:
        """The seconds after which to go on; None when there is nothing to do until a poke."""
        if message.in_doubt and (left := await self._left(session_id, message.row_id)) is not False:
            return 0.0 if left else None
        try:
            await self._show_typing(session_id, message)
        except Unavailable:
            return None
        if message.contact:
            self._pace.count(session_id)
        # Once the intent is recorded only a dying process may stop this, not a closing gateway.
        sending = asyncio.create_task(self._send_one(session_id, message))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        return await asyncio.shield(sending)

    async def _oldest(self, session_id: UUID, chat_key: bytes) -> _Next | None:
        """The chat's next message that may be sent still; others fail on the way."""
        query = (
            select(OutboxMessage)
            .where(OutboxMessage.session_id == session_id, OutboxMessage.chat_key == chat_key, _WAITING)
            .order_by(OutboxMessage.seq)
            .limit(1)
        )
        while True:
            async with self._database.transaction() as db:
                row = await db.scalar(query)
                if row is None:
                    return None
                if not await self._may_go(db, row):
                    continue
                account = (await db.get_one(Session, session_id)).account
                own = account is None or await contacts.is_owners(db, session_id, account, row.chat)
                quoted = await originals.find(db, session_id, row.chat, [row.reply_to]) if row.reply_to else []
                in_doubt = row.state == SENDING and row.whatsapp_id is not None
                return _Next(row.id, row.chat, row.text, quoted[0] if quoted else None, not own, in_doubt)

    async def _may_go(self, db: AsyncSession, row: OutboxMessage) -> bool:
        """Whether the session may still write there; if not, the message fails."""
        account = (await db.get_one(Session, row.session_id)).account
        if account is None:
            return True  # and it isn't online
        try:
            await contacts.destination(db, row.session_id, account, row.chat)
        except ExponentialError as error:
            row.state, row.reason = FAILED, str(error)
            _log.info("not_sent", session=str(row.session_id), message=str(row.id), why=error.code)
            return False
        return True

    async def _left(self, session_id: UUID, row_id: UUID) -> bool | None:
        """Whether a message that may have left did: its receipt says so, if the phone has it. None when the session
        isn't online for long enough to hear of it."""
        doubt = _Doubt()
        self._doubts[session_id].append(doubt)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.receipt
        try:
            while self._sender.is_online(session_id) and not doubt.offline:
                async with self._database.transaction() as db:
                    row = await db.get(OutboxMessage, row_id)
                    if row is None or row.state != SENDING:
                        return True
                if loop.time() > deadline:
                    return False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await doubt.news.wait()
                doubt.news.clear()
            return None
        finally:
            self._doubts[session_id].remove(doubt)
            if not self._doubts[session_id]:
                del self._doubts[session_id]

    async def _show_typing(self, session_id: UUID, message: _Next) -> None:
        try:
            await self.typing.set(session_id, message.chat, True)
        except (SendFailed, SendUnknown):
            return  # typing is a courtesy; the message matters
        await asyncio.sleep(self._pace.seconds(message.text, contact=message.contact))

    async def _send_one(self, session_id: UUID, message: _Next) -> float | None:
        """Intent, send, outcome. Returns what `_send` does."""
        row_id = message.row_id
        async with self._database.transaction() as db:
            if not await self._fence.fenced(db, session_id):
                return None  # it is another node's business now
            if not await self._intend(db, row_id):
                return 0.0
        try:
            whatsapp_id = await self._sender.send(session_id, row_id, message.chat, message.text, message.quote)
            self.typing.over(session_id, message.chat)
        except Unavailable:
            await self._settle(self._put_back, row_id)
            return None
        except SendUnknown:
            return self._timing.doubt  # stays `sending`; its receipt tells, or it goes again once the session is online
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

    async def _intend(self, db: AsyncSession, row_id: UUID) -> bool:
        """Record that this message is about to be sent. False when that was settled meanwhile, or it may not be."""
        row = await db.get(OutboxMessage, row_id)
        if row is None or row.state not in (QUEUED, SENDING) or not await self._may_go(db, row):
            return False
        if row.whatsapp_id is not None and row.state == SENDING:
            _log.warning("sent_again", session=str(row.session_id), message=str(row.id), why="outcome unknown")
        row.state, row.whatsapp_id, row.sent_at = SENDING, None, None
        return True

    async def _put_back(self, row_id: UUID) -> None:
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id)
            if row is not None:
                row.state = QUEUED

    async def _failed(self, row_id: UUID, reason: str) -> None:
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id)
            if row is not None:
                row.attempts += 1  # what only died on its way doesn't count
                row.state, row.reason = (FAILED if row.attempts >= MAX_ATTEMPTS else QUEUED), reason
                about = {"session": str(row.session_id), "message": str(row.id)}
                _log.warning("send_failed", **about, attempt=row.attempts, why=reason)

    async def _sent(self, row_id: UUID, whatsapp_id: str) -> None:
        async with self._database.transaction() as db:
            row = await db.get(OutboxMessage, row_id, with_for_update=True)
            if row is not None:
                row.whatsapp_id, row.sent_at, row.reason = whatsapp_id, row.sent_at or clock.now(), None
                row.state = SENT if row.state == SENDING else row.state  # a receipt may have been faster
