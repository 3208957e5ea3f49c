"""A reply's way to WhatsApp: posted to the gateway until it is accepted, and "typing…" while it is being thought of."""

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential import log
from exponential.assistant import formatting
from exponential.assistant.records import Chat, Message
from exponential.auth import users
from exponential.auth.tokens import Identity
from exponential.auth.users import User
from exponential.database import Database
from exponential.errors import BadInput, ExponentialError, NotFound, Unavailable
from exponential.gateway.client import GatewayClient

TYPING_TIMEOUT = 2.0  # seconds; nobody's answer waits longer for an indicator
Origin = tuple[str, str]  # (gateway session id, chat JID)

_log = log.get(__name__)


async def deliver(database: Database, gateway: GatewayClient | None, turn_id: UUID) -> None:
    """Hand a finished turn's reply to the gateway, wherever on WhatsApp its messages came from.

    Raises Unavailable and the like when the gateway can't take it now: try again, the keys stay the same. A session or
    chat that no longer exists is given up.
    """
    async with database.transaction() as session:
        found = await _reply(session, turn_id)
    if found is None:
        return
    user, reply, to = found
    if gateway is None:
        raise Unavailable("WHATSAPP_GATEWAY_URL is not set, so this reply can't be sent.", code="gateway_unconfigured")
    texts = formatting.to_whatsapp(reply)
    for place, (session_id, chat) in enumerate(to):
        try:
            for number, text in enumerate(texts, start=place * len(texts)):
                await gateway.send(user.identity, session_id, chat, text, key=f"{turn_id}:{number}")
        except (NotFound, BadInput) as error:
            _log.warning("reply_given_up", turn=str(turn_id), session=session_id, code=error.code)


async def _reply(session: AsyncSession, turn_id: UUID) -> tuple[User, str, list[Origin]] | None:
    query = select(Message).where(Message.turn_id == turn_id).order_by(Message.position)
    messages = (await session.execute(query)).scalars().all()
    reply = next((message for message in messages if message.role == "assistant"), None)
    chat = await session.get(Chat, reply.chat_id) if reply else None
    if reply is None or chat is None:
        return None  # erased meanwhile
    return await users.get(session, chat.user_id), reply.text, origins(messages)


def origins(messages: Sequence[Message]) -> list[Origin]:
    """The WhatsApp chats that these messages came from, each once."""
    found = [(message.session_id, message.jid) for message in messages if message.channel == "whatsapp"]
    return list(dict.fromkeys((session_id, jid) for session_id, jid in found if session_id and jid))


class Typing:
    """Shows "typing…" where a turn's messages came from, while the block runs. Best effort: it never fails the turn."""

    def __init__(self, gateway: GatewayClient | None, who: Identity, messages: Sequence[Message]) -> None:
        self._gateway = gateway
        self._who = who
        self._origins = origins(messages) if gateway else []
        self._begin: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        if self._origins:
            self._begin = asyncio.create_task(self._show(True))  # the thinking need not wait for it

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._begin is not None:
            self._begin.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._begin
            await self._show(False)

    async def _show(self, on: bool) -> None:
        assert self._gateway is not None
        for session_id, chat in self._origins:
            with contextlib.suppress(ExponentialError, httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(TYPING_TIMEOUT):
                    await self._gateway.typing(self._who, session_id, chat, on)
