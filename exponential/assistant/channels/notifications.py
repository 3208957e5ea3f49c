"""Telling the user something unasked, such as a reminder: in their main chat on the web, and on WhatsApp."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import chats, conversation
from exponential.assistant.tables import Message, Turn
from exponential.assistant.turns import jobs
from exponential.core import clock
from exponential.core.database import notify

OWN_CHAT = "own"  # instead of a JID: the account's own chat, as the gateway knows it


class Place(Protocol):
    """A chat on WhatsApp."""

    @property
    def session_id(self) -> str | None: ...
    @property
    def jid(self) -> str | None: ...


async def tell(
    session: AsyncSession,
    user_id: UUID,
    key: UUID,
    text: str,
    mind: Sequence[ModelMessage],
    place: Place | None = None,
) -> None:
    """Say `text` (Markdown) and queue its way to `place`, or to where they last wrote on WhatsApp, if they ever did.

    `key` is the turn's id, and what the gateway takes the message once by. `mind` is what Paddy will know of it.
    """
    chat = await chats.main_chat(session, user_id)
    history = ModelMessagesTypeAdapter.dump_python(list(mind), mode="json")
    session.add(Turn(id=key, chat_id=chat.id, state="done", history=history, finished_at=clock.now()))
    await session.flush()
    message = Message(chat_id=chat.id, turn_id=key, role="assistant", channel="web", text=text)
    place = place or await conversation.last_place(session, chat.id)
    if place is not None:
        message.channel, message.session_id, message.jid = "whatsapp", place.session_id, place.jid
        await jobs.defer_delivery(session, chat.id, key)
    session.add(message)
    await notify(session, conversation.CHANNEL, str(chat.id))


async def move(session: AsyncSession, turn_id: UUID, to: tuple[str, str] | None) -> None:
    """Have what this turn told go to another chat, (session id, JID), of the user's; None: it stays on the web."""
    session_id, jid = to or (None, None)
    told = (await session.scalars(select(Message).where(Message.turn_id == turn_id))).one_or_none()
    if told is not None:  # else it was erased meanwhile
        told.channel, told.session_id, told.jid = "whatsapp" if to else "web", session_id, jid
        await notify(session, conversation.CHANNEL, str(told.chat_id))


@dataclass(frozen=True)
class WhatsAppChat:
    """A Place that is known by its names."""

    session_id: str | None
    jid: str | None


async def place_in(session: AsyncSession, user_id: UUID, session_id: str | None) -> Place:
    """Where the owner last wrote to Paddy through this WhatsApp session; else its own chat."""
    chat = await chats.main_chat(session, user_id)
    return await conversation.last_place(session, chat.id, session_id) or WhatsAppChat(session_id, OWN_CHAT)
