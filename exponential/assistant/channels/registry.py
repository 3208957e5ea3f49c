"""The channels of this installation, found by name. A new one is added to CHANNELS."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from exponential.assistant.channels.base import Channel
from exponential.assistant.channels.terminal import Terminal
from exponential.assistant.channels.web import Web
from exponential.assistant.channels.whatsapp import WhatsApp
from exponential.auth.users import User
from exponential.core import log
from exponential.core.database import Database
from exponential.core.errors import ExponentialError, Unavailable
from exponential.core.settings import AppSettings

REACH_SECONDS = 1.0  # that a page waits to know whether somebody can be reached
RUN_AGAIN_SECONDS = 5.0  # after a channel failed to take in messages
CHANNELS: Sequence[Callable[[AppSettings], Channel]] = (WhatsApp.connect,)  # beside the web and the terminal

_log = log.get(__name__)


def connect(settings: AppSettings) -> "Channels":
    """All channels of an installation."""
    return Channels(*(make(settings) for make in CHANNELS))


class Channels:
    """The web, the terminal, and `others`."""

    def __init__(self, *others: Channel) -> None:
        self._by_name = {channel.name: channel for channel in (Web(), Terminal(), *others)}

    def find(self, name: str | None) -> Channel | None:
        return self._by_name.get(name or "")

    def get(self, name: str) -> Channel:
        """Raises Unavailable: a channel that is missing here may be back with the next start."""
        channel = self.find(name)
        if channel is None:
            raise Unavailable(f"The channel “{name}” is not set up here.", code="channel_not_set_up")
        return channel

    async def run(self, database: Database) -> None:
        """Take in what people write, until this is cancelled."""
        await asyncio.gather(*(_keep_running(channel, database) for channel in self._by_name.values()))

    async def accounts(self, user: User) -> tuple[list[tuple[Channel, str]], ExponentialError | None]:
        """The user's accounts that can send; and why others may be missing, where a channel can't tell now."""
        found: list[tuple[Channel, str]] = []
        missing: ExponentialError | None = None
        for channel in self._by_name.values():
            try:
                found += [(channel, account) for account in await channel.accounts(user)]
            except ExponentialError as error:
                missing = error
        return found, missing

    async def can_reach(self, user: User) -> bool | None:
        """Whether what Paddy says unasked reaches the user outside the web; None while that isn't known, or soon
        enough for a page."""
        try:
            async with asyncio.timeout(REACH_SECONDS):
                found, missing = await self.accounts(user)
        except TimeoutError:
            return None
        if found:
            return True
        return None if missing else False

    async def export(self, user: User) -> dict[str, Sequence[Any]]:
        """What each channel keeps of a user, by its name."""
        return {
            name: kept for name, channel in self._by_name.items() if (kept := await channel.export(user)) is not None
        }

    async def erase(self, user: User) -> None:
        """Unlink all accounts of the user. Raises Unavailable: then the user isn't to be erased."""
        for channel in self._by_name.values():
            await channel.erase(user)

    async def simulated(self) -> list[str]:
        """The labels of those that are, as in the demo."""
        return [channel.label for channel in self._by_name.values() if await channel.is_simulated()]

    async def close(self) -> None:
        for channel in self._by_name.values():
            await channel.close()


async def _keep_running(channel: Channel, database: Database) -> None:
    while True:
        try:
            return await channel.run(database)
        except Exception as error:
            _log.error("channel_failed", channel=channel.name, error=error)
            await asyncio.sleep(RUN_AGAIN_SECONDS)
