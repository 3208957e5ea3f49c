"""A client's connection and a phone, as far as the server's handlers need them."""

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

    def send(self, stanza: Node) -> None: ...

    def send_bytes(self, content: bytes, *, damaged: bool = False) -> None: ...

    def end(self, stanza: Node) -> None: ...

    def close(self) -> None: ...

    def drop(self) -> None: ...


class Phone(Protocol):
    """A simulated phone, as others' address books have it."""

    number: str
    name: str

    @property
    def account(self) -> Account: ...

    def refresh(self) -> None: ...
