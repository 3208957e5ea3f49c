"""A client that waits to be linked: what it has told the server, and what has come of it."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.linking.passkey import Exchange
from exponential.protocol.binary import Node
from exponential.protocol.protobufs import ClientPayload


@dataclass
class Hello:
    """What a client that shows a pairing code has told the server; `finish` is its answer to the phone's hello."""

    account: Account
    wrapped_key: bytes
    ref: bytes = field(default_factory=lambda: secrets.token_urlsafe(24).encode())
    finish: asyncio.Future[Node] | None = None


@dataclass
class Registration:
    """A client that waits to be linked. `linked` is done when it has confirmed, or failed, or gone."""

    send: Callable[[Node], object]
    noise: bytes
    payload: ClientPayload
    refs: dict[str, float]  # when each expires, on the event loop's clock
    hello: Hello | None = None  # set while it shows a pairing code
    exchange: Exchange | None = None  # set when it was asked for a passkey
    retired: set[bytes] = field(default_factory=set)  # secrets that its codes must not have any more
    iq: str = ""
    account: Account | None = None
    key_index: int = 0
    phone_key: bytes = b""
    end: asyncio.TimerHandle | None = None
    linked: asyncio.Future[Device] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def keys(self) -> Any:
        """Its DevicePairingRegistrationData."""
        return self.payload.devicePairingData
