"""Pauses that grow, with jitter, between attempts at something that doesn't work."""

import asyncio
import random


class Backoff:
    """`wait` takes `first` seconds, then twice as long each time up to `longest`, a fifth more or less."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def reset(self) -> None:
        """It worked: begin again with the first pause."""
        self._next = self._first

    async def wait(self) -> None:
        seconds, self._next = self._next, min(self._next * 2, self._longest)
        await asyncio.sleep(seconds * random.uniform(0.8, 1.2))
