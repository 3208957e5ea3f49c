"""One client's connection: Noise handshake, login or registration, then stanzas in both directions.

Connection states and stanzas: whatsmeow client.go, handshake.go, connectionevents.go.
"""

import asyncio
import contextlib

from cryptography.exceptions import InvalidTag
from google.protobuf.message import DecodeError as ProtobufError
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from exponential.loopback.server import routing
from exponential.loopback.server.delivery import Delivery
from exponential.loopback.server.directory import Device, waiting_key
from exponential.loopback.server.iq import dispatch
from exponential.loopback.server.linking import qr_code
from exponential.loopback.server.linking.registration import Registration
from exponential.loopback.server.network.wire_log import Direction
from exponential.loopback.server.registers import Registers
from exponential.loopback.server.stream_errors import stream_error
from exponential.protocol.binary import JID, USER_SERVER, DecodeError, Node, decode, encode
from exponential.protocol.frames import HEADER, FrameBuffer, framed
from exponential.protocol.noise import Cipher, Responder
from exponential.protocol.protobufs import ClientPayload

LAST_WORD_SECONDS = 3.0


class Connection:
    """A socket that speaks Noise. `device` is set once a linked device has logged in on it."""

    def __init__(self, server: Registers, socket: ServerConnection) -> None:
        self.server = server
        self.device: Device | None = None
        self.registration: Registration | None = None
        self.deaf = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._socket = socket
        self._buffer = FrameBuffer()
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unsaved = False  # something waits in `_outgoing` that the server's state may not tell of yet
        self._seal: Cipher

    async def run(self) -> None:
        """Serve until either side hangs up."""
        writer = asyncio.create_task(self._write())
        try:
            await self._serve()
        except (ConnectionClosed, InvalidTag, DecodeError, ProtobufError):
            pass
        finally:
            self._leave()
            self.flowing.set()
            self.close()
            with contextlib.suppress(ConnectionClosed):
                await writer
            await self._socket.close()

    async def _serve(self) -> None:
        expired, now = self.server.faults.expired_certificate, int(self.server.timestamp())
        certificate = self.server.authority.certificate(self.server.static.public, now, expired=expired)
        responder = Responder(self.server.static, certificate)
        self._outgoing.put_nowait(framed(responder.hello(await self._frame(first=True))))
        session = responder.session or responder.finish(await self._frame())
        self._open, self._seal = session.receive, session.send
        self._enter(session.static, ClientPayload.FromString(session.payload))
        while True:
            frame = await self._frame()
            await self.flowing.wait()
            stanza = decode(self._open.decrypt(frame))
            if self.deaf:
                continue
            self._log("in", stanza)
            self._handle(stanza)

    def send(self, stanza: Node) -> None:
        """Queue a stanza; order is kept."""
        if self.deaf:
            return
        self._log("out", stanza)
        self.send_bytes(encode(stanza))

    def send_bytes(self, content: bytes, *, damaged: bool = False) -> None:
        """Queue a sealed frame of any content; `damaged` flips a bit of it after sealing."""
        self._unsaved = True
        sealed = self._seal.encrypt(content)
        self._outgoing.put_nowait(framed(sealed[:-1] + bytes((sealed[-1] ^ 1,)) if damaged else sealed))

    def close(self) -> None:
        """Hang up after what is queued has been written."""
        self._outgoing.put_nowait(None)

    def drop(self) -> None:
        """Cut the TCP connection, as a network does: nothing queued is written."""
        self._socket.transport.abort()
        self.flowing.set()

    def end(self, stanza: Node) -> None:
        """Send a last stanza (stream error, failure) and hang up, at once or after a while: `Faults.hang_up`."""
        self.send(stanza)
        self._leave()
        if self.server.faults.hangs_up == "after_stream_end":
            self.send(Node("xmlstreamend"))
        self.server.loop.call_later(LAST_WORD_SECONDS if self.server.faults.hangs_up == "later" else 0, self.close)

    def _log(self, direction: Direction, stanza: Node) -> None:
        self.server.wire.add(direction, str(self.device.jid) if self.device else "unlinked", stanza)

    async def _write(self) -> None:
        while (data := await self._outgoing.get()) is not None:
            await self.flowing.wait()
            if self._unsaved:
                self._unsaved = False
                self.server.save()
            await self._socket.send(data)
        if self.server.faults.hangs_up == "later":
            await self._socket.close()
        else:
            self._socket.transport.close()

    async def _frame(self, *, first: bool = False) -> bytes:
        """The next frame."""
        if first:
            while (header := self._buffer.take(len(HEADER))) is None:
                await self._receive()
            if header != HEADER:
                raise DecodeError("the client didn't open with WA 6 3")
        while (frame := self._buffer.next()) is None:
            await self._receive()
        return frame

    async def _receive(self) -> None:
        data = await self._socket.recv()
        self._buffer.feed(data if isinstance(data, bytes) else data.encode())

    def _enter(self, static: bytes, payload: ClientPayload) -> None:
        if payload.HasField("devicePairingData"):
            refusal = self.server.faults.refusal(None)
            if refusal:
                self.end(refusal)
                return
            self.registration = qr_code.begin(self.server, self, static, payload)
            return
        device = self.server.directory.device(JID(str(payload.username), USER_SERVER, payload.device))
        if device is None or device.noise != static:
            # 401 on connect means logged out (whatsmeow types/events: ConnectFailureLoggedOut).
            self.end(Node("failure", {"reason": "401", "location": "loopback"}))
            return
        refusal = self.server.faults.refusal(device)
        if refusal:
            self.end(refusal)
            return
        self._login(device)

    def _login(self, device: Device) -> None:
        other = self.server.connections.get(id(device))
        if other:
            other.end(stream_error(409))
        self.device = device
        self.server.connections[id(device)] = self
        self.send(Node("success", {"t": self.server.timestamp(), "lid": device.lid}))
        count = str(len(device.waiting))
        kinds = {"appdata": "0", "notification": "0", "receipt": "0"}
        self.send(Node("ib", {}, [Node("offline_preview", {"count": count, "message": count, **kinds})]))
        delivery = Delivery(device, self._deliver)
        device.deliver, device.progress = delivery.put, delivery.acknowledged
        delivery.put(Node("ib", {}, [Node("offline", {"count": count})]))

    def _deliver(self, stanza: Node) -> None:
        if stanza.tag == "ib" or "offline" in stanza.attrs:
            self.send(stanza)
        else:
            self.server.faults.deliver(self, stanza)

    def _leave(self) -> None:
        if self.device and self.server.connections.get(id(self.device)) is self:
            del self.server.connections[id(self.device)]
            self.device.deliver = self.device.progress = None
            self.server.presence.left(self.device)
        self.device = None
        if self.registration:
            qr_code.abandon(self.server, self.registration)
            self.registration = None

    def _handle(self, stanza: Node) -> None:
        if stanza.tag == "iq":
            dispatch.handle(self.server, self, stanza)
        elif self.device is None:
            return
        elif stanza.tag == "message":
            self.send(routing.message(self.server, self.device, stanza))
        elif stanza.tag == "receipt":
            self.send(routing.receipt(self.server, self.device, stanza))
        elif stanza.tag == "ack":
            named = {"id": stanza.text("id"), "type": stanza.text("type"), "from": stanza.text("to")}
            self.device.acknowledged(waiting_key(Node(stanza.text("class"), {**named})))
        elif stanza.tag in ("chatstate", "presence"):
            routing.presence(self.server, self.device, stanza)
