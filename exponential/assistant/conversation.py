"""Taking messages in and reading a conversation back. Receiving a message is what wakes Paddy."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import chats
from exponential.assistant.chats import main_chat
from exponential.assistant.files import attachments as media
from exponential.assistant.files.attachments import Attachment
from exponential.assistant.tables import Chat, Message, Role, Turn
from exponential.assistant.turns import jobs, stops
from exponential.auth import users
from exponential.core import clock
from exponential.core.database import blind, notify
from exponential.core.errors import BadInput, NotFound

CHANNEL = "chat"  # NOTIFY channel; payload: the id of the chat that has news
MAX_TEXT_CHARS = 65_536  # of one message: the most that a channel of ours carries
STOP = "/stop"  # the one message that doesn't wait for what is being answered


@dataclass(frozen=True)
class Incoming:
    """A message as a channel hands it in. `account`, `address` and `external_id` say where it was written and what it
    is called there; from the web and the terminal, whose answers aren't sent, it has none of them. `chat_id` is one of
    the user's own chats; without it an owner's message goes to the main chat.

    `type` is "text", or what else was sent ("image", "audio", …), when `text` is its caption, often empty. All else is
    as in tables.Message.
    """

    user_id: UUID
    channel: str
    text: str
    role: Role = "owner"
    account: str | None = None
    address: str | None = None
    external_id: str | None = None
    sender_name: str | None = None
    sender: str | None = None
    sender_handle: str | None = None
    is_group: bool = False
    type: str = "text"
    chat_id: UUID | None = None
    attachments: tuple[Attachment, ...] = ()
    forwarded: bool = False
    quoted: str = ""
    quoted_turn_id: UUID | None = None
    written_at: datetime | None = None


@dataclass(frozen=True)
class Received:
    """`duplicate`: this (channel, account, external_id) was stored before, so nothing happened now."""

    message_id: UUID
    chat_id: UUID
    duplicate: bool


async def receive(session: AsyncSession, incoming: Incoming, *, media_limit: int = media.DEFAULT_LIMIT_MB) -> Received:
    """Store a message with its files and queue the turn that answers it, all in the caller's transaction.

    A message with files needs no text. Raises BadInput (empty, longer than 65,536 characters, an incomplete place, a
    file above `media_limit` MB), NotFound (unknown user or chat).
    """
    media.check(incoming.attachments, media_limit)
    body = _body(incoming)
    chat = await chat_of(session, incoming)
    statement = (
        insert(Message)
        .values(
            id=clock.new_id(),
            chat_id=chat.id,
            role="user",
            channel=incoming.channel,
            account=incoming.account,
            address=incoming.address,
            is_group=incoming.is_group,
            external_id=incoming.external_id,
            sender_name=incoming.sender_name,
            sender=incoming.sender,
            sender_handle=incoming.sender_handle,
            text=body,
            forwarded=incoming.forwarded,
            quoted=incoming.quoted.replace("\x00", "").strip() or None,
            quoted_turn_id=incoming.quoted_turn_id,
            written_at=incoming.written_at,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["channel", "account", "external_id"])
        .returning(Message.id)
    )
    message_id = (await session.execute(statement)).scalar_one_or_none()
    if message_id is None:
        return await _seen_before(session, incoming)
    await media.keep(session, message_id, incoming.attachments)
    chats.name_after(chat, body)
    if body.lower() == STOP and not incoming.forwarded:
        running = update(Turn).where(Turn.chat_id == chat.id, Turn.state == "running")
        await session.execute(running.values(stop_asked_at=clock.now()))
        await notify(session, stops.CHANNEL, str(chat.id))
    await (jobs.defer_reading if incoming.attachments else jobs.defer_turn)(session, chat)
    await notify(session, CHANNEL, str(chat.id))
    await notify(session, chats.CHANNEL, str(chat.user_id))
    return Received(message_id, chat.id, duplicate=False)


async def chat_of(session: AsyncSession, incoming: Incoming) -> Chat:
    """The chat that a message belongs to, made with the first one. Raises what `receive` raises."""
    if incoming.role == "owner":
        if incoming.chat_id is not None:
            return await chats.writable(session, incoming.user_id, incoming.chat_id)
        return await main_chat(session, incoming.user_id)
    if incoming.account is None or incoming.address is None:
        raise BadInput("A guest's message needs its account and address.", code="origin_missing")
    await users.get(session, incoming.user_id)
    key = blind(session, "chats.address", incoming.address)
    return await chats.find_or_make(
        session,
        and_(Chat.channel == incoming.channel, Chat.account == incoming.account, Chat.address_key == key),
        user_id=incoming.user_id,
        kind="contact",
        channel=incoming.channel,
        account=incoming.account,
        address=incoming.address,
        address_key=key,
        handle=None if incoming.is_group else incoming.sender_handle,
        is_group=incoming.is_group,
    )


async def history(
    session: AsyncSession, chat_id: UUID, limit: int = 100, *, before: int | None = None, most: int | None = None
) -> list[Message]:
    """The last `limit` messages of a chat, oldest first; only those whose position is smaller than `before`. Fewer
    where they have more than `most` bytes of text together, but one."""
    query = select(Message).where(Message.chat_id == chat_id).order_by(Message.position.desc()).limit(limit)
    if before is not None:
        query = query.where(Message.position < before)
    return (await _fitting(session, query, most))[::-1]


async def following(
    session: AsyncSession, chat_id: UUID, after: int, limit: int, *, most: int | None = None
) -> list[Message]:
    """The next `limit` messages of a chat after that position, oldest first; `most` as for `history`."""
    query = select(Message).where(Message.chat_id == chat_id, Message.position > after)
    return await _fitting(session, query.order_by(Message.position).limit(limit), most)


async def _fitting(session: AsyncSession, query: Select[Message], most: int | None) -> list[Message]:
    if most is not None:
        fitting: list[UUID] = []
        for message_id, size in await session.execute(
            query.with_only_columns(Message.id, func.octet_length(Message.text))
        ):
            most -= size
            if most < 0 and fitting:
                break
            fitting.append(message_id)
        query = query.where(Message.id.in_(fitting))
    return list((await session.execute(query)).scalars())


async def message(session: AsyncSession, user_id: UUID, chat_id: UUID, message_id: UUID) -> Message:
    """One message of one of the user's chats. Raises NotFound."""
    query = (
        select(Message)
        .join(Chat, Chat.id == Message.chat_id)
        .where(Message.id == message_id, Chat.id == chat_id, Chat.user_id == user_id)
    )
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such message here.", code="unknown_message")
    return found


async def sender(session: AsyncSession, turn_id: UUID) -> str:
    """Who a turn answers, for people."""
    query = select(Message).where(Message.turn_id == turn_id, Message.role == "user").order_by(Message.position)
    return chats.contact_name((await session.scalars(query)).all())


async def last_message(session: AsyncSession, chat_id: UUID, through: tuple[str, str] | None = None) -> Message | None:
    """The user's last message that has a place, `through` this channel and account if they are given. Groups aside:
    others read there."""
    query = select(Message).where(
        Message.chat_id == chat_id,
        Message.role == "user",
        Message.address.is_not(None),
        Message.is_group.is_(False),
    )
    if through is not None:
        channel, account = through
        query = query.where(Message.channel == channel, Message.account == account)
    return (await session.execute(query.order_by(Message.position.desc()).limit(1))).scalar_one_or_none()


async def is_answering(session: AsyncSession, chat_id: UUID) -> bool:
    """Whether an answer is on its way: a turn runs, or a message waits for one."""
    waiting = exists().where(Message.chat_id == chat_id, Message.role == "user", Message.turn_id.is_(None))
    running = exists().where(Turn.chat_id == chat_id, Turn.state == "running")
    return bool((await session.execute(select(waiting | running))).scalar_one())


def _body(incoming: Incoming) -> str:
    origin = (incoming.account, incoming.address, incoming.external_id)
    if any(origin) and not all(origin):
        raise BadInput("A message that has a place needs its account, address and message id.", code="origin_missing")
    body = incoming.text.replace("\x00", "").strip()
    if len(body) > MAX_TEXT_CHARS:
        raise BadInput(
            f"This message has {len(body):,} characters; Paddy reads up to {MAX_TEXT_CHARS:,}. Send it in parts.",
            code="message_too_long",
        )
    if incoming.type != "text" and not incoming.attachments:
        return f"[{incoming.type}] {body}".rstrip()
    if not body and not incoming.attachments:
        raise BadInput("The message is empty. Write something to Paddy.", code="message_empty")
    return body


async def _seen_before(session: AsyncSession, incoming: Incoming) -> Received:
    query = (
        select(Message)
        .join(Chat, Chat.id == Message.chat_id)
        .where(
            Message.channel == incoming.channel,
            Message.account == incoming.account,
            Message.external_id == incoming.external_id,
            Chat.user_id == incoming.user_id,
        )
    )
    message = (await session.execute(query)).scalar_one_or_none()
    if message is None:
        raise NotFound("This account belongs to somebody else.", code="unknown_session")
    return Received(message.id, message.chat_id, duplicate=True)
