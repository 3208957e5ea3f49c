"""Fair semaphore: whoever shares its slots gets one in turn, and waits no longer because somebody else wants much."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from weakref import WeakValueDictionary


class FairSemaphore:
    """A fair semaphore of `count` slots. Each key has one of them at most, or one place in the queue: whoever comes
    waits behind no more than one of each other key. A key is a user, or an address, for instance.
    """

    def __init__(self, count: int) -> None:
        self._all = asyncio.Semaphore(count)
        self._locks: MutableMapping[str, asyncio.Lock] = WeakValueDictionary()  # of those who wait or have a slot

    @contextlib.asynccontextmanager
    async def slot(self, key: str) -> AsyncIterator[None]:
        async with self._locks.setdefault(key, asyncio.Lock()), self._all:
            yield
