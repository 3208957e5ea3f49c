"""A reply's way to WhatsApp: posted to the gateway until it is accepted."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential import log
from exponential.assistant import approvals, formatting, telling
from exponential.assistant.records import Chat, Message
from exponential.auth import users
from exponential.auth.users import User
from exponential.database import Database
from exponential.errors import BadInput, Conflict, NotFound, Unavailable
from exponential.gateway.client import GatewayClient, SessionInfo

# Conflicts that another try won't mend: the account's human answers in this chat; the account isn't linked any more.
_GONE = ("chat_paused", "not_linked")
Origin = tuple[str, str]  # (gateway session id, chat JID)

_log = log.get(__name__)


async def deliver(database: Database, gateway: GatewayClient | None, turn_id: UUID) -> None:
    """Hand a finished turn's reply to the gateway, wherever on WhatsApp its messages came from.

    Raises Unavailable and the like when the gateway can't take it now: try again, the keys stay the same. A session or
    chat that no longer exists is given up, and so are a session that isn't linked any more (the gateway, too, gives up
    what it had queued there) and a chat in which a human answers by hand now.
    """
    async with database.transaction() as session:
        found = await _reply(session, turn_id)
    if found is None:
        return
    user, reply, to, quoted = found
    if gateway is None:
        raise Unavailable("WHATSAPP_GATEWAY_URL is not set, so this reply can't be sent.", code="gateway_unconfigured")
    texts = formatting.to_whatsapp(reply)
    for place, (session_id, chat) in enumerate(to):
        try:
            if chat == telling.OWN_CHAT:
                chat = _own_chat(await gateway.session(user.identity, session_id))
            message_id = ""
            for number, text in enumerate(texts, start=place * len(texts)):
                message_id = await gateway.send(
                    user.identity, session_id, chat, text, key=f"{turn_id}:{number}", reply_to=quoted.get(chat)
                )
            async with database.transaction() as session:
                await approvals.note_asked(session, turn_id, message_id)
        except (NotFound, BadInput, Conflict) as error:
            if isinstance(error, Conflict) and error.code not in _GONE:
                raise
            _log.warning("reply_given_up", turn=str(turn_id), session=session_id, code=error.code)


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


async def _reply(session: AsyncSession, turn_id: UUID) -> tuple[User, str, list[Origin], dict[str, str]] | None:
    """Whose reply it is, what it says, where it goes, and which message it quotes there: in groups, the last one."""
    query = select(Message).where(Message.turn_id == turn_id).order_by(Message.position)
    messages = (await session.execute(query)).scalars().all()
    reply = next((message for message in messages if message.role == "assistant"), None)
    chat = await session.get(Chat, reply.chat_id) if reply else None
    if reply is None or chat is None:
        return None  # erased meanwhile
    groups = {message.jid: message.external_id for message in messages if (message.jid or "").endswith("@g.us")}
    quoted = {jid: external_id for jid, external_id in groups.items() if jid and external_id}
    return await users.get(session, chat.user_id), reply.text, origins(messages), quoted


def origins(messages: Sequence[Message]) -> list[Origin]:
    """The WhatsApp chats that these messages came from, each once."""
    found = [(message.session_id, message.jid) for message in messages if message.channel == "whatsapp"]
    return list(dict.fromkeys((session_id, jid) for session_id, jid in found if session_id and jid))
