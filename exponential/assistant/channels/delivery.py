"""A finished turn's reply on its way to where it belongs: sent by the channels until they have taken it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import approvals, chats, conversation, due_reminders
from exponential.assistant.channels import notifications
from exponential.assistant.channels.base import OWN_CHAT, Channel, Place, Reply, Sent
from exponential.assistant.channels.registry import Channels
from exponential.assistant.tables import Chat, Message
from exponential.auth import users
from exponential.auth.users import User
from exponential.core.database import Database
from exponential.core.errors import ExponentialError


@dataclass(frozen=True)
class _Answer:
    """What `turn_id` says, where it goes, and which message it quotes there.

    `private`: said in the user's own conversation, so it goes to the user's own chats only. `unasked`: not an answer;
    if its one place can't be reached any more, another one of the user's will do.
    """

    turn_id: UUID
    user: User
    text: str
    to: Sequence[Place]
    quoted: dict[Place, str]
    private: bool
    unasked: bool


async def deliver(database: Database, channels: Channels, turn_id: UUID) -> None:
    """Send a finished turn's reply wherever its messages came from, except the web, which shows it by itself.

    Raises Unavailable and the like when a channel can't take it now: try again, the keys stay the same. A place that
    can't be reached any more is given up. What was said unasked then goes where its user can be reached; while they
    can't, it is on the web alone.
    """
    async with database.transaction() as session:
        answer = await _answer(session, turn_id)
    if answer is None:
        return
    if answer.unasked:
        return await _tell(database, channels, answer)
    number, failed = 0, None
    for place in answer.to:
        channel = channels.get(place.channel)
        reply = _reply(channel, answer, place, number)
        number += len(reply.texts)
        try:
            await channel.send(reply)
        except ExponentialError as error:  # the other places need not wait for this one
            failed = failed or error
    if failed is not None:
        raise failed


async def _tell(database: Database, channels: Channels, answer: _Answer) -> None:
    """Send it to its place, or to the user's first other one that takes it, where their reminders go from then on."""
    chosen = place = answer.to[0]
    sent = await _send(channels, answer, chosen)
    if sent is None:
        async for place in _elsewhere(database, channels, answer.user):
            if place == chosen:
                continue
            async with database.transaction() as session:  # before it is sent: whoever takes over repeats it there
                await notifications.move(session, answer.turn_id, place)
            sent = await _send(channels, answer, place)
            if sent is not None:
                break
    async with database.transaction() as session:
        if sent is None:
            await notifications.move(session, answer.turn_id, None)
            return
        await approvals.note_asked(session, answer.turn_id, sent.message_id, sent.at)
        if place != chosen:
            await due_reminders.move(session, answer.user.id, chosen, place)


async def _send(channels: Channels, answer: _Answer, place: Place) -> Sent | None:
    channel = channels.get(place.channel)
    return await channel.send(_reply(channel, answer, place))


def _reply(channel: Channel, answer: _Answer, place: Place, number: int = 0) -> Reply:
    """`number`: of messages that go to other places under keys of this turn."""
    texts = channel.render(answer.text)
    keys = [f"{answer.turn_id}:{each}" for each, _ in enumerate(texts, start=number)]
    return Reply(answer.user, place, texts, keys, answer.quoted.get(place), answer.private)


async def _elsewhere(database: Database, channels: Channels, user: User) -> AsyncIterator[Place]:
    """Where the user can be reached now, the best first: where they wrote, chats that are proved to be theirs, and the
    accounts' own chats; of each kind first that of the account which they last wrote through. Raises Unavailable at its
    end if there may be others."""
    accounts, missing = await channels.accounts(user)
    async with database.transaction() as session:
        chat = await chats.main_chat(session, user.id)
        wrote = {
            (channel, account): await conversation.last_message(session, chat.id, (channel.name, account))
            for channel, account in reversed(accounts)
        }
    order = sorted(wrote, key=lambda each: last.position if (last := wrote[each]) else 0, reverse=True)
    for each in order:
        if (last := wrote[each]) and last.place:
            yield last.place
    for channel, account in order:
        for place in await channel.own_places(user, account):
            yield place
    for channel, account in order:
        yield Place(channel.name, account, OWN_CHAT)
    if missing is not None:
        raise missing


def turn_of(key: str) -> UUID | None:
    """The turn whose reply was sent under this key."""
    try:
        return UUID(key.partition(":")[0])
    except ValueError:
        return None


async def _answer(session: AsyncSession, turn_id: UUID) -> _Answer | None:
    """A turn's reply; in groups it quotes the last message. None when there is nothing to send."""
    query = select(Message).where(Message.turn_id == turn_id).order_by(Message.position)
    messages = (await session.execute(query)).scalars().all()
    reply = next((message for message in messages if message.role == "assistant"), None)
    chat = await session.get(Chat, reply.chat_id) if reply else None
    to = places(messages)
    if reply is None or chat is None or not to:
        return None  # erased meanwhile, or on the web alone
    quoted = {
        message.place: message.external_id
        for message in messages
        if message.is_group and message.place and message.external_id
    }
    user, private, unasked = await users.get(session, chat.user_id), chat.role == "owner", reply.place is not None
    return _Answer(turn_id, user, reply.text, to, quoted, private, unasked)


def places(messages: Sequence[Message]) -> list[Place]:
    """Where these messages came from, or go, each once."""
    return list(dict.fromkeys(message.place for message in messages if message.place is not None))
