"""Files on their way to browsers: a few of each user at a time; what one holds is given back when it was sent."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID
from weakref import WeakValueDictionary

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from exponential.errors import Unavailable

AT_ONCE = 4  # of one user
ASKED = 100  # of one user, those that wait included; a page with many pictures asks for them all at once over HTTP/2
WAIT = 30.0  # seconds that one waits at most


class Download(StreamingResponse):
    """A file of `size` bytes. What it `holds` is closed when it has ended, however it does."""

    def __init__(
        self,
        pieces: Iterator[bytes] | AsyncIterator[memoryview],
        size: int,
        holds: AsyncExitStack,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(pieces, headers={"Content-Length": str(size), **headers})
        self._holds = holds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._holds:
            await super().__call__(scope, receive, send)


class Turns:
    """The turns that each user's downloads take."""

    def __init__(self, wait: float = WAIT) -> None:
        self._wait = wait
        self._asked = Counter[UUID]()
        self._places = WeakValueDictionary[UUID, asyncio.Semaphore]()

    @asynccontextmanager
    async def of(self, user_id: UUID) -> AsyncIterator[None]:
        """One of them. Raises Unavailable when it doesn't come in time, or too many are waited for."""
        place = self._places.setdefault(user_id, asyncio.Semaphore(AT_ONCE))
        if self._asked[user_id] >= ASKED:
            raise _busy()
        self._asked[user_id] += 1
        try:
            try:
                async with asyncio.timeout(self._wait):
                    await place.acquire()
            except TimeoutError:
                raise _busy() from None
            try:
                yield
            finally:
                place.release()
        finally:
            self._asked[user_id] -= 1
            if not self._asked[user_id]:
                del self._asked[user_id]


def _busy() -> Unavailable:
    return Unavailable(
        "Other files are on their way to you. Wait until they have arrived, then load this one again.",
        code="downloads_busy",
        retry_after=10,
    )
