"""A phone's end-to-end encryption with other devices: `enc` nodes of stanzas, and asking again for what didn't open."""

from collections import Counter

from exponential.loopback.phones.signal import SessionBook, pad, unpad
from exponential.loopback.server.directory import Device
from exponential.protocol.binary import Node
from exponential.protocol.protobufs import Message


class Encryption:
    """`keys` are the phone's own; `book` has its sessions with other devices."""

    def __init__(self, book: SessionBook) -> None:
        self.keys = book.keys
        self.book = book
        self._asked_for = Counter[str]()  # messages that didn't open, by id

    def seal(self, device: Device, message: Message, *, count: int = 0) -> Node:
        """Encrypt for one device; `count` tells that it asked again. Begins a session where there is none."""
        if not self.book.has(peer(device)):
            self.book.begin(peer(device), device.take_bundle())
        kind, data = self.book.encrypt(peer(device), pad(message.SerializeToString()))
        return Node("enc", {"v": "2", "type": kind, **({"count": str(count)} if count else {})}, data)

    def open(self, device: Device, enc: Node) -> Message:
        """Decrypt what a device has sealed. Raises SignalError, and protobuf's DecodeError for what isn't a message."""
        return Message.FromString(unpad(self.book.decrypt(peer(device), enc.text("type"), enc.data())))

    def forget(self, device: Device) -> None:
        """End the session: the next message begins another."""
        self.book.forget(peer(device))

    def retry(self, stanza: Node) -> Node:
        """What asks for a message again, with the attributes that whatsmeow reads: retry.go. From the second time on it
        begins a new session."""
        self._asked_for[stanza.text("id")] += 1
        count = str(self._asked_for[stanza.text("id")])
        return Node("retry", {"count": count, "id": stanza.text("id"), "t": stanza.text("t"), "v": "1"})


def peer(device: Device) -> str:
    """How the other side of a session is called."""
    return str(device.lid)
