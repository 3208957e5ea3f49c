"""Per-key async work queue: one task at a time per key, keys independent of each other, and no wake-up ever missed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from exponential.core import log
from exponential.core.cancellation import cancel_and_wait

K = TypeVar("K")
_log = log.get(__name__)
RETRY_SECONDS = 1.0  # after work raised (a database that is away, say)


class KeyedQueue(Generic[K]):
    """`work(key, poked)` runs until its key has nothing left to do; `poke(key)` makes it look (again).

    `poked` is set by every poke, so that work which waits for a retry can be woken. Work that raises runs again later.
    """

    def __init__(self, name: str, work: Callable[[K, asyncio.Event], Awaitable[None]]) -> None:
        self._name = name
        self._work = work
        self._running: dict[K, tuple[asyncio.Task[None], asyncio.Event]] = {}

    def poke(self, key: K) -> None:
        running = self._running.get(key)
        if running is None:
            poked = asyncio.Event()
            poked.set()
            self._running[key] = (asyncio.create_task(self._run(key, poked), name=f"{self._name} queue"), poked)
        else:
            running[1].set()

    @property
    def running(self) -> list[K]:
        """The keys whose work isn't done."""
        return list(self._running)

    async def drop(self, key: K) -> None:
        """Stop a key's work at once, whatever it waits for."""
        running = self._running.pop(key, None)
        if running is not None:
            await cancel_and_wait(running[0])

    async def close(self) -> None:
        for key in self.running:
            await self.drop(key)

    async def _run(self, key: K, poked: asyncio.Event) -> None:
        while poked.is_set():
            poked.clear()
            try:
                await self._work(key, poked)
            except Exception as error:
                _log.warning("queue_failed", queue=self._name, error=error)
                await asyncio.sleep(RETRY_SECONDS)
                poked.set()
        if self._running.get(key, (None, None))[1] is poked:
            del self._running[key]
