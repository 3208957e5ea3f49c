"""Taking messages in and reading a conversation back. Receiving a message is what wakes Paddy."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from exponential import clock
from exponential.assistant import jobs
from exponential.assistant.records import Channel, Chat, Message, Role, Turn
from exponential.auth import users
from exponential.database import notify
from exponential.errors import BadInput, NotFound

CHANNEL = "chat"  # NOTIFY channel; payload: the id of the chat that has news
MAX_TEXT = 65_536  # characters of one message: what WhatsApp carries


@dataclass(frozen=True)
class Incoming:
    """A message as a channel hands it in. WhatsApp gives `session_id`, `chat_jid` and `external_id` (its message id).

    `type` is "text", or what else was sent ("image", "audio", …), when `text` is its caption, often empty.
    """

    user_id: UUID
    channel: Channel
    text: str
    role: Role = "owner"
    session_id: str | None = None
    chat_jid: str | None = None
    external_id: str | None = None
    sender_name: str | None = None
    type: str = "text"


@dataclass(frozen=True)
class Received:
    """`duplicate`: this (session_id, external_id) was stored before, so nothing happened now."""

    message_id: UUID
    chat_id: UUID
    duplicate: bool


async def main_chat(session: AsyncSession, user_id: UUID) -> Chat:
    """The user's own conversation with Paddy, made on first use. Raises NotFound for an unknown user."""
    await users.get(session, user_id)
    return await _chat(session, Chat.kind == "main", user_id=user_id, kind="main")


async def receive(session: AsyncSession, incoming: Incoming) -> Received:
    """Store a message and queue the turn that answers it, both in the caller's transaction.

    Raises BadInput (empty, longer than 65,536 characters, WhatsApp without its ids), NotFound (unknown user).
    """
    body = _body(incoming)
    chat = await _chat_of(session, incoming)
    statement = (
        insert(Message)
        .values(
            id=clock.new_id(),
            chat_id=chat.id,
            role="user",
            channel=incoming.channel,
            session_id=incoming.session_id,
            jid=incoming.chat_jid,
            external_id=incoming.external_id,
            sender_name=incoming.sender_name,
            text=body,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["session_id", "external_id"])
        .returning(Message.id)
    )
    message_id = (await session.execute(statement)).scalar_one_or_none()
    if message_id is None:
        return await _seen_before(session, incoming)
    await jobs.defer(session, jobs.TURN, lock=f"turn:{chat.id}", chat_id=str(chat.id))
    await notify(session, CHANNEL, str(chat.id))
    return Received(message_id, chat.id, duplicate=False)


async def history(session: AsyncSession, chat_id: UUID, limit: int = 100) -> list[Message]:
    """The last `limit` messages of a chat, oldest first."""
    query = select(Message).where(Message.chat_id == chat_id).order_by(Message.position.desc()).limit(limit)
    return list((await session.execute(query)).scalars())[::-1]


async def is_answering(session: AsyncSession, chat_id: UUID) -> bool:
    """Whether an answer is on its way: a turn runs, or a message waits for one."""
    waiting = exists().where(Message.chat_id == chat_id, Message.role == "user", Message.turn_id.is_(None))
    running = exists().where(Turn.chat_id == chat_id, Turn.state == "running")
    return bool((await session.execute(select(waiting | running))).scalar_one())


def _body(incoming: Incoming) -> str:
    if incoming.channel == "whatsapp" and not (incoming.session_id and incoming.chat_jid and incoming.external_id):
        raise BadInput("A WhatsApp message needs its session, chat and message id.", code="origin_missing")
    body = incoming.text.replace("\x00", "").strip()
    if len(body) > MAX_TEXT:
        raise BadInput(
            f"This message has {len(body):,} characters; Paddy reads up to {MAX_TEXT:,}. Send it in parts.",
            code="message_too_long",
        )
    if incoming.type != "text":
        return f"[{incoming.type}] {body}".rstrip()
    if not body:
        raise BadInput("The message is empty. Write something to Paddy.", code="message_empty")
    return body


async def _chat_of(session: AsyncSession, incoming: Incoming) -> Chat:
    if incoming.role == "owner":
        return await main_chat(session, incoming.user_id)
    if incoming.session_id is None or incoming.chat_jid is None:
        raise BadInput("A guest's message needs its session and chat.", code="origin_missing")
    await users.get(session, incoming.user_id)
    return await _chat(
        session,
        (Chat.session_id == incoming.session_id) & (Chat.jid == incoming.chat_jid),
        user_id=incoming.user_id,
        kind="contact",
        session_id=incoming.session_id,
        jid=incoming.chat_jid,
    )


async def _chat(session: AsyncSession, which: ColumnElement[bool], *, user_id: UUID, **values: str) -> Chat:
    query = select(Chat).where(Chat.user_id == user_id, which)
    chat = (await session.execute(query)).scalar_one_or_none()
    if chat is None:
        fresh = insert(Chat).values(id=clock.new_id(), user_id=user_id, created_at=clock.now(), **values)
        await session.execute(fresh.on_conflict_do_nothing())
        chat = (await session.execute(query)).scalar_one()
    return chat


async def _seen_before(session: AsyncSession, incoming: Incoming) -> Received:
    query = (
        select(Message)
        .join(Chat, Chat.id == Message.chat_id)
        .where(
            Message.session_id == incoming.session_id,
            Message.external_id == incoming.external_id,
            Chat.user_id == incoming.user_id,
        )
    )
    message = (await session.execute(query)).scalar_one_or_none()
    if message is None:
        raise NotFound("This WhatsApp session belongs to another account.", code="unknown_session")
    return Received(message.id, message.chat_id, duplicate=True)
