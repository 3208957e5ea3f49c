"""One connection to WhatsApp before login: a WebSocket, Noise, stanzas, and questions with their answers.

whatsmeow: socket/framesocket.go, client.go (handleFrame), request.go (sendIQ), receipt.go (sendAck), keepalive.go.
"""

import asyncio
import contextlib
import itertools
import random
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Literal

import httpx
from cryptography.exceptions import InvalidTag
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy

from exponential.core import log
from exponential.protocol.binary import SERVER, DecodeError, Node, Value, decode, encode
from exponential.protocol.frames import HEADER, FrameBuffer, framed
from exponential.protocol.keys import KeyPair
from exponential.protocol.noise import HandshakeError, Initiator

_log = log.get(__name__)
URL, ORIGIN = "wss://web.whatsapp.com/ws/chat", "https://web.whatsapp.com"  # whatsmeow socket/constants.go
HEADERS = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
USER_AGENT = "Go-http-client/1.1"  # what the client library's HTTP says
MAX_FRAME_BYTES = 1 << 24
HANDSHAKE_SECONDS = 20.0  # whatsmeow NoiseHandshakeResponseTimeout
ANSWER_SECONDS = 75.0  # whatsmeow defaultRequestTimeout
PING_SECONDS = 20.0, 30.0  # whatsmeow KeepAliveIntervalMin, KeepAliveIntervalMax


class Unreachable(Exception):
    """WhatsApp can't be reached, or the connection broke."""


class NotWhatsApp(Exception):
    """Whoever answers isn't WhatsApp; `str(error)` says why."""


class QueryFailed(Exception):
    """WhatsApp answered a question with an error, or not in time (code 0)."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(f"{code} {text}".strip())
        self.code = code


class Connection:
    """Made by `opened`."""

    def __init__(self, socket: ClientConnection, noise: Initiator, frames: FrameBuffer) -> None:
        self._socket = socket
        self._seal, self._open = noise.ciphers
        self._frames = frames
        first, second = secrets.token_bytes(2)
        self._ids = (f"{first}.{second}-{number}" for number in itertools.count(1))
        self._waiting: dict[str, asyncio.Future[Node]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, stanza: Node) -> None:
        """Raises Unreachable."""
        with _broken():
            await self._socket.send(framed(self._seal.encrypt(encode(stanza))))

    async def ask(self, xmlns: str, kind: Literal["get", "set"], *content: Node) -> Node:
        """The answer to an IQ. Raises QueryFailed, Unreachable."""
        id = next(self._ids)
        answer: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._waiting[id] = answer
        attrs: dict[str, Value] = {"id": id, "xmlns": xmlns, "type": kind, "to": SERVER}
        try:
            await self.send(Node("iq", attrs, list(content) or None))
            found = await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            raise QueryFailed(0) from None
        finally:
            self._waiting.pop(id, None)
        if found.text("type") == "error":
            error = found.child("error") or Node("error")
            code = error.text("code")
            raise QueryFailed(int(code) if code.isdecimal() else 0, error.text("text"))
        return found

    async def acknowledge(self, stanza: Node) -> None:
        """Tell WhatsApp that a notification has arrived."""
        attrs: dict[str, Value] = {"class": stanza.tag, "id": stanza.text("id"), "to": stanza.attrs.get("from", SERVER)}
        if "type" in stanza.attrs:
            attrs["type"] = stanza.text("type")
        await self.send(Node("ack", attrs))

    async def stanzas(self) -> AsyncIterator[Node]:
        """What WhatsApp says, without the answers to our questions, until it hangs up."""
        try:
            with contextlib.suppress(Unreachable):
                while True:
                    try:
                        stanza = decode(self._open.decrypt(await _frame(self._socket, self._frames)))
                    except (DecodeError, InvalidTag):
                        continue  # as whatsmeow does: the next one may be whole
                    waiting = self._waiting.get(stanza.text("id")) if stanza.tag in ("iq", "ack") else None
                    if waiting is None:
                        yield stanza
                    elif not waiting.done():
                        waiting.set_result(stanza)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(Unreachable())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside reading; it is ended with the connection, and ends it when it fails."""
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Unreachable:
            pass  # `stanzas` ends, too
        except Exception as error:
            _log.error("linking_step_failed", error=error)
            await self.hang_up()

    async def keep_alive(self) -> None:
        """Ask for a sign of life now and then."""
        while True:
            await asyncio.sleep(random.uniform(*PING_SECONDS))
            with contextlib.suppress(QueryFailed, Unreachable):
                await self.ask("w:p", "get")

    async def hang_up(self) -> None:
        """End the connection; `stanzas` ends then."""
        await self._socket.close()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()


@contextlib.asynccontextmanager
async def opened(
    static: KeyPair,
    payload: Callable[[], bytes],
    root: bytes,
    *,
    proxy: str | bool | None = True,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Connection]:
    """A connection on which a device has said hello. `root` is the key that WhatsApp's certificates go back to.

    Unless they are given, proxy and authorities are the environment's, as for the client library. Raises Unreachable,
    NotWhatsApp.
    """
    try:
        socket = await connect(
            URL,
            origin=ORIGIN,  # type: ignore[arg-type]
            additional_headers=HEADERS,
            user_agent_header=USER_AGENT,
            proxy=proxy,  # type: ignore[arg-type]
            ssl=tls or httpx.create_ssl_context(),
            compression=None,
            max_size=MAX_FRAME_BYTES,
            ping_interval=None,
        )
    except (OSError, TimeoutError, InvalidHandshake, InvalidProxy, ConnectionClosed, EOFError):
        raise Unreachable from None
    connection: Connection | None = None
    try:
        noise, frames = Initiator(), FrameBuffer()
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                with _broken():
                    await socket.send(HEADER + framed(noise.hello()))
                    answer = await _frame(socket, frames)
                    await socket.send(framed(noise.finish(answer, static, payload(), root=root, now=time.time())))
        except TimeoutError:
            raise Unreachable from None
        except HandshakeError as error:
            raise NotWhatsApp(str(error)) from None
        connection = Connection(socket, noise, frames)
        connection.run(connection.keep_alive())
        yield connection
    finally:
        await (connection or socket).close()


@contextlib.contextmanager
def _broken() -> Any:
    try:
        yield
    except (ConnectionClosed, OSError):
        raise Unreachable from None


async def _frame(socket: ClientConnection, frames: FrameBuffer) -> bytes:
    while (frame := frames.next()) is None:
        with _broken():
            data = await socket.recv()
        frames.feed(data if isinstance(data, bytes) else data.encode())
    return frame
