"""The delivery of stanzas to a connected device, in order, no faster than the device acknowledges it.

whatsmeow handles stanzas one by one from a queue of 2,048; when that is full, order is lost (client.go,
handlerQueueSize and handleFrame). WhatsApp doesn't let it come to that, nor do we.
"""

from collections import deque
from collections.abc import Callable

from exponential.loopback.server.directory import Device, Key, waiting_key
from exponential.protocol.binary import Node

MAX_UNDER_WAY_STANZAS = 500  # beyond it the client's queue has room for what nobody acknowledges
ACKNOWLEDGED = ("message", "receipt", "notification")  # whatsmeow receipt.go and notification.go: sendAck


class Delivery:
    """The way to a device for as long as its connection lasts. What waits for the device goes first, marked as such."""

    def __init__(self, device: Device, send: Callable[[Node], object]) -> None:
        waiting = device.waiting.values()
        self._device = device
        self._send = send
        self._unsent = deque(Node(stanza.tag, {**stanza.attrs, "offline": "0"}, stanza.content) for stanza in waiting)
        self._under_way: set[Key] = set()

    def put(self, stanza: Node) -> None:
        """Send `stanza` after all that was put before it."""
        self._unsent.append(stanza)
        self.go_on()

    def acknowledged(self, key: Key) -> None:
        """The device has the stanza of this `waiting_key`: another one may go."""
        self._under_way.discard(key)
        self.go_on()

    def go_on(self) -> None:
        """Send what there is room for."""
        while self._unsent and len(self._under_way) < MAX_UNDER_WAY_STANZAS:
            stanza = self._unsent.popleft()
            if stanza.tag in ACKNOWLEDGED:
                key = waiting_key(stanza)
                if key not in self._device.waiting:
                    continue  # acknowledged late, from before this connection
                self._under_way.add(key)
            self._send(stanza)
