"""A user's chats: the main one, topics opened on the web, and contacts who write to the linked account; and search."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from exponential.assistant.tables import Chat, Message
from exponential.auth import users
from exponential.core import clock
from exponential.core.database import notify
from exponential.core.errors import BadInput, Conflict, NotFound

CHANNEL = "chats"  # NOTIFY channel; payload: the id of the user whose list of chats changed
MAX_TITLE_CHARS = 120
MAX_NAME_CHARS = 60  # of a contact's name in a sentence
MAX_TOPICS = 1_000  # of one user
MAX_SEARCHED_MESSAGES = 20_000  # messages of a user that a search reads, the latest ones
MAX_SEARCHED_CHARS = 100_000_000  # of these
SEARCH_BATCH = 25  # messages in memory
MAX_HITS = 50
PREVIEW_BYTES = 16_000  # of a message, as stored, that the list of chats reads for its first words
_SOMEONE = "Someone"
_JOINER = "\u200d"  # within emoji
_NAMED_AFTER = 60  # characters of the first message that name a topic


@dataclass(frozen=True)
class Last:
    """A chat's latest message; `text` is None when it is long."""

    role: str
    at: datetime
    text: str | None


@dataclass(frozen=True)
class ChatSummary:
    """A chat in the list of chats. `name`: None in the main chat; `last`: its latest message, if there is one."""

    chat: Chat
    name: str | None
    last: Last | None


@dataclass(frozen=True)
class Hit:
    """A message that a search found. `start` and `end` are where the first of its words stands in `message.text`."""

    chat: Chat
    name: str | None
    message: Message
    start: int
    end: int


async def main_chat(session: AsyncSession, user_id: UUID) -> Chat:
    """The user's own conversation with Paddy, made on first use. Raises NotFound for an unknown user."""
    await users.get(session, user_id)
    return await find_or_make(session, Chat.kind == "main", user_id=user_id, kind="main")


async def find_or_make(
    session: AsyncSession, which: ColumnElement[bool], *, user_id: UUID, **values: str | bytes | bool | None
) -> Chat:
    """The user's one chat that fits, made with `values` when there is none; two callers at once get the same."""
    query = select(Chat).where(Chat.user_id == user_id, which)
    chat = (await session.execute(query)).scalar_one_or_none()
    if chat is None:
        fresh = insert(Chat).values(id=clock.new_id(), user_id=user_id, created_at=clock.now(), **values)
        await session.execute(fresh.on_conflict_do_nothing())
        chat = (await session.execute(query)).scalar_one()
    return chat


async def open_topic(session: AsyncSession, user_id: UUID) -> Chat:
    """A new, empty chat; one that is empty already is taken again. Raises Conflict `too_many_chats`."""
    written = select(Message.id).where(Message.chat_id == Chat.id).exists()
    mine = select(Chat).where(Chat.user_id == user_id, Chat.kind == "topic")
    empty = (await session.execute(mine.where(~written, Chat.title.is_(None)).limit(1))).scalar_one_or_none()
    if empty is not None:
        return empty
    count = (await session.execute(select(func.count()).select_from(mine.subquery()))).scalar_one()
    if count >= MAX_TOPICS:
        raise Conflict(f"You have {count:,} chats. Delete some that you no longer need.", code="too_many_chats")
    chat = Chat(user_id=user_id, kind="topic")
    session.add(chat)
    await session.flush()
    return chat


async def of_user(session: AsyncSession, user_id: UUID, chat_id: UUID) -> Chat:
    """Any of the user's chats. Raises NotFound."""
    chat = (await session.execute(select(Chat).where(Chat.user_id == user_id, Chat.id == chat_id))).scalar_one_or_none()
    if chat is None:
        raise NotFound("There is no such chat here; it may have been deleted.", code="unknown_chat")
    return chat


async def writable(session: AsyncSession, user_id: UUID, chat_id: UUID) -> Chat:
    """One of the user's chats with Paddy. Raises NotFound, Conflict `read_only` for a contact's."""
    chat = await of_user(session, user_id, chat_id)
    if chat.kind == "contact":
        raise Conflict(
            "This is a guest’s chat with Paddy. You can read it here; to answer, write to them yourself.",
            code="read_only",
        )
    return chat


def name_after(chat: Chat, text: str) -> None:
    """Call a topic without a title after what was said first in it."""
    if chat.kind == "topic" and chat.title is None:
        line = " ".join(text.split())
        chat.title = line if len(line) <= _NAMED_AFTER else line[:_NAMED_AFTER].rsplit(" ", 1)[0] + "…"


async def rename(session: AsyncSession, user_id: UUID, chat_id: UUID, title: str) -> Chat:
    """Raises NotFound, BadInput (empty, too long), Conflict `not_a_topic`."""
    chat = await _topic(session, user_id, chat_id)
    title = " ".join(title.replace("\x00", "").split())
    if not title or len(title) > MAX_TITLE_CHARS:
        raise BadInput(f"A chat’s name has 1 to {MAX_TITLE_CHARS} characters.", code="title_invalid")
    chat.title = title
    await notify(session, CHANNEL, str(user_id))
    return chat


async def remove(session: AsyncSession, user_id: UUID, chat_id: UUID) -> None:
    """Delete a topic with all its messages, for good. Raises NotFound, Conflict `not_a_topic`."""
    chat = await _topic(session, user_id, chat_id)
    await session.execute(delete(Chat).where(Chat.id == chat.id))
    await notify(session, CHANNEL, str(user_id))


async def count(session: AsyncSession, user_id: UUID) -> int:
    """How many chats the user has."""
    await main_chat(session, user_id)
    return (await session.execute(select(func.count()).where(Chat.user_id == user_id))).scalar_one()


async def overview(session: AsyncSession, user_id: UUID, after: int, most: int) -> list[ChatSummary]:
    """The user's chats: the main one, then the one with the latest message first; `most` of them after the first
    `after`."""
    latest = (
        select(Message.id)
        .where(Message.chat_id == Chat.id)
        .order_by(Message.position.desc())
        .limit(1)
        .correlate(Chat)
        .scalar_subquery()
    )
    text = case((func.octet_length(Message.text) <= PREVIEW_BYTES, Message.text))
    query = (
        select(Chat, Message.role, Message.created_at, text)
        .outerjoin(Message, Message.id == latest)
        .where(Chat.user_id == user_id)
        .order_by((Chat.kind == "main").desc(), func.coalesce(Message.created_at, Chat.created_at).desc(), Chat.id)
    )
    found = (await session.execute(query.offset(after).limit(most))).all()
    names = await _names(session, [chat for chat, *_ in found])
    return [
        ChatSummary(chat, names[chat.id], Last(role, at, text) if role is not None else None)
        for chat, role, at, text in found
    ]


async def name_of(session: AsyncSession, chat: Chat) -> str | None:
    """What a chat is called: its title, or who the contact is; None for the main one."""
    return (await _names(session, [chat]))[chat.id]


async def search(session: AsyncSession, user_id: UUID, wanted: str) -> list[Hit]:
    """Up to 50 messages of the user's chats that hold all words of `wanted`, the latest first.

    Messages are stored encrypted, so this reads the latest 20,000 of them, and no more than 100 million characters.
    """
    words = wanted.casefold().split()
    if not words:
        return []
    query = (
        select(Message.id, Message.text)
        .join(Chat, Chat.id == Message.chat_id)
        .where(Chat.user_id == user_id)
        .order_by(Message.position.desc())
        .limit(MAX_SEARCHED_MESSAGES)
    )
    places: dict[UUID, int] = {}
    left = MAX_SEARCHED_CHARS
    found = await session.stream(query.execution_options(yield_per=SEARCH_BATCH))
    async for message_id, text in found:
        folded = text.casefold()
        left -= len(text)
        if all(word in folded for word in words):
            places[message_id] = folded.index(words[0])
        if len(places) == MAX_HITS or left < 0:
            break
    await found.close()
    rows = select(Chat, Message).join(Message, Message.chat_id == Chat.id).where(Message.id.in_(list(places)))
    hits = [(chat, message) for chat, message in await session.execute(rows)]
    names = await _names(session, [chat for chat, _ in hits])
    hits.sort(key=lambda row: row[1].position, reverse=True)
    return [
        Hit(chat, names[chat.id], message, start := places[message.id], start + len(words[0])) for chat, message in hits
    ]


async def _topic(session: AsyncSession, user_id: UUID, chat_id: UUID) -> Chat:
    chat = await of_user(session, user_id, chat_id)
    if chat.kind != "topic":
        raise Conflict("Only chats that you opened here can be renamed or deleted.", code="not_a_topic")
    return chat


async def _names(session: AsyncSession, found: Sequence[Chat]) -> dict[UUID, str | None]:
    contacts = [chat.id for chat in found if chat.kind == "contact"]
    newest = aliased(Message)
    said = and_(newest.chat_id == Message.chat_id, newest.role == "user", newest.sender_name.is_not(None))
    last = select(func.max(newest.position)).where(said).scalar_subquery()
    query = select(Message.chat_id, Message.sender_name).where(Message.chat_id.in_(contacts), Message.position == last)
    called = {chat_id: name for chat_id, name in await session.execute(query)} if contacts else {}
    return {
        chat.id: (plain_name(called.get(chat.id) or "") or chat.handle or _SOMEONE)
        if chat.kind == "contact"
        else _title(chat)
        for chat in found
    }


def plain_name(name: str) -> str:
    """A name that others gave themselves, without characters that turn writing around or can't be seen."""
    shown = "".join(character for character in name if character.isprintable() or character == _JOINER)
    return " ".join(shown.split())


def contact_name(messages: Sequence[Message]) -> str:
    """Who wrote the last of these messages, short enough for a sentence: "Bob (+4915187654321)".

    Anybody may call themselves Bob; the handle is their channel's word, and where it tells none that is said.
    """
    last = messages[-1] if messages else None
    if last is None:
        return "somebody"
    name, handle = plain_name(last.sender_name or ""), last.sender_handle
    if not name:
        return handle or _SOMEONE
    name = name if len(name) <= MAX_NAME_CHARS else f"{name[:MAX_NAME_CHARS]}…"
    return f"{name} ({handle or 'no number'})"


def _title(chat: Chat) -> str | None:
    return None if chat.kind == "main" else chat.title or "New chat"
