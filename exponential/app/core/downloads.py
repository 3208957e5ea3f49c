"""Files and pages on their way out: a few of each user at a time; what one holds is given back when it was sent."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from weakref import WeakValueDictionary

import anyio
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from exponential.core.errors import Unavailable

MAX_CONCURRENT = 4  # of one user
MAX_WAITING = (
    100  # of one user, those that wait included; a page with many pictures asks for them all at once over HTTP/2
)
CHUNK_BYTES = 65_536  # that are sent at once


class Download(StreamingResponse):
    """A file or page of `size` bytes. What it `holds` is closed when it has ended, however it does."""

    def __init__(
        self,
        pieces: Iterator[bytes] | AsyncIterator[memoryview],
        size: int,
        holds: AsyncExitStack,
        headers: Mapping[str, str],
        status: int = 200,
    ) -> None:
        super().__init__(pieces, status, {"Content-Length": str(size), **headers})
        self._holds = holds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._holds:
            await super().__call__(scope, receive, send)


async def in_pieces(data: bytes) -> AsyncIterator[memoryview]:
    """So that no more is sent than was taken."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK_BYTES):
        yield view[start : start + CHUNK_BYTES]


class DownloadLimit:
    """The turns that each user's downloads, or pages, take."""

    def __init__(self) -> None:
        self._asked = Counter[Hashable]()
        self._places = WeakValueDictionary[Hashable, asyncio.Semaphore]()

    @asynccontextmanager
    async def of(self, user_id: Hashable, request: Request) -> AsyncIterator[None]:
        """One of them, however long it takes to come: those before it are taken at a fair pace or cut off
        (core/http/timeouts.py). Raises Unavailable when too many are waited for, ClientDisconnect when the client
        leaves."""
        place = self._places.setdefault(user_id, asyncio.Semaphore(MAX_CONCURRENT))
        if self._asked[user_id] >= MAX_WAITING:
            raise _busy()
        self._asked[user_id] += 1
        try:
            await _acquire(place, request)
            try:
                yield
            finally:
                place.release()
        finally:
            self._asked[user_id] -= 1
            if not self._asked[user_id]:
                del self._asked[user_id]


async def _acquire(place: asyncio.Semaphore, request: Request) -> None:
    with suppress(RuntimeError):  # a form was read to its end
        await request.body()  # behind it comes only that the client has left
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(_cancel_when_left, request, waiting.cancel_scope)
        await place.acquire()
        waiting.cancel_scope.cancel()
        return
    raise ClientDisconnect


async def _cancel_when_left(request: Request, scope: anyio.CancelScope) -> None:
    await request.receive()
    scope.cancel()


def _busy() -> Unavailable:
    return Unavailable(
        "Much else is on its way to you. Wait until it has arrived, then load this again.",
        code="downloads_busy",
        retry_after=10,
    )
