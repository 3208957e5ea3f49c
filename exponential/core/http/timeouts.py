"""How long a client may take to send a request. uvicorn waits for ever: one byte a minute would hold a connection."""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import anyio
import anyio.lowlevel
import h11
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from exponential.core.http.connections import ConnectionLimit
from exponential.core.http.request_limits import MAX_UNFINISHED_HEAD_BYTES, BoundedConnection

_REFUSAL = {"error": "The request came too slowly and was given up. Send it again.", "code": "request_timeout"}
_NO_HTTP = {"error": "This is no HTTP request that can be understood.", "code": "http_invalid"}


@dataclass(frozen=True)
class RequestTimeouts:
    """Seconds for a request's headers, and for its body: a body gets one more for every `bytes_per_second` that came,
    but never more than `longest` in all. (The rule is that of Apache's mod_reqtimeout.)

    And seconds for which an `answer` may wait for its client, who takes it at that pace or makes up for it later.
    """

    head: float = 20
    body: float = 20
    bytes_per_second: float = 5_000
    longest: float = 600  # the largest upload, 65 MB, takes 520 at 1 Mbit/s
    answer: float = 120

    def of_body(self, received: float) -> float:
        """How long one of which `received` bytes have come may take in all."""
        return min(self.body + received / self.bytes_per_second, self.longest)


class BodyTimeout:
    """ASGI middleware that answers 408 when a body doesn't come in time. Only waiting for the client counts."""

    def __init__(self, app: ASGIApp, timeouts: RequestTimeouts) -> None:
        self._app = app
        self._timeouts = timeouts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clock = asyncio.get_running_loop().time
        waited = received = 0.0
        complete = started = False

        async def receive_in_time() -> Message:
            nonlocal waited, received, complete
            if complete:
                return await receive()
            began = clock()
            try:
                async with asyncio.timeout(self._timeouts.of_body(received) - waited):
                    message = await receive()
            except TimeoutError:
                reading.cancel()
                await anyio.lowlevel.checkpoint()  # where the cancellation arrives
                return {"type": "http.disconnect"}
            waited += clock() - began
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            return message

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        with anyio.CancelScope() as reading:
            await self._app(scope, receive_in_time, send_noted)
        if reading.cancelled_caught and not started:
            await JSONResponse(_REFUSAL, 408, {"Connection": "close"})(scope, receive, send)


class TimeoutProtocol(H11Protocol):
    """uvicorn's HTTP, but a connection that waits for a request gets the rest of its headers in time, or 408.

    What is left of a body that was answered already counts like headers. Where the server has no `room` for all
    connections, those that were silent longest end.
    """

    conn: BoundedConnection

    def __init__(self, *args: Any, timeouts: RequestTimeouts, limit: ConnectionLimit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = BoundedConnection(h11.SERVER, MAX_UNFINISHED_HEAD_BYTES)
        self.heard_at = self.loop.time()
        self._timeouts = timeouts
        self._limit = limit
        self._waiting: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._left = timeouts.answer  # seconds that the client may still keep us waiting for it
        self._unread_since, self._taken = 0.0, 0  # the loop's time, bytes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._limit.most:
            self._limit.make(each for each in self.connections if isinstance(each, TimeoutProtocol))
        self._wait_unless_answering()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        super().data_received(data)

    def is_waited_for(self) -> bool:
        """Whether the client should send a request, or the rest of one, or take more of its answer."""
        return not self._is_answering() or self.cycle.more_body or self._unread is not None

    def abort(self) -> None:
        self.connections.discard(self)  # its end is heard of later, and others come at once
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._wait_until_taken()

    def resume_writing(self) -> None:
        self.heard_at = self.loop.time()
        self._count_taken()
        self._stop_unread()
        super().resume_writing()

    def _wait_until_taken(self) -> None:
        self._unread_since = self.loop.time()
        self._unread = self.loop.call_later(self._left, self._give_up_unless_taken)

    def _give_up_unless_taken(self) -> None:
        self._count_taken()
        if self._left > 0:
            self._wait_until_taken()
        else:
            self.transport.abort()

    def _count_taken(self) -> None:
        before, self._taken = self._taken, self.conn.sent - self.transport.get_write_buffer_size()
        earned = (self._taken - before) / self._timeouts.bytes_per_second
        waited = self.loop.time() - self._unread_since
        self._left = min(self._left + earned - waited, self._timeouts.answer)

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def handle_events(self) -> None:
        super().handle_events()
        if self._is_answering():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_unless_answering()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_unless_answering(self) -> None:
        self._stop_waiting()
        if not self._is_answering() and not self.transport.is_closing():
            self._waiting = self.loop.call_later(self._timeouts.head, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self._refuse(408, _REFUSAL)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, _NO_HTTP)

    def _refuse(self, status: int, refusal: dict[str, str]) -> None:
        """Answer, unless an answer has begun, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(refusal).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            answer = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if self._is_answering():  # to nobody any more
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
