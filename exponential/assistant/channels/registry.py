"""The channels of this installation, found by their names. Which ones there are is said here."""

from collections.abc import Callable, Sequence
from typing import Any

from exponential.assistant.channels.base import Channel
from exponential.assistant.channels.terminal import Terminal
from exponential.assistant.channels.web import Web
from exponential.assistant.channels.whatsapp import WhatsApp
from exponential.auth.users import User
from exponential.core.errors import ExponentialError, Unavailable
from exponential.core.settings import AppSettings

CHANNELS: Sequence[Callable[[AppSettings], Channel]] = (WhatsApp.connect,)  # beside the web and the terminal


def connect(settings: AppSettings) -> "Channels":
    """All channels of an installation."""
    return Channels(*(make(settings) for make in CHANNELS))


class Channels:
    """`others` beside the web and the terminal, which are always there."""

    def __init__(self, *others: Channel) -> None:
        self._by_name = {channel.name: channel for channel in (Web(), Terminal(), *others)}

    def get(self, name: str) -> Channel:
        """Raises Unavailable for one that is not set up here, for it may be again."""
        if name not in self._by_name:
            raise Unavailable(f"The channel “{name}” is not set up here.", code="channel_not_set_up")
        return self._by_name[name]

    def has(self, name: str) -> bool:
        return name in self._by_name

    def label(self, name: str) -> str:
        """For people; "" of what isn't a channel here."""
        return self._by_name[name].label if name in self._by_name else ""

    def icon(self, name: str) -> str:
        return self._by_name[name].icon if name in self._by_name else Channel.icon

    def is_one_at_a_time(self, name: str) -> bool:
        return name in self._by_name and self._by_name[name].one_at_a_time

    async def accounts(self, user: User) -> list[tuple[Channel, str]]:
        """All accounts of the user's through which messages go out. Raises Unavailable."""
        return [(channel, account) for channel in self._by_name.values() for account in await channel.accounts(user)]

    async def reach(self, user: User) -> bool | None:
        """Whether what Paddy says unasked reaches the user outside the web; None when that isn't known now."""
        try:
            return bool(await self.accounts(user))
        except ExponentialError:
            return None

    async def export(self, user: User) -> dict[str, Sequence[Any]]:
        """What each channel keeps of a user, by its name."""
        return {name: kept for name, channel in self._by_name.items() if (kept := await channel.export(user))}

    async def erase(self, user: User) -> None:
        """Let go of all accounts of the user. Raises Unavailable: then nothing is to be erased."""
        for channel in self._by_name.values():
            await channel.erase(user)

    async def is_simulated(self) -> bool:
        """Whether one of them leads to no real people."""
        return any([await channel.is_simulated() for channel in self._by_name.values()])

    async def close(self) -> None:
        for channel in self._by_name.values():
            await channel.close()
