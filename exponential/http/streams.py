"""Event streams that end with what opened them: a web session, an access token, a JWT."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential import log
from exponential.ending import end
from exponential.errors import Unauthorized

EVERY = 2.0  # seconds between two looks whether a stream's caller would still be let in
T = TypeVar("T")
Check = Callable[[], Awaitable[T]]
_CHECK = "check"  # in the request's state
_log = log.get(__name__)


async def admit(request: Request, check: Check[T]) -> T:
    """What `check` answers, who lets the request in or raises Unauthorized.

    A stream that this request opens goes on for as long as `check` would let it in again.
    """
    admitted = await check()
    setattr(request.state, _CHECK, check)
    return admitted


class StreamGuard:
    """ASGI middleware that ends an event stream within seconds of the moment from which its caller is refused."""

    def __init__(self, app: ASGIApp, *, every: float = EVERY) -> None:
        self._app = app
        self._every = every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        watching: list[asyncio.Task[None]] = []

        async def send_watched(message: Message) -> None:
            if _begins_stream(message) and _CHECK in state:
                watching.append(asyncio.create_task(self._until_refused(state[_CHECK], streaming)))
            await send(message)

        try:
            with anyio.CancelScope() as streaming:
                await self._app(scope, receive, send_watched)
        finally:
            await end(*watching)
        if streaming.cancelled_caught:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_refused(self, check: Check[object], streaming: anyio.CancelScope) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await check()
            except Unauthorized:
                return streaming.cancel()
            except Exception as error:  # the database may be away, and nobody was refused
                _log.warning("stream_not_checked", error=error)


def _begins_stream(message: Message) -> bool:
    if message["type"] != "http.response.start":
        return False
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
