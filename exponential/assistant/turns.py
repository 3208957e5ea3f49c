"""Turns as stored: taken up, saved after each step, finished once. Running one is run.py's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, UserPromptPart
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from exponential import clock
from exponential.assistant import jobs
from exponential.assistant.conversation import CHANNEL
from exponential.assistant.ledger import hold
from exponential.assistant.records import Chat, Message, Turn
from exponential.auth import users
from exponential.auth.users import User
from exponential.database import notify

REMEMBERED = 20  # earlier turns of the chat that Paddy has in mind


@dataclass(frozen=True)
class Work:
    """A turn to run: what it answers, and all of its history so far (its own messages follow `context`)."""

    turn_id: UUID
    chat: Chat
    user: User
    messages: Sequence[Message]
    context: list[ModelMessage]
    own: list[ModelMessage]


async def waiting(session: AsyncSession, chat_id: UUID) -> Sequence[Message]:
    """The chat's messages that no turn has taken up yet, in order."""
    query = (
        select(Message)
        .where(Message.chat_id == chat_id, Message.role == "user", Message.turn_id.is_(None))
        .order_by(Message.position)
    )
    return (await session.execute(query)).scalars().all()


async def running(session: AsyncSession, chat_id: UUID) -> Turn | None:
    """The chat's turn that was begun and not finished, if there is one."""
    query = select(Turn).where(Turn.chat_id == chat_id, Turn.state == "running")
    return (await session.execute(query)).scalar_one_or_none()


async def take_up(session: AsyncSession, chat_id: UUID) -> Work | None:
    """The chat's unfinished turn, or a new one for all the messages that wait; None when nothing is to be done."""
    # "key_share" lets new messages of the chat come in meanwhile.
    chat = await session.get(Chat, chat_id, with_for_update={"key_share": True})
    if chat is None:
        return None  # erased meanwhile
    turn = await running(session, chat_id) or await _begin(session, chat_id)
    if turn is None:
        return None
    query = select(Message).where(Message.turn_id == turn.id).order_by(Message.position)
    messages = (await session.execute(query)).scalars().all()
    user = await users.get(session, chat.user_id)
    own = ModelMessagesTypeAdapter.validate_python(turn.history)
    return Work(turn.id, chat, user, messages, await _context(session, turn), own)


async def save(session: AsyncSession, turn_id: UUID, own: Sequence[ModelMessage]) -> None:
    """Keep the turn's own messages so far. Raises Superseded."""
    turn = await hold(session, turn_id)
    turn.history = _dump(own)


async def finish(session: AsyncSession, work: Work, reply: str, *, state: str, own: Sequence[ModelMessage]) -> None:
    """End a turn (`state` done or failed) with its one reply and queue the way to WhatsApp. Raises Superseded."""
    turn = await hold(session, work.turn_id)
    turn.state, turn.finished_at, turn.history = state, clock.now(), _dump(own)
    channel = work.messages[-1].channel
    session.add(Message(chat_id=work.chat.id, turn_id=turn.id, role="assistant", channel=channel, text=reply))
    if any(message.channel == "whatsapp" for message in work.messages):
        await jobs.defer(session, jobs.DELIVER, lock=f"deliver:{work.chat.id}", turn_id=str(turn.id))
    await notify(session, CHANNEL, str(work.chat.id))


async def _begin(session: AsyncSession, chat_id: UUID) -> Turn | None:
    messages = await waiting(session, chat_id)
    if not messages:
        return None
    prompt = ModelRequest(
        parts=[UserPromptPart([message.text for message in messages], timestamp=messages[-1].created_at)]
    )
    turn = Turn(chat_id=chat_id, history=_dump([prompt]))
    session.add(turn)
    await session.flush()
    taken = update(Message).where(Message.id.in_([message.id for message in messages])).values(turn_id=turn.id)
    await session.execute(taken)
    await notify(session, CHANNEL, str(chat_id))
    return turn


async def _context(session: AsyncSession, turn: Turn) -> list[ModelMessage]:
    earlier = (
        select(Turn.history)
        .where(Turn.chat_id == turn.chat_id, Turn.state != "running")
        .order_by(Turn.started_at.desc(), Turn.id.desc())
        .limit(REMEMBERED)
    )
    histories = (await session.execute(earlier)).scalars().all()[::-1]
    return [message for history in histories for message in ModelMessagesTypeAdapter.validate_python(history)]


def _dump(messages: Sequence[ModelMessage]) -> object:
    return ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")
