"""The presence of accounts: available and last seen, and who is told.

Stanzas as whatsmeow presence.go writes and reads them.
"""

import time

from exponential.loopback.server.directory import Account, Device, Directory
from exponential.protocol.binary import JID, Node, Value


class Presence:
    """An account is available while one of its devices says so and is connected."""

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
