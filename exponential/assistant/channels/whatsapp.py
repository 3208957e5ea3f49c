"""A reply's way to WhatsApp: posted to the gateway until it is accepted."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import approvals, chats, conversation, due_reminders
from exponential.assistant.channels import formatting, notifications
from exponential.assistant.tables import Chat, Message
from exponential.auth import users
from exponential.auth.users import User
from exponential.core import log
from exponential.core.database import Database
from exponential.core.errors import BadInput, Conflict, NotFound, Unavailable
from exponential.gateway.client import GatewayClient
from exponential.gateway.schema import SessionInfo

# Conflicts that another try won't mend: the account's human answers in this chat; the account isn't linked any more; it
# was to go to another chat of this session before, and that failed.
_GONE = ("chat_paused", "not_linked", "idempotency_key_reused")
_LINKED = ("connected", "reconnecting")  # status of sessions through which a message goes out, now or soon
Origin = tuple[str, str]  # (gateway session id, chat JID)

_log = log.get(__name__)


@dataclass(frozen=True)
class _Reply:
    """What `turn_id` says, where on WhatsApp it goes, and which message it quotes there.

    `private`: said in the user's own conversation, so it goes to chats of theirs alone. `unasked`: not an answer, so
    where its one chat can't be reached any more, another one of the user's will do.
    """

    turn_id: UUID
    user: User
    texts: Sequence[str]
    to: Sequence[Origin]
    quoted: dict[str, str]
    private: bool
    unasked: bool


async def deliver(database: Database, gateway: GatewayClient | None, turn_id: UUID) -> None:
    """Hand a finished turn's reply to the gateway, wherever on WhatsApp its messages came from.

    Raises Unavailable and the like when the gateway can't take it now: try again, the keys stay the same. A session or
    chat that no longer exists is given up, and so are a session that isn't linked any more (the gateway, too, gives up
    what it had queued there) and a chat in which a human answers by hand now. What was said unasked then goes where
    its user can be reached; while no session of theirs is linked, it is on the web alone.
    """
    async with database.transaction() as session:
        reply = await _reply(session, turn_id)
    if reply is None:
        return
    if gateway is None:
        raise Unavailable("WHATSAPP_GATEWAY_URL is not set, so this reply can't be sent.", code="gateway_unconfigured")
    if reply.unasked:
        return await _tell(database, gateway, reply)
    for place, origin in enumerate(reply.to):
        await _post(gateway, reply, origin, place * len(reply.texts))


async def _tell(database: Database, gateway: GatewayClient, reply: _Reply) -> None:
    """Post it to its chat, or to the user's first other one that takes it, where their reminders go from then on."""
    chosen = place = reply.to[0]
    message_id = await _post(gateway, reply, chosen)
    if message_id is None:
        async for place in _elsewhere(database, gateway, reply.user):
            if place == chosen:
                continue
            async with database.transaction() as session:  # before it is posted: whoever takes over repeats it there
                await notifications.move(session, reply.turn_id, place)
            message_id = await _post(gateway, reply, place)
            if message_id is not None:
                break
    async with database.transaction() as session:
        if message_id is None:
            await notifications.move(session, reply.turn_id, None)
            return
        await approvals.note_asked(session, reply.turn_id, message_id)
        if place != chosen:
            await due_reminders.move(session, reply.user.id, chosen, place)


async def _post(gateway: GatewayClient, reply: _Reply, to: Origin, first: int = 0) -> str | None:
    """The gateway's id of the last message that it took; None when none may go there. `first`: the first one's key."""
    session_id, chat = to
    who, message_id = reply.user.identity, None
    try:
        if chat == notifications.OWN_CHAT:
            chat = _own_chat(await gateway.session(who, session_id))
        for number, text in enumerate(reply.texts, start=first):
            key, quoted = f"{reply.turn_id}:{number}", reply.quoted.get(chat)
            message_id = await gateway.send(
                who, session_id, chat, text, key=key, reply_to=quoted, owner_only=reply.private
            )
    except (NotFound, BadInput, Conflict) as error:
        if isinstance(error, Conflict) and error.code not in _GONE:
            raise
        _log.warning("reply_given_up", turn=str(reply.turn_id), session=session_id, code=error.code)
    return message_id


async def _elsewhere(database: Database, gateway: GatewayClient, user: User) -> AsyncIterator[Origin]:
    """The user's chats in the sessions that are linked now, the best first: where they wrote, numbers that they have
    proved to be theirs, "Message yourself"; of each kind first that of the session which they last wrote through."""
    linked = [each.session_id for each in await gateway.sessions(user.identity) if each.status in _LINKED]
    async with database.transaction() as session:
        chat = await chats.main_chat(session, user.id)
        wrote = {each: await conversation.last_place(session, chat.id, each) for each in reversed(linked)}
    linked = sorted(wrote, key=lambda each: last.position if (last := wrote[each]) else 0, reverse=True)
    for session_id in linked:
        if (last := wrote[session_id]) and last.jid:
            yield session_id, last.jid
    for session_id in linked:
        for jid in await _proved(gateway, user, session_id):
            yield session_id, jid
    for session_id in linked:
        yield session_id, notifications.OWN_CHAT


async def _proved(gateway: GatewayClient, user: User, session_id: str) -> list[str]:
    """The chats of the numbers that are proved to be the user's, the latest first."""
    try:
        numbers = await gateway.proved(user.identity, session_id)
    except NotFound:
        return []  # removed meanwhile; or the original gateway, which knows of none
    numbers.sort(key=lambda number: number.proved_at, reverse=True)
    return [number.chat for number in numbers if number.chat]


def turn_of(key: str) -> UUID | None:
    """The turn whose reply was sent under this idempotency key."""
    try:
        return UUID(key.partition(":")[0])
    except ValueError:
        return None


def _own_chat(session: SessionInfo) -> str:
    """The JID of an account's "Message yourself". Raises NotFound while the gateway doesn't know its number."""
    if not session.phone_number:
        raise NotFound("This session has no phone number.", code="unknown_session")
    return f"{session.phone_number.removeprefix('+')}@s.whatsapp.net"


async def _reply(session: AsyncSession, turn_id: UUID) -> _Reply | None:
    """A turn's reply; in groups it quotes the last message. None when there is nothing for WhatsApp."""
    query = select(Message).where(Message.turn_id == turn_id).order_by(Message.position)
    messages = (await session.execute(query)).scalars().all()
    reply = next((message for message in messages if message.role == "assistant"), None)
    chat = await session.get(Chat, reply.chat_id) if reply else None
    to = origins(messages)
    if reply is None or chat is None or not to:
        return None  # erased meanwhile, or on the web alone
    groups = {message.jid: message.external_id for message in messages if (message.jid or "").endswith("@g.us")}
    quoted = {jid: external_id for jid, external_id in groups.items() if jid and external_id}
    user, texts = await users.get(session, chat.user_id), formatting.to_whatsapp(reply.text)
    private, unasked = chat.role == "owner", reply.jid is not None
    return _Reply(turn_id, user, texts, to, quoted, private, unasked)


def origins(messages: Sequence[Message]) -> list[Origin]:
    """The WhatsApp chats that these messages came from, each once."""
    found = [(message.session_id, message.jid) for message in messages if message.channel == "whatsapp"]
    return list(dict.fromkeys((session_id, jid) for session_id, jid in found if session_id and jid))
