"""Exponential backoff: pauses that grow, with jitter, between attempts at something that doesn't work."""

import asyncio
import math
import random


class Backoff:
    """Pauses of `first` seconds, then twice as long each time up to `longest`; each times a random factor between the
    two of `jitter`. A thread, or who has to say how long it will be, sleeps by itself for the seconds of `next`.
    """

    def __init__(self, first: float, longest: float = math.inf, *, jitter: tuple[float, float] = (0.8, 1.2)) -> None:
        self._first, self._longest, self._jitter = first, longest, jitter
        self._next = first

    @property
    def is_fresh(self) -> bool:
        """Whether there was no pause yet, or none since it last worked."""
        return self._next == self._first

    def next(self) -> float:
        """Seconds of the pause that is due now."""
        seconds, self._next = self._next, min(self._next * 2, self._longest)
        return seconds * random.uniform(*self._jitter)

    def reset(self) -> None:
        """It worked: begin again with the first pause."""
        self._next = self._first

    async def wait(self) -> None:
        await asyncio.sleep(self.next())
