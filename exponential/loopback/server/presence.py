"""Who is there, and who is told: available and last seen, on the server's side and on a phone's.

Stanzas as whatsmeow presence.go writes and reads them.
"""

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from exponential.loopback.server.directory import Account, Device, Directory
from exponential.protocol.binary import JID, Node, Value

if TYPE_CHECKING:
    from exponential.loopback.phones.phone import Phone
    from exponential.loopback.server.server import Loopback


class Presence:
    """The server's part. An account is available while one of its devices says so and is connected."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._available: dict[str, set[int]] = {}  # number → ids of devices
        self._watchers: dict[str, dict[int, tuple[Device, JID]]] = {}  # number → who is told, by the address they used

    def heard(self, device: Device, stanza: Node) -> None:
        """A device says that it is there, or not, or whom it wants to watch."""
        kind, to = stanza.text("type"), stanza.jid("to")
        if kind == "subscribe":
            if to:
                self.watch(device, to)
            return
        device.account.push_name = stanza.text("name") or device.account.push_name
        self.set(device, kind != "unavailable")

    def set(self, device: Device, available: bool) -> None:
        """Tell those who watch when this makes a difference to the account."""
        account = device.account
        there = self._available.setdefault(account.number, set())
        before = bool(there)
        (there.add if available else there.discard)(device.id)
        if before == bool(there):
            return
        if before:
            account.last_seen = int(time.time())
        for watcher, address in list(self._watchers.get(account.number, {}).values()):
            self._tell(watcher, address, account)

    def watch(self, device: Device, address: JID) -> None:
        """Tell `device`, now and at each change until it hangs up, whether this account is there."""
        account = self._directory.account(address)
        if account:
            self._watchers.setdefault(account.number, {})[id(device)] = device, address.bare
            self._tell(device, address.bare, account)

    def left(self, device: Device) -> None:
        """The device hung up: it is not there, and watches nobody."""
        for watchers in self._watchers.values():
            watchers.pop(id(device), None)
        self.set(device, False)

    def _tell(self, device: Device, address: JID, account: Account) -> None:
        # Only who is there themselves is told (whatsmeow presence.go, SubscribePresence).
        if device.deliver is None or device.id not in self._available.get(device.account.number, ()):
            return
        attrs: dict[str, Value] = {"from": address}
        if not self._available.get(account.number):
            attrs["type"] = "unavailable"
            if account.last_seen:
                attrs["last"] = str(account.last_seen)
        device.deliver(Node("presence", attrs))


class Seen(NamedTuple):
    """What a phone shows below a contact's name. `last` is Unix time, None when they are there or never were."""

    available: bool
    last: int | None = None


class Watching(ABC):
    """The part of a phone that shows who is there. Chats are named as in `Phone`."""

    _server: "Loopback"
    _device: Device

    def __init__(self) -> None:
        self.presence: dict[str, Seen] = {}  # number → what was told since `watch`
        self.recording: set[str] = set()  # numbers that are recording a voice note

    @abstractmethod
    def _find(self, who: "Phone | str") -> Account: ...

    def appear(self, on: bool = True) -> None:
        """Open WhatsApp, or put it away: others see "online", or when this phone was last seen."""
        self._server.presence.set(self._device, on)

    def watch(self, chat: "Phone | str") -> None:
        """Open a chat to see in `presence` when the other side is there. Nothing is told while this phone isn't."""
        self._server.presence.watch(self._device, self._find(chat).lid)

    def _read_presence(self, stanza: Node) -> None:
        source = stanza.jid("from")
        account = self._server.directory.account(source) if source else None
        if account:
            last = stanza.text("last")
            self.presence[f"+{account.number}"] = Seen(
                stanza.text("type") != "unavailable", int(last) if last else None
            )
