"""Slots that lanes share in turn: nobody waits longer because somebody else wants much."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from weakref import WeakValueDictionary


class Slots:
    """A fair semaphore of `count` slots. Each lane has one of them at most, or one place in the queue: whoever comes
    waits behind no more than one of each other lane. A lane is a user, or an address, for instance.
    """

    def __init__(self, count: int) -> None:
        self._all = asyncio.Semaphore(count)
        self._lanes: MutableMapping[str, asyncio.Lock] = WeakValueDictionary()  # of those who wait or have a slot

    @contextlib.asynccontextmanager
    async def one(self, lane: str) -> AsyncIterator[None]:
        async with self._lanes.setdefault(lane, asyncio.Lock()), self._all:
            yield
