"""What people see of a turn before its answer: their message read, an emoji for "seen", and typing."""

import asyncio
from collections.abc import Awaitable, Sequence
from types import TracebackType

from exponential.assistant.channels.base import Place
from exponential.assistant.channels.delivery import places
from exponential.assistant.channels.registry import Channels
from exponential.assistant.tables import Message
from exponential.auth.users import User
from exponential.core import log
from exponential.core.cancellation import cancel_and_wait

TIMEOUT_SECONDS = 2.0  # nobody's answer waits longer for an indicator
SEEN = "👀"
_log = log.get(__name__)


class TurnPresence:
    """Shown where a turn's messages came from, while the block runs. Best effort: it never fails the turn.

    A reaction is taken back when the block ends: the answer says more. `renew`: seconds after which typing is shown
    anew.
    """

    def __init__(self, channels: Channels, user: User, messages: Sequence[Message], renew: float) -> None:
        self._renew = renew
        self._user = user
        self._messages = messages
        self._channels = {place: channel for place in places(messages) if (channel := channels.find(place.channel))}
        self._showing: asyncio.Task[None] | None = None
        self._reacted: list[Place] = []

    async def __aenter__(self) -> None:
        if self._channels:
            self._showing = asyncio.create_task(self._show())  # the thinking need not wait for it

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._showing is None:
            return
        await cancel_and_wait(self._showing)
        await self._type(False)
        for place in self._reacted:
            await self._react(place, "")

    async def _show(self) -> None:
        await self._type(True)
        for place, channel in self._channels.items():
            await _try(channel.read(self._user, place, self._ids(place)))
            self._reacted.append(place)  # before it is known: a reaction must not stay behind
            if not await self._react(place, SEEN):
                self._reacted.remove(place)
        while True:
            await asyncio.sleep(self._renew)
            await self._type(True)

    async def _type(self, on: bool) -> None:
        for place, channel in self._channels.items():
            await _try(channel.typing(self._user, place, on))

    async def _react(self, place: Place, emoji: str) -> bool:
        return bool(await _try(self._channels[place].react(self._user, place, self._ids(place)[-1], emoji)))

    def _ids(self, place: Place) -> list[str]:
        """The channel's ids of the messages from there."""
        return [message.external_id for message in self._messages if message.place == place and message.external_id]


async def _try(call: Awaitable[object]) -> object:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await call
    except Exception as error:
        _log.debug("not_shown", error=error)
        return None
