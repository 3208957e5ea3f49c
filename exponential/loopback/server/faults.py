"""What can be broken on purpose: connections, deliveries, logins, the certificate. `whatsapp.faults` is one of these.

Every method takes a linked device, or breaks things for all of them. What was never acknowledged waits on the server
whatever happens here, and goes out again at the next login.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from exponential.loopback.server.directory import Device
from exponential.loopback.server.interfaces import Connection
from exponential.loopback.server.linking.passkey import SpoiledPasskey
from exponential.loopback.server.stream_errors import stream_error
from exponential.protocol.binary import Node

FaultName = Literal[
    "drop",
    "stall",
    "deafen",
    "garbage",
    "stream_error",
    "refuse",
    "hang_up",
    "disturb",
    "set_clock",
    "expire_certificate",
    "withhold",
    "spoil_passkey",
    "refresh_registration",
    "clear",
]
HangUp = Literal["later", "at_once", "after_stream_end"]
NONSENSE = b"\x00\xf8\xff\xee\xdd"  # uncompressed, a list of 255 items, then no token that exists


@dataclass
class _Refusal:
    device: Device | None
    stanza: Node
    times: int


@dataclass
class _Withholding:
    device: Device | None
    times: int


@dataclass
class _Disturbance:
    device: Device | None
    delay: float
    copies: int
    backwards: int
    held: list[tuple[Connection, Node]] = field(default_factory=list)

    def take(self, connection: Connection, stanza: Node) -> None:
        self.held.append((connection, stanza))
        if len(self.held) >= self.backwards:
            self.release()

    def release(self) -> None:
        held, self.held = self.held, []
        for connection, stanza in reversed(held):
            for _ in range(self.copies):
                asyncio.get_running_loop().call_later(self.delay, _send, connection, stanza)


class Faults:
    """`expired_certificate`: while true, every handshake shows a Noise certificate that has run out.

    `clock_skew`: how many seconds the server's clock is ahead of everybody else's; see `set_clock`.
    `hangs_up`: how a connection ends after the server's last word; see `hang_up`.
    `spoiled_passkey`: how confirming with a passkey fails; see `spoil_passkey`.

    What breaks a connection raises LookupError when the device has none.
    """

    def __init__(self, connections: Mapping[int, Connection]) -> None:
        self.expired_certificate = False
        self.clock_skew = 0.0
        self.hangs_up: HangUp = "later"
        self.spoiled_passkey: SpoiledPasskey | None = None
        self.refreshes = 0  # scans that are refused until the code has another secret
        self._connected = connections
        self._refusals: list[_Refusal] = []
        self._disturbances: list[_Disturbance] = []
        self._withholdings: list[_Withholding] = []

    def drop(self, device: Device | None = None) -> None:
        """Cut the TCP connection."""
        for connection in self._connections(device):
            connection.drop()

    def stall(self, seconds: float, device: Device | None = None) -> None:
        """Bytes stop both ways for `seconds`, then flow on: nothing is lost, all of it is late."""
        for connection in self._connections(device):
            connection.flowing.clear()
            asyncio.get_running_loop().call_later(seconds, connection.flowing.set)

    def deafen(self, device: Device | None = None) -> None:
        """The connection stays open and nothing is heard or said on it any more, not even the answer to a keepalive."""
        for connection in self._connections(device):
            connection.deaf = True

    def garbage(self, device: Device | None = None) -> None:
        """Send a frame whose content is no stanza, and one that was damaged on its way.

        The client counts both for its nonces and goes on (whatsmeow client.go handleFrame, socket/noisesocket.go).
        """
        for connection in self._connections(device):
            connection.send_bytes(NONSENSE)
            connection.send_bytes(NONSENSE, damaged=True)

    def stream_error(self, code: int, device: Device | None = None) -> None:
        """End the connection with a stream error: see stream_errors.py. The account keeps the device, even with 401."""
        for connection in self._connections(device):
            connection.end(stream_error(code))

    def refuse(self, reason: int, device: Device | None = None, *, times: int = 1, **attributes: str) -> None:
        """Answer the next `times` logins with `<failure reason=…>`; without a device, linking as well.

        Reasons: whatsmeow types/events, ConnectFailureReason; 401 logged out, 402 banned for a time (attributes
        `code` and `expire` in seconds), 403 locked, 405 outdated, 406 banned, 500 and 503 come back later.
        """
        stanza = Node("failure", {"reason": str(reason), "location": "loopback", **attributes})
        self._refusals.append(_Refusal(device, stanza, times))

    def hang_up(self, *, stream_end: bool = False) -> None:
        """From now on hang up in the same moment as the last word (stream error, failure) is said, as WhatsApp does.

        With `stream_end` the stream is ended first. Without this fault the client has three seconds to hang up itself.
        """
        self.hangs_up = "after_stream_end" if stream_end else "at_once"

    def disturb(self, device: Device | None = None, *, delay: float = 0, copies: int = 1, backwards: int = 1) -> None:
        """From now on deliveries come `delay` seconds late, `copies` times, in groups of `backwards` last one first.

        Answers to the client's own requests are not touched, nor what is sent at login.
        """
        self._disturbances.append(_Disturbance(device, delay, copies, backwards))

    def withhold(self, device: Device | None = None, *, times: int = 1) -> None:
        """The next `times` messages reach linked devices as "unavailable": only the phone has them. Not in groups."""
        self._withholdings.append(_Withholding(device, times))

    def spoil_passkey(self, how: SpoiledPasskey) -> None:
        """From now on passkeys fail: the server knows another key, finds the challenge stale, refuses, or is silent."""
        self.spoiled_passkey = how

    def refresh_registration(self, times: int = 1) -> None:
        """The next `times` scans link nothing: the client is told to put another secret into its code first, as
        WhatsApp does with some accounts since July 2026."""
        self.refreshes = times

    def set_clock(self, ahead: float) -> None:
        """From now on the server's clock is `ahead` of everybody else's by so many seconds, or behind when negative.

        So is what it dates: logins, messages, receipts, changes of groups, and its Noise certificate. More than an
        hour ahead or a day behind, clients refuse the certificate at their next login.
        """
        self.clock_skew = ahead

    def expire_certificate(self, on: bool = True) -> None:
        """Show a Noise certificate that has run out at every handshake from now on."""
        self.expired_certificate = on

    def clear(self) -> None:
        """Break nothing more: what is held goes out, what is stalled flows, the clock is right, a deaf line is cut."""
        self.expired_certificate = False
        self.clock_skew = 0.0
        self.hangs_up = "later"
        self.spoiled_passkey = None
        self.refreshes = 0
        self._refusals.clear()
        for disturbance in self._disturbances:
            disturbance.release()
        self._disturbances.clear()
        self._withholdings.clear()
        for connection in list(self._connected.values()):
            connection.flowing.set()
            if connection.deaf:
                connection.drop()

    def refusal(self, device: Device | None) -> Node | None:
        """What to tell this device, or a client that wants to be linked, instead of welcoming it."""
        for refusal in self._refusals:
            if (refusal.device is None or refusal.device is device) and refusal.times > 0:
                refusal.times -= 1
                return refusal.stanza
        return None

    def withholds(self, device: Device) -> bool:
        """Whether a message for this device is kept from it."""
        for withholding in self._withholdings:
            if device.id and withholding.device in (None, device) and withholding.times > 0:
                withholding.times -= 1
                return True
        return False

    def deliver(self, connection: Connection, stanza: Node) -> None:
        """Send a delivery the way it is disturbed at the moment."""
        for disturbance in self._disturbances:
            if disturbance.device is None or disturbance.device is connection.device:
                disturbance.take(connection, stanza)
                return
        connection.send(stanza)

    def _connections(self, device: Device | None) -> list[Connection]:
        if device is None:
            return list(self._connected.values())
        connection = self._connected.get(id(device))
        if connection is None:
            raise LookupError(f"{device.jid} is not connected")
        return [connection]


def _send(connection: Connection, stanza: Node) -> None:
    if connection.device:
        connection.send(stanza)
