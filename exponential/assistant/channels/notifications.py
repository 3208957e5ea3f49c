"""Telling the user something unasked, such as a reminder: in their main chat on the web, and where they write."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import chats, conversation
from exponential.assistant.channels.base import OWN_CHAT, Place
from exponential.assistant.tables import Chat, Message, Turn
from exponential.assistant.turns import jobs
from exponential.core import clock
from exponential.core.database import notify


async def tell(
    session: AsyncSession,
    user_id: UUID,
    key: UUID,
    text: str,
    mind: Sequence[ModelMessage],
    place: Place | None = None,
) -> None:
    """Say `text` (Markdown) and queue its way to `place`, or to where they last wrote, except on the web.

    `key` is the turn's id, and by it a channel sends the message once. `mind` is what Paddy will know of it.
    """
    chat = await chats.main_chat(session, user_id)
    history = ModelMessagesTypeAdapter.dump_python(list(mind), mode="json")
    session.add(Turn(id=key, chat_id=chat.id, state="done", history=history, finished_at=clock.now()))
    await session.flush()
    if place is None and (last := await conversation.last_message(session, chat.id)):
        place = last.place
    session.add(Message(chat_id=chat.id, turn_id=key, role="assistant", text=text, place=place))
    if place is not None:
        await jobs.defer_delivery(session, chat.id, key)
    await notify(session, conversation.CHANNEL, str(chat.id))


async def move(session: AsyncSession, turn_id: UUID, to: Place | None) -> None:
    """Have what this turn told go to another place of the user's; None: it stays on the web."""
    told = (await session.scalars(select(Message).where(Message.turn_id == turn_id))).one_or_none()
    if told is not None:  # else it was erased meanwhile
        told.place = to
        await notify(session, conversation.CHANNEL, str(told.chat_id))


async def place_beside(session: AsyncSession, chat: Chat) -> Place | None:
    """Where the owner last wrote to Paddy through the account that a contact's chat belongs to; else its own chat."""
    if chat.place is None:
        return None
    main = await chats.main_chat(session, chat.user_id)
    last = await conversation.last_message(session, main.id, (chat.place.channel, chat.place.account))
    return last.place if last else replace(chat.place, address=OWN_CHAT)
