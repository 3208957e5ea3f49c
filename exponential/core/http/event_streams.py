"""Event streams: how many a process holds, whose ends for another, and that all end with what opened them: a web
session, an access token, a JWT.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.lowlevel
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential.core import log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.errors import Unauthorized, Unavailable
from exponential.core.http.connections import most_connections

CHECK_EVERY_SECONDS = 2.0  # between two looks whether a stream's caller would still be let in
MAX_STREAMS_PER_USER = 20  # streams of one user
RECONNECT_SECONDS = 60  # after which a page asks again whose stream ended for a newer one
T = TypeVar("T")
Check = Callable[[], Awaitable[T]]
_ADMISSION = "admission"  # in the request's state
_log = log.get(__name__)


@dataclass(frozen=True)
class _Admission:
    """Who was let in, by which cookie or token, and the check of it."""

    user: object
    proof: str
    check: Check[object]


async def admit(request: Request, proof: str, check: Check[T], user_of: Callable[[T], object]) -> T:
    """What `check` answers, who lets the request in by `proof` or raises Unauthorized; `user_of` says whose it then is.

    A stream that this request opens goes on for as long as `check` would let it in again.
    """
    admitted = await check()
    setattr(request.state, _ADMISSION, _Admission(user_of(admitted), proof, check))
    return admitted


class EventStream(StreamingResponse):
    """Server-sent events. `events` is closed as soon as nobody takes any more of them."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str | bytes]) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._events):
            await super().__call__(scope, receive, send)


class EventStreamLimit:
    """ASGI middleware that holds the open event streams of all users.

    A stream ends within seconds of the moment from which its caller is refused; who is let in is checked once for all
    streams of a cookie or token. Of one user's streams the oldest ends when there are more than `each`. It tells its
    page to come back in a while: coming at once, pages would end each other's streams for ever. (A tab that is shown
    again opens one at once.) All users' together are at most `most`, half of the connections that a process holds where
    it isn't given; then a new one gets 503.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        each: int = MAX_STREAMS_PER_USER,
        most: int | None = None,
        every: float = CHECK_EVERY_SECONDS,
    ) -> None:
        self._app = app
        self._each = each
        self._most = most or most_connections() // 2
        self._every = every
        self._open: dict[_Stream, _Admission] = {}  # the oldest first
        self._checking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        stream = _Stream()
        refused = False

        async def send_guarded(message: Message) -> None:
            nonlocal refused
            if _begins_stream(message) and _ADMISSION in state:
                refused = not self._begin(stream, state[_ADMISSION])
                if refused:
                    stream.scope.cancel()
                    await anyio.lowlevel.checkpoint()  # where the cancellation arrives
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                self._open.pop(stream, None)  # it ends by itself
            await send(message)

        try:
            with stream.scope:
                await self._app(scope, receive, send_guarded)
        finally:
            await self._forget(stream)
        if refused:
            await JSONResponse(_FULL.as_json(), _FULL.status, _FULL.headers)(scope, receive, send)
        elif stream.scope.cancelled_caught:
            await send({"type": "http.response.body", "body": stream.farewell, "more_body": False})

    def _begin(self, stream: "_Stream", admission: _Admission) -> bool:
        """Whether there is room for it, if need be that of the user's oldest."""
        own = [each for each, of in self._open.items() if of.user == admission.user]
        if len(own) >= self._each:
            self._end(own[0], b"retry: %d\n\n" % (RECONNECT_SECONDS * 1000))
        elif len(self._open) >= self._most:
            return False
        self._open[stream] = admission
        if len(self._open) == self._most:
            _log.warning("streams_full", most=self._most)
        if self._checking is None:
            self._checking = asyncio.create_task(self._check())
        return True

    def _end(self, stream: "_Stream", farewell: bytes = b"") -> None:
        self._open.pop(stream, None)
        stream.farewell = farewell
        stream.scope.cancel()

    async def _forget(self, stream: "_Stream") -> None:
        self._open.pop(stream, None)
        if not self._open and self._checking is not None:
            checking, self._checking = self._checking, None
            await cancel_and_wait(checking)

    async def _check(self) -> None:
        """For ever, one after another, so that however many are open, this holds one connection to the database."""
        while True:
            await asyncio.sleep(self._every)
            for proof, check in {of.proof: of.check for of in self._open.values()}.items():
                try:
                    await check()
                except Unauthorized:
                    for stream in [each for each, of in self._open.items() if of.proof == proof]:
                        self._end(stream)
                except Exception as error:  # the database may be away, and nobody was refused
                    _log.warning("stream_not_checked", error=error)


class _Stream:
    """A request that may open a stream; `farewell` is sent last when `scope` is cancelled."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.farewell = b""


_FULL = Unavailable(
    "Too many pages and programs follow live updates here right now. Try again in a minute.",
    code="streams_full",
    retry_after=RECONNECT_SECONDS,
)


def _begins_stream(message: Message) -> bool:
    if message["type"] != "http.response.start":
        return False
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
