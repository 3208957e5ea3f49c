"""Approval of what Paddy sends to others: an answer to a contact waits until the owner says YES, NO, or other words.

Off unless the owner switches it on. What waits too long is dropped. Only what the owner writes to Paddy decides, once
they have seen the question. What the contact wrote, and the answer to it, Paddy has in mind as data, not as its own.
"""

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
    TextContent,
    TextPart,
    UserContent,
    UserPromptPart,
)
from sqlalchemy import ColumnElement, DateTime, ForeignKey, Index, Integer, String, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.assistant import chats, conversation, prompts
from exponential.assistant.channels import notifications
from exponential.assistant.tables import Chat, Message, Turn
from exponential.assistant.turns import jobs
from exponential.auth import users
from exponential.core import clock
from exponential.core.database import AppBase, notify
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace.text.markdown import plain, when
from exponential.workspace.text.zones import zone_of

APPROVAL_LIFETIME = timedelta(hours=24)  # that an answer waits
MAX_ASKED_PER_CONTACT = 3  # answers to one contact that the owner is asked about while these wait
QUOTED_CHARS = 300  # of the contact's words in the request
MAX_LISTED, LISTED_CHARS = 10, 100  # answers in a list of those that wait; characters of each
CONTEXT_CHARS = 700  # of what the contact wrote, and of the answer, that Paddy has in mind
NOT_SENT = "(The owner decided not to send an answer to this.)"  # stands for one in Paddy's mind; is never said
State = Literal["waiting", "sent", "dropped", "expired"]


class ApprovalRule(AppBase):
    """Users who approve what goes to others."""

    __tablename__ = "approval_rules"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


class PendingApproval(AppBase):
    """An answer that waits, or waited: that of `turn_id`, in the contact's chat. `number` names it to its owner.

    If the owner was asked, then in `ask_turn_id`, outside the web with the message that the channel calls
    `ask_message_id`, which left at `shown_at`.
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
    ask_message_id: Mapped[str | None] = mapped_column(String(200))
    shown_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[State] = mapped_column(String(16), default="waiting")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


@dataclass(frozen=True)
class Waiting:
    """An answer that waits: to whom, what they wrote, what Paddy would say."""

    pending: PendingApproval
    contact: str
    asked: str
    reply: str


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
    """Instead of sending a turn's answer: keep it, and ask the owner in their own conversation, unless a few questions
    about this contact wait there: then it is only listed."""
    user = await users.get(session, chat.user_id)
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"pending sends {user.id}", 0))
    await session.execute(select(lock))
    last = select(func.coalesce(func.max(PendingApproval.number), 0)).where(PendingApproval.user_id == user.id)
    number = (await session.execute(last)).scalar_one() + 1
    others = await pending_of(session, user.id)
    asked_about = sum(each.chat_id == chat.id and each.ask_turn_id is not None for each in others)
    pending = PendingApproval(
        user_id=user.id, number=number, chat_id=chat.id, turn_id=turn.id, expires_at=clock.now() + APPROVAL_LIFETIME
    )
    session.add(pending)
    if asked_about >= MAX_ASKED_PER_CONTACT:
        return
    now = clock.now().astimezone(zone_of(user))
    until = when(pending.expires_at.astimezone(now.tzinfo).isoformat(), now)
    asked = Waiting(pending, chats.contact_name(messages), _words(messages), reply)
    key = clock.new_id()
    place = await notifications.place_beside(session, chat)
    request = _request(asked, until, alone=not others)
    if asked_about == MAX_ASKED_PER_CONTACT - 1:
        request += f"\n\nI list further answers to **{plain(asked.contact)}** under */approve*."
    await notifications.tell(session, user.id, key, request, _in_mind(asked), place)
    pending.ask_turn_id = key


async def waiting(session: AsyncSession, user_id: UUID, most: int | None = None) -> list[Waiting]:
    """What waits for this owner, oldest first; with `most`, until it has so many characters."""
    found: list[Waiting] = []
    for pending in await pending_of(session, user_id):
        messages = (
            await session.execute(select(Message).where(Message.turn_id == pending.turn_id).order_by(Message.position))
        ).scalars()
        asked = list(messages)
        reply = next((message.text for message in asked if message.role == "assistant"), "")
        theirs = [message for message in asked if message.role == "user"]
        found.append(Waiting(pending, chats.contact_name(theirs), _words(theirs), reply))
        if most is not None and (most := most - len(found[-1].asked) - len(reply)) < 0:
            break
    return found


async def send(session: AsyncSession, user_id: UUID, pending_id: UUID, text: str | None = None) -> PendingApproval:
    """Send it, with other words if `text` is given. Raises NotFound, Conflict `not_waiting`, BadInput (text)."""
    pending = await _taken(session, user_id, pending_id)
    if text is not None:
        text = text.strip()
        if not 0 < len(text) <= conversation.MAX_TEXT_CHARS:
            raise BadInput("Say what to send instead, in up to 65,536 characters.", code="text_invalid")
        await _reword(session, pending.turn_id, text)
    pending.state, pending.decided_at = "sent", clock.now()
    await jobs.defer_delivery(session, pending.chat_id, pending.turn_id)
    await notify(session, conversation.CHANNEL, str(pending.chat_id))
    return pending


async def drop(session: AsyncSession, user_id: UUID, pending_id: UUID) -> PendingApproval:
    """Never send it; in that conversation Paddy knows that it said nothing. Raises NotFound, Conflict `not_waiting`."""
    pending = await _taken(session, user_id, pending_id)
    pending.state, pending.decided_at = "dropped", clock.now()
    await _unsay(session, pending)
    return pending


async def expire(session: AsyncSession) -> None:
    """Drop what has waited too long."""
    late = update(PendingApproval).where(PendingApproval.state == "waiting", PendingApproval.expires_at <= clock.now())
    gone = late.values(state="expired", decided_at=clock.now()).returning(PendingApproval)
    for pending in (await session.execute(gone)).scalars().all():
        await _unsay(session, pending)


async def note_asked(session: AsyncSession, turn_id: UUID, message_id: str, shown_at: datetime | None) -> None:
    """Remember the channel's message with which the owner is asked, if that is what this turn does, and when it left,
    if it has."""
    asked = update(PendingApproval).where(
        PendingApproval.ask_turn_id == turn_id, PendingApproval.ask_message_id.is_(None)
    )
    await session.execute(asked.values(ask_message_id=message_id, shown_at=shown_at))


def listed(found: Sequence[Waiting], required: bool) -> str:
    """What waits, for people, in Markdown."""
    how = "I ask you before I answer other people." if required else "I answer other people without asking you."
    turn = "*/approve off* ends that." if required else "*/approve on* changes that."
    more = f"\n\nThese wait (*YES 1* sends, *NO 1* drops the first):\n\n{lines(found)}" if found else ""
    return f"{how} {turn}{more}"


def lines(found: Sequence[Waiting]) -> str:
    """The first of them, one a line."""
    told = [
        f"{each.pending.number}. to **{plain(each.contact)}**: {plain(_short(each.reply, LISTED_CHARS))}"
        for each in found[:MAX_LISTED]
    ]
    more = len(found) - len(told)
    return "\n".join(told) + (f"\n\n…and {more} more: see Settings › Paddy on the web." if more else "")


def _request(asked: Waiting, until: str, *, alone: bool) -> str:
    number, quoted = asked.pending.number, "\n".join(f"> {line}" for line in asked.reply.split("\n"))
    wrote = f" (who wrote “{plain(_short(asked.asked))}”)" if asked.asked else ""
    which = "" if alone else f" {number}"
    return (
        f"I want to answer **{plain(asked.contact)}**{wrote}:\n\n{quoted}\n\n"
        f"Reply *YES{which}* to send it, *NO{which}* to drop it, or *SEND{which}: …* with your own words. "
        f"(Number {number}; it waits until {until}.)"
    )


def _in_mind(asked: Waiting) -> list[ModelMessage]:
    number = asked.pending.number
    question, reply = asked.asked[:CONTEXT_CHARS], asked.reply[:CONTEXT_CHARS]
    words = f"To: {asked.contact}\nThey wrote: {question}\nThe answer would be: {reply}"
    told = prompts.marked("answer to somebody else that waits for the user's approval", asked.pending.turn_id, words)
    said: list[UserContent] = [
        f"(Answer {number} to somebody else waits.)",
        TextContent(told, metadata={prompts.OUTSIDE: "approval"}),
    ]
    return [
        ModelRequest(parts=[UserPromptPart(said, timestamp=clock.now())]),
        ModelResponse(parts=[TextPart(f"I asked the user whether to send answer {number}.")]),
    ]


def waits(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    waits = PendingApproval.user_id == user_id, PendingApproval.state == "waiting"
    return (*waits, PendingApproval.expires_at > clock.now())


async def pending_of(session: AsyncSession, user_id: UUID) -> Sequence[PendingApproval]:
    query = select(PendingApproval).where(*waits(user_id)).order_by(PendingApproval.number)
    return (await session.scalars(query)).all()


async def _taken(session: AsyncSession, user_id: UUID, pending_id: UUID) -> PendingApproval:
    query = select(PendingApproval).where(PendingApproval.id == pending_id, PendingApproval.user_id == user_id)
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


async def _unsay(session: AsyncSession, pending: PendingApproval) -> None:
    await session.execute(delete(Message).where(Message.turn_id == pending.turn_id, Message.role == "assistant"))
    await _remember(session, pending.turn_id, NOT_SENT)
    await notify(session, conversation.CHANNEL, str(pending.chat_id))


async def _remember(session: AsyncSession, turn_id: UUID, text: str) -> None:
    turn = await session.get_one(Turn, turn_id)
    said: list[Any] = ModelMessagesTypeAdapter.dump_python([ModelResponse(parts=[TextPart(text)])], mode="json")
    turn.history = [*turn.history[:-1], *said]


def _words(messages: Sequence[Message]) -> str:
    return " / ".join(message.text for message in messages if message.text)


def _short(text: str, most: int = QUOTED_CHARS) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"
