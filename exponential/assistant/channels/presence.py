"""What people on WhatsApp see of a turn before its answer: their message read, an emoji for "seen", and typing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from types import TracebackType

import httpx

from exponential.assistant.channels.whatsapp import Origin, origins
from exponential.assistant.tables import Message
from exponential.auth.service_tokens import Identity
from exponential.core.cancellation import cancel_and_wait
from exponential.core.errors import ExponentialError
from exponential.gateway.client import GatewayClient

TIMEOUT_SECONDS = 2.0  # nobody's answer waits longer for an indicator
SEEN = "👀"


class TurnPresence:
    """Shown where a turn's messages came from, while the block runs. Best effort: it never fails the turn.

    The gateway knows whether the owner wants read receipts and reactions. A reaction is taken back when the block ends:
    the answer says more. `renew`: seconds after which typing is shown anew.
    """

    def __init__(self, gateway: GatewayClient | None, who: Identity, messages: Sequence[Message], renew: float) -> None:
        self._gateway = gateway
        self._renew = renew
        self._who = who
        self._messages = messages
        self._origins = origins(messages) if gateway else []
        self._showing: asyncio.Task[None] | None = None
        self._reacted: list[Origin] = []

    async def __aenter__(self) -> None:
        if self._origins:
            self._showing = asyncio.create_task(self._show())  # the thinking need not wait for it

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._showing is None:
            return
        await cancel_and_wait(self._showing)
        await self._type(False)
        for origin in self._reacted:
            await self._react(origin, "")

    async def _show(self) -> None:
        await self._type(True)
        for origin in self._origins:
            await self._read(origin)
            self._reacted.append(origin)  # before it is known: a reaction must not stay behind
            if not await self._react(origin, SEEN):
                self._reacted.remove(origin)
        while True:
            await asyncio.sleep(self._renew)
            await self._type(True)

    async def _type(self, on: bool) -> None:
        for session_id, chat in self._origins:
            await _try(self._client.typing(self._who, session_id, chat, on))

    async def _read(self, origin: Origin) -> None:
        await _try(self._client.read(self._who, *origin, self._ids(origin)))

    async def _react(self, origin: Origin, emoji: str) -> bool:
        return bool(await _try(self._client.react(self._who, *origin, self._ids(origin)[-1], emoji)))

    def _ids(self, origin: Origin) -> list[str]:
        """WhatsApp's ids of the messages from there."""
        return [
            message.external_id
            for message in self._messages
            if (message.session_id, message.jid) == origin and message.external_id
        ]

    @property
    def _client(self) -> GatewayClient:
        assert self._gateway is not None
        return self._gateway


async def _try(call: Awaitable[object]) -> object:
    with contextlib.suppress(ExponentialError, httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await call
    return None
