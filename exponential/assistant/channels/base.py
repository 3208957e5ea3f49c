"""What a channel is: a way in which people write to Paddy and are answered, such as a messenger or a web page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exponential.auth.users import User
from exponential.core.database import Database

OWN_CHAT = "own"  # an address of every channel: the account's chat with its owner, which the channel finds


@dataclass(frozen=True)
class Place:
    """A chat on a channel, reached through one of the user's accounts there.

    What `account` (up to 100 characters, stored in clear) and `address` (stored encrypted) mean is known to the channel
    alone; `address` may be OWN_CHAT.
    """

    channel: str
    account: str
    address: str


@dataclass(frozen=True)
class Reply:
    """What Paddy says in one place. `texts` are the messages that `render` made of it, `keys[i]` the idempotency key of
    `texts[i]`.

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
    """The channel's id of the last message that it took. `at`: when that was sent; None while it waits, which `sent_at`
    tells the end of."""

    message_id: str
    at: datetime | None = None


class Channel:
    """What Paddy needs of a channel. Subclass it and override what yours has.

    `name`, up to 16 characters, is stored with each message; `label` and `icon` (one of templates/_icons.html) are for
    people. `one_at_a_time`: people wait for the answer to a message before they write the next one.

    `send`, `sent_at`, `accounts`, `own_places` and `erase` raise Unavailable to be called again later, with the same
    arguments.
    """

    name: str
    label: str
    icon: str = "chat"
    one_at_a_time: bool = False

    async def run(self, database: Database) -> None:
        """Take in what people write, by `conversation.receive`, until this is cancelled. A channel whose messages come
        by a route needs none."""

    def render(self, markdown: str) -> list[str]:
        """A reply as this channel shows it, as one message or several."""
        return [markdown]

    async def send(self, reply: Reply) -> Sent | None:
        """Send a reply, but nothing twice under the same key. None: this place can't be reached, now or later."""
        return None

    async def sent_at(self, user: User, place: Place, message_id: str) -> datetime | None:
        """When a message left for this place; None while it waits."""
        return None

    async def typing(self, user: User, place: Place, on: bool) -> None:
        """Show, or hide, that Paddy is writing. It is shown anew every few seconds."""

    async def read(self, user: User, place: Place, message_ids: Sequence[str]) -> None:
        """Mark messages as read, for who wrote them."""

    async def react(self, user: User, place: Place, message_id: str, emoji: str) -> bool:
        """Put an emoji to a message, or take it back (""). False where there are no reactions."""
        return False

    async def accounts(self, user: User) -> Sequence[str]:
        """The user's accounts that can send, now or soon, oldest first."""
        return ()

    async def own_places(self, user: User, account: str) -> Sequence[Place]:
        """Chats of this account, beside its OWN_CHAT, that are proved to be the user's; the best first."""
        return ()

    async def export(self, user: User) -> Sequence[Any] | None:
        """What the channel keeps of a user, as JSON; if that can't be told now, why. None: it keeps nothing."""
        return None

    async def erase(self, user: User) -> None:
        """Unlink the user's accounts, before the user is erased. Raises Unavailable: then the user isn't."""

    async def is_simulated(self) -> bool:
        """Whether it is simulated, as in the demo, and reaches nobody."""
        return False

    async def close(self) -> None:
        """Release what it holds: the last call."""
