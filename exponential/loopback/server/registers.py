"""The registers of one simulated WhatsApp, with its faults and its clock: what handlers share, and are passed."""

import asyncio
import itertools
import time
from collections.abc import Sequence

from exponential.loopback.server.directory import Device, Directory, Group
from exponential.loopback.server.faults import Faults
from exponential.loopback.server.interfaces import Connection, Phone
from exponential.loopback.server.linking.registration import Registration
from exponential.loopback.server.media_host import MediaHost
from exponential.loopback.server.network.certificate_authority import Authority
from exponential.loopback.server.network.wire_log import WireLog
from exponential.loopback.server.presence import Presence
from exponential.protocol.binary import JID
from exponential.protocol.keys import KeyPair


class Registers:
    """They are made in the event loop that serves them.

    `connections` are those of linked devices, by `id()` of the device; `registrations` go by each code's reference.
    `authority` and `static` are what the server proves itself with in the Noise handshake.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.authority = Authority()
        self.static = KeyPair()
        self.directory = Directory()
        self.groups: dict[JID, Group] = {}
        self.phones: Sequence[Phone] = []
        self.connections: dict[int, Connection] = {}
        self.registrations: dict[str, Registration] = {}
        self.presence = Presence(self.directory)
        self.media = MediaHost()
        self.wire = WireLog()
        self.faults = Faults(self.connections)
        self.code_clock = 1.0  # how many times faster linking codes expire than WhatsApp's
        self._ids = itertools.count(1)

    def save(self) -> None:
        """Keep what has changed, before anything leaves the server. Registers alone are forgotten."""

    def next_id(self) -> str:
        return f"loopback-{next(self._ids)}"

    def timestamp(self) -> str:
        """Now, by the server's clock (`faults.set_clock`), as stanzas tell it: whole seconds since 1970."""
        return str(int(time.time() + self.faults.clock_skew))

    def connection(self, device: Device) -> Connection | None:
        """The live connection of a linked device."""
        return self.connections.get(id(device))

    def refresh_phones(self) -> None:
        """Let the phones' pages show what has changed."""
        for phone in self.phones:
            phone.refresh()
