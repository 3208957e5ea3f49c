"""What the server's rooms need of a client's connection, and of a phone."""

import asyncio
from typing import Protocol

from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.linking.registration import Registration
from exponential.protocol.binary import Node


class Connection(Protocol):
    """A client's connection. `device` is set once a linked device has logged in, `registration` while one is linked.

    `deaf`: nothing is heard or said on it any more. Bytes flow while `flowing` is set.
    """

    device: Device | None
    registration: Registration | None
    deaf: bool
    flowing: asyncio.Event

    def send(self, stanza: Node) -> None:
        """Queue a stanza; order is kept."""

    def send_bytes(self, content: bytes, *, damaged: bool = False) -> None:
        """Queue a sealed frame of any content; `damaged` flips a bit of it after sealing."""

    def end(self, stanza: Node) -> None:
        """Send a last stanza (stream error, failure) and hang up."""

    def close(self) -> None:
        """Hang up after what is queued has been written."""

    def drop(self) -> None:
        """Cut the TCP connection: nothing queued is written."""


class Phone(Protocol):
    """A simulated phone, as others' address books have it."""

    number: str
    name: str

    @property
    def account(self) -> Account: ...

    def refresh(self) -> None:
        """Let this phone's page show what has changed."""
