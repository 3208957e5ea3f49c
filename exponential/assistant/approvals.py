"""Approval of what Paddy sends to others: an answer to a contact waits until the owner says YES, NO, or other words.

Off unless the owner switches it on. What waits too long is dropped. Only what the owner writes to Paddy decides.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from sqlalchemy import DateTime, ForeignKey, Index, Integer, String, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.assistant import conversation, jobs
from exponential.assistant.offline.marking import plain, when
from exponential.assistant.records import Chat, Message, Turn
from exponential.auth import users
from exponential.database import AppBase, notify
from exponential.errors import BadInput, Conflict, NotFound
from exponential.workspace.zones import zone_of

LIFE = timedelta(hours=24)  # that an answer waits
QUOTED = 300  # characters of the contact's words in the request
OWN_CHAT = "own"  # instead of a JID: the account's own chat, as the gateway knows it
NOT_SENT = "(The owner decided not to send an answer to this.)"
State = Literal["waiting", "sent", "dropped", "expired"]
_NUMBER = r"(?:\s*(?:no\.?\s*|#\s*)?(?P<number>\d{1,6}))?"
_YES = re.compile(rf"(?:yes|yep|ok(?:ay)?|send(?:\s+it)?|yes,?\s+send(?:\s+it)?|ja|👍){_NUMBER}[\s.!]*", re.IGNORECASE)
_NO = re.compile(rf"(?:no|nope|don['’]?t(?:\s+send)?(?:\s+it)?|drop(?:\s+it)?|nein|👎){_NUMBER}[\s.!]*", re.IGNORECASE)
_OTHER = re.compile(rf"send{_NUMBER}\s*:\s*(?P<text>\S.*)", re.IGNORECASE | re.DOTALL)


class ApprovalRule(AppBase):
    """Users who approve what goes to others."""

    __tablename__ = "approval_rules"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


class PendingSend(AppBase):
    """An answer that waits, or waited: that of `turn_id`, in the contact's chat. The owner was asked in `ask_turn_id`.

    `number` names it to its owner.
    """

    __tablename__ = "pending_sends"
    __table_args__ = (
        Index("uq_pending_sends_user_id_number", "user_id", "number", unique=True),
        Index("ix_pending_sends_expires_at", "expires_at", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    chat_id: Mapped[UUID] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), index=True)
    turn_id: Mapped[UUID] = mapped_column(ForeignKey("turns.id", ondelete="CASCADE"), unique=True)
    ask_turn_id: Mapped[UUID | None] = mapped_column(ForeignKey("turns.id", ondelete="SET NULL"), index=True)
    state: Mapped[State] = mapped_column(String(16), default="waiting")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


@dataclass(frozen=True)
class Waiting:
    """An answer that waits: to whom, what they wrote, what Paddy would say."""

    pending: PendingSend
    contact: str
    asked: str
    reply: str


@dataclass(frozen=True)
class Decision:
    """What the owner said of one that waits: `number` None means the one just asked about; `text` replaces Paddy's."""

    send: bool
    number: int | None = None
    text: str | None = None


async def is_required(session: AsyncSession, user_id: UUID) -> bool:
    """Whether this owner approves what goes to others."""
    return await session.get(ApprovalRule, user_id) is not None


async def require(session: AsyncSession, user_id: UUID, required: bool) -> None:
    """Switch it on or off. What waits already goes on waiting."""
    if required:
        rule = insert(ApprovalRule).values(user_id=user_id, since=clock.now())
        await session.execute(rule.on_conflict_do_nothing())
    else:
        await session.execute(delete(ApprovalRule).where(ApprovalRule.user_id == user_id))


async def hold_back(session: AsyncSession, chat: Chat, turn: Turn, reply: str, messages: Sequence[Message]) -> None:
    """Instead of sending a turn's answer: keep it, and ask the owner in their own conversation."""
    user = await users.get(session, chat.user_id)
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"pending sends {user.id}", 0))
    await session.execute(select(lock))
    last = select(func.coalesce(func.max(PendingSend.number), 0)).where(PendingSend.user_id == user.id)
    number = (await session.execute(last)).scalar_one() + 1
    pending = PendingSend(
        user_id=user.id, number=number, chat_id=chat.id, turn_id=turn.id, expires_at=clock.now() + LIFE
    )
    session.add(pending)
    now = clock.now().astimezone(zone_of(user))
    until = when(pending.expires_at.astimezone(now.tzinfo).isoformat(), now)
    text = _request(Waiting(pending, _contact(messages), _words(messages), reply), until)
    main = await conversation.main_chat(session, user.id)
    place = await conversation.last_place(session, main.id, chat.session_id)
    own: list[ModelMessage] = [
        ModelRequest(parts=[UserPromptPart("(An answer to somebody else waits for approval.)", timestamp=clock.now())]),
        ModelResponse(parts=[TextPart(text)]),
    ]
    history = ModelMessagesTypeAdapter.dump_python(own, mode="json")
    ask = Turn(chat_id=main.id, state="done", history=history, finished_at=clock.now())
    session.add(ask)
    await session.flush()
    pending.ask_turn_id = ask.id
    session.add(
        Message(
            chat_id=main.id,
            turn_id=ask.id,
            role="assistant",
            channel="whatsapp",
            session_id=chat.session_id,
            jid=place.jid if place else OWN_CHAT,
            text=text,
        )
    )
    await jobs.defer(session, jobs.DELIVER, lock=f"deliver:{main.id}", turn_id=str(ask.id))
    await notify(session, conversation.CHANNEL, str(main.id))


async def waiting(session: AsyncSession, user_id: UUID) -> list[Waiting]:
    """What waits for this owner, oldest first."""
    query = (
        select(PendingSend)
        .where(PendingSend.user_id == user_id, PendingSend.state == "waiting", PendingSend.expires_at > clock.now())
        .order_by(PendingSend.number)
    )
    found = []
    for pending in (await session.execute(query)).scalars():
        messages = (
            await session.execute(select(Message).where(Message.turn_id == pending.turn_id).order_by(Message.position))
        ).scalars()
        asked = list(messages)
        reply = next((message.text for message in asked if message.role == "assistant"), "")
        theirs = [message for message in asked if message.role == "user"]
        found.append(Waiting(pending, _contact(theirs), _words(theirs), reply))
    return found


async def send(session: AsyncSession, user_id: UUID, pending_id: UUID, text: str | None = None) -> PendingSend:
    """Send it, with other words if `text` is given. Raises NotFound, Conflict `not_waiting`, BadInput (text)."""
    pending = await _taken(session, user_id, pending_id)
    if text is not None:
        text = text.strip()
        if not 0 < len(text) <= conversation.MAX_TEXT:
            raise BadInput("Say what to send instead, in up to 65,536 characters.", code="text_invalid")
        await _reword(session, pending.turn_id, text)
    pending.state, pending.decided_at = "sent", clock.now()
    await jobs.defer(session, jobs.DELIVER, lock=f"deliver:{pending.chat_id}", turn_id=str(pending.turn_id))
    await notify(session, conversation.CHANNEL, str(pending.chat_id))
    return pending


async def drop(session: AsyncSession, user_id: UUID, pending_id: UUID) -> PendingSend:
    """Never send it; in that conversation Paddy knows that it said nothing. Raises NotFound, Conflict `not_waiting`."""
    pending = await _taken(session, user_id, pending_id)
    pending.state, pending.decided_at = "dropped", clock.now()
    await _unsay(session, pending)
    return pending


async def expire(session: AsyncSession) -> None:
    """Drop what has waited too long."""
    late = update(PendingSend).where(PendingSend.state == "waiting", PendingSend.expires_at <= clock.now())
    gone = late.values(state="expired", decided_at=clock.now()).returning(PendingSend)
    for pending in (await session.execute(gone)).scalars().all():
        await _unsay(session, pending)


async def decision(session: AsyncSession, chat: Chat, message: Message) -> Decision | None:
    """What a message of the owner's decides about an answer that waits; None when it is about something else.

    A bare YES or NO counts only right after Paddy asked; with a number, or as "SEND: …", it always does.
    """
    if chat.role != "owner":
        return None
    found = _read(message.text)
    if found is None or not await _any(session, chat.user_id):
        return None
    if found.number is not None:
        return found
    before = select(Message).where(
        Message.chat_id == chat.id, Message.role == "assistant", Message.position < message.position
    )
    said = (await session.execute(before.order_by(Message.position.desc()).limit(1))).scalar_one_or_none()
    asked = select(PendingSend.number).where(PendingSend.ask_turn_id == (said.turn_id if said else None))
    number = (await session.execute(asked)).scalar_one_or_none()
    return None if number is None and found.text is None else Decision(found.send, number, found.text)


async def decide(session: AsyncSession, user_id: UUID, what: Decision) -> str:
    """Do what the owner decided; what to say to it, in Markdown. Raises NotFound, Conflict, BadInput."""
    everything = await waiting(session, user_id)
    chosen = [each for each in everything if what.number in (None, each.pending.number)]
    if not chosen:
        raise NotFound(f"No answer with the number {what.number} waits any more.", code="unknown_pending")
    if len(chosen) > 1:
        numbers, last = ", ".join(str(each.pending.number) for each in chosen), chosen[-1].pending.number
        raise Conflict(f"Several answers wait ({numbers}). Say which, for example SEND {last}: …", code="ambiguous")
    (one,) = chosen
    if not what.send:
        await drop(session, user_id, one.pending.id)
        return f"Not sent. **{plain(one.contact)}** gets no answer."
    await send(session, user_id, one.pending.id, what.text)
    return f"Sent to **{plain(one.contact)}**."


def listed(found: Sequence[Waiting], required: bool) -> str:
    """What waits, for people, in Markdown."""
    how = "I ask you before I answer other people." if required else "I answer other people without asking you."
    turn = "*/approve off* ends that." if required else "*/approve on* changes that."
    lines = [f"{each.pending.number}. to **{plain(each.contact)}**: {plain(_short(each.reply))}" for each in found]
    more = "\n\nThese wait (*YES 1* sends, *NO 1* drops the first):\n\n" + "\n".join(lines) if lines else ""
    return f"{how} {turn}{more}"


def _request(asked: Waiting, until: str) -> str:
    number, quoted = asked.pending.number, "\n".join(f"> {line}" for line in asked.reply.split("\n"))
    wrote = f" (who wrote “{plain(_short(asked.asked))}”)" if asked.asked else ""
    return (
        f"I want to answer **{plain(asked.contact)}**{wrote}:\n\n{quoted}\n\n"
        f"Reply *YES* to send it, *NO* to drop it, or *SEND: …* with your own words. "
        f"(Number {number}; it waits until {until}.)"
    )


def _read(text: str) -> Decision | None:
    text = text.strip()
    for pattern, yes in ((_OTHER, True), (_YES, True), (_NO, False)):
        match = pattern.fullmatch(text)
        if match is not None:
            number = int(match["number"]) if match["number"] else None
            return Decision(yes, number, match.groupdict().get("text"))
    return None


async def _any(session: AsyncSession, user_id: UUID) -> bool:
    query = select(PendingSend.id).where(
        PendingSend.user_id == user_id, PendingSend.state == "waiting", PendingSend.expires_at > clock.now()
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none() is not None


async def _taken(session: AsyncSession, user_id: UUID, pending_id: UUID) -> PendingSend:
    query = select(PendingSend).where(PendingSend.id == pending_id, PendingSend.user_id == user_id)
    pending = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if pending is None:
        raise NotFound("There is no such answer that waits for you.", code="unknown_pending")
    if pending.state != "waiting" or pending.expires_at <= clock.now():
        state = "expired" if pending.state == "waiting" else pending.state
        raise Conflict(f"This answer doesn't wait any more: it is {state}.", code="not_waiting")
    return pending


async def _reword(session: AsyncSession, turn_id: UUID, text: str) -> None:
    """Have Paddy have said `text` in that turn."""
    query = select(Message).where(Message.turn_id == turn_id, Message.role == "assistant")
    (await session.execute(query)).scalar_one().text = text
    await _remember(session, turn_id, text)


async def _unsay(session: AsyncSession, pending: PendingSend) -> None:
    await session.execute(delete(Message).where(Message.turn_id == pending.turn_id, Message.role == "assistant"))
    await _remember(session, pending.turn_id, NOT_SENT)
    await notify(session, conversation.CHANNEL, str(pending.chat_id))


async def _remember(session: AsyncSession, turn_id: UUID, text: str) -> None:
    turn = await session.get_one(Turn, turn_id)
    said: list[Any] = ModelMessagesTypeAdapter.dump_python([ModelResponse(parts=[TextPart(text)])], mode="json")
    turn.history = [*turn.history[:-1], *said]


def _contact(messages: Sequence[Message]) -> str:
    last = messages[-1] if messages else None
    return (last and (last.sender_name or (last.jid or "").partition("@")[0])) or "somebody"


def _words(messages: Sequence[Message]) -> str:
    return " / ".join(message.text for message in messages if message.text)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTED else f"{flat[: QUOTED - 1]}…"
