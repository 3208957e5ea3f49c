"""The circuit breaker of a chat: Paddy pauses where another program seems to answer it; never on the web.

Two assistants in one chat would answer each other without end. It opens when somebody writes faster than people type,
says the same again and again, or goes back and forth more often than people do; each member of a group counts alone.
What it goes by is in the database, so it holds across processes. It closes by itself, or when the owner resumes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import chats
from exponential.assistant.channels import notifications
from exponential.assistant.tables import Chat, Message, Turn
from exponential.auth import users
from exponential.core import clock, log
from exponential.workspace.text.markdown import plain, when
from exponential.workspace.text.zones import zone_of

SAME_ROUNDS = 5  # rounds in a row with the same words
FAST_ROUNDS = 8  # rounds in a row that came faster than typed: somebody who pastes, dictates or hurries stays below
TYPED_CHARS_PER_SECOND = 10.0  # characters a second that nobody types for long
OWN_SAME_ROUNDS, SAME_WITHIN = 15, timedelta(minutes=3)  # of the owner, who may well say "undo" several times
OWN_ROUNDS = ((300, timedelta(hours=1)),)
# So many rounds within so long.
ROUNDS = ((20, timedelta(minutes=3)), (30, timedelta(minutes=10)), (40, timedelta(hours=1)))
LONGEST = max(within for _, within in ROUNDS)
MAX_MESSAGES = 400  # messages that are looked at
PAUSE = timedelta(hours=1)
LONG_PAUSE = timedelta(days=1)  # where it has opened before within that time
SAID = (
    "I pause here for a while: it looks as if another assistant answers me, and we would go on for ever. "
    "The owner of this account knows."
)
SAID_TO_OWNER = (
    "It looks as if another assistant answers me here, so I pause for a while, except on the web. "
    "Write */resume* to let me go on at once."
)
IN_MIND = "I told the user that I pause in a chat with somebody else, where another assistant seems to answer me."
_CHANGING = re.compile(r"[\W\d_]+")  # what differs between two messages of a program: a count, a time
_log = log.get(__name__)


@dataclass(frozen=True)
class _Round:
    """What somebody wrote that was answered together, and when."""

    text: str
    first: datetime
    last: datetime


def is_open(chat: Chat) -> bool:
    return chat.breaker_until is not None and chat.breaker_until > clock.now()


async def trips(session: AsyncSession, chat: Chat, messages: Sequence[Message]) -> bool:
    """Whether one more answer, to these messages, would be one too many."""
    rounds = await _rounds(session, chat, messages)
    if chat.role == "owner":
        return _is_repeated(rounds[-OWN_SAME_ROUNDS:]) or _is_many(rounds, OWN_ROUNDS)
    return _is_same(rounds[-SAME_ROUNDS:]) or _is_fast(rounds[-FAST_ROUNDS - 1 :]) or _is_many(rounds, ROUNDS)


def _is_repeated(rounds: Sequence[_Round]) -> bool:
    """Word for word, at once: as another assistant does on the owner's own account."""
    said = {one.text for one in rounds}
    at_once = rounds[-1].last - rounds[0].first <= SAME_WITHIN
    return len(rounds) == OWN_SAME_ROUNDS and len(said) == 1 and said != {""} and at_once


def _is_same(rounds: Sequence[_Round]) -> bool:
    said = {_CHANGING.sub(" ", one.text.casefold()).strip() for one in rounds}
    return len(rounds) == SAME_ROUNDS and len(said) == 1 and said != {""}


def _is_fast(rounds: Sequence[_Round]) -> bool:
    gaps = [
        len(now.text) > TYPED_CHARS_PER_SECOND * (now.first - before.last).total_seconds()
        for before, now in pairwise(rounds)
    ]
    return len(gaps) == FAST_ROUNDS and all(gaps)


def _is_many(rounds: Sequence[_Round], bounds: Sequence[tuple[int, timedelta]]) -> bool:
    now = rounds[-1].last
    return any(sum(one.first > now - within for one in rounds) >= most for most, within in bounds)


async def open_in(session: AsyncSession, chat: Chat, messages: Sequence[Message]) -> str:
    """Open it, and tell the owner who wrote `messages`; what to say in the chat, the last words for a while."""
    now = clock.now()
    again = chat.breaker_until is not None and now - chat.breaker_until < LONG_PAUSE
    chat.breaker_until = now + (LONG_PAUSE if again else PAUSE)
    _log.warning("circuit_breaker_opened", chat=str(chat.id))
    if chat.role == "owner":
        return SAID_TO_OWNER
    user = await users.get(session, chat.user_id)
    until = when(chat.breaker_until.astimezone(zone_of(user)).isoformat(), now.astimezone(zone_of(user)))
    where, name = "a group" if chat.is_group else "the chat", plain(chats.contact_name(messages))
    text = (
        f"Another assistant seems to answer me in {where} with **{name}**, so I pause there until {until}. "
        "Write */resume* to let me go on at once."
    )
    place = await notifications.place_beside(session, chat)
    await notifications.tell(session, chat.user_id, clock.new_id(), text, _in_mind(), place)
    return SAID


async def close_all(session: AsyncSession, user_id: UUID) -> int:
    """Let Paddy answer again wherever it has paused like this for one user; in how many chats."""
    opened = update(Chat).where(Chat.user_id == user_id, Chat.breaker_until > clock.now())
    closed = await session.execute(opened.values(breaker_until=clock.now()).returning(Chat.id))
    return len(closed.all())


async def _rounds(session: AsyncSession, chat: Chat, messages: Sequence[Message]) -> list[_Round]:
    """What the sender of `messages` wrote here lately that was answered, and these messages."""
    since = max(clock.now() - LONGEST, chat.breaker_until or datetime.min.replace(tzinfo=UTC))
    query = (
        select(Message)
        .join(Turn, Turn.id == Message.turn_id)
        .where(
            Message.chat_id == chat.id,
            Message.role == "user",
            Message.address.is_not(None),
            Message.created_at > since,
            Turn.state.not_in(("silent", "running")),  # `messages` are the running turn's
        )
        .order_by(Message.position.desc())
        .limit(MAX_MESSAGES)
    )
    answered: dict[UUID | None, list[Message]] = {}
    for message in reversed((await session.scalars(query)).all()):
        if not chat.is_group or message.sender == messages[-1].sender:
            answered.setdefault(message.turn_id, []).append(message)
    return [
        _Round("".join(message.text for message in said), said[0].created_at, said[-1].created_at)
        for said in [*answered.values(), messages]
    ]


def _in_mind() -> list[ModelMessage]:
    return [
        ModelRequest(parts=[UserPromptPart("(Another assistant seems to answer.)", timestamp=clock.now())]),
        ModelResponse(parts=[TextPart(IN_MIND)]),
    ]
