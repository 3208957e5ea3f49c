"""What a channel is: a way in which people write to Paddy and are answered, such as a messenger or a web page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exponential.auth.users import User

OWN_CHAT = "own"  # instead of an address: the chat of an account with itself, as its channel knows it


@dataclass(frozen=True)
class Place:
    """A chat on a channel, in which one of a user's accounts there takes part.

    `account` and `address` are the channel's own names for the two: nobody else reads anything in them.
    """

    channel: str
    account: str
    address: str


@dataclass(frozen=True)
class Reply:
    """What Paddy says in one place: `texts`, as the channel's `render` cut them, each to be sent once under its key.

    `quoted`: the channel's id of the message to quote. `private`: it may go to nobody but the user.
    """

    user: User
    place: Place
    texts: Sequence[str]
    keys: Sequence[str]
    quoted: str | None
    private: bool


@dataclass(frozen=True)
class Sent:
    """The channel's id of the last message that it took, and when that left; `at` None: it waits, ask `sent_at`."""

    message_id: str
    at: datetime | None = None


class Channel:
    """What Paddy needs of a channel. Subclass it: what yours doesn't have stays as it is here.

    `name` is stored with each message; `label` and `icon` (one of templates/_icons.html) are for people.
    `one_at_a_time`: people wait for the answer to a message before they write the next one.

    Methods raise Unavailable where they are to be called again later, with the same arguments.
    """

    name: str
    label: str
    icon: str = "chat"
    one_at_a_time: bool = False

    def render(self, markdown: str) -> list[str]:
        """A reply as this channel shows it, in as many messages as it takes."""
        return [markdown]

    async def send(self, reply: Reply) -> Sent | None:
        """Send it, however often it is called, once. None: it can't go to this place, now or later."""
        return None

    async def sent_at(self, user: User, place: Place, message_id: str) -> datetime | None:
        """When a message left for this place; None while it waits."""
        return None

    async def typing(self, user: User, place: Place, on: bool) -> None:
        """Show, or hide, that an answer is being written. It is shown anew every few seconds."""

    async def read(self, user: User, place: Place, message_ids: Sequence[str]) -> None:
        """Tell who wrote these messages that they are read."""

    async def react(self, user: User, place: Place, message_id: str, emoji: str) -> bool:
        """Put an emoji to a message, or take it back (""). False where there are no reactions."""
        return False

    async def accounts(self, user: User) -> Sequence[str]:
        """The user's accounts through which a message would go out, now or soon, oldest first."""
        return ()

    async def own_places(self, user: User, account: str) -> Sequence[Place]:
        """Chats of this account, beside its OWN_CHAT, that are proved to be the user's; the best first."""
        return ()

    async def export(self, user: User) -> Sequence[Any]:
        """What the channel keeps of a user, as JSON; the reason, where that can't be told now."""
        return ()

    async def erase(self, user: User) -> None:
        """Let go of the user's accounts, before the user is erased. Raises Unavailable: then nothing is erased."""

    async def is_simulated(self) -> bool:
        """Whether it leads to no real people, as in the demo."""
        return False

    async def close(self) -> None:
        """Nothing is called after this."""
