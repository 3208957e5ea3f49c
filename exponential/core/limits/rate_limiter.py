"""Rate limiter: sliding windows in memory, by the clock that is given; a new process begins anew."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class SlidingWindow(Generic[K]):
    """How much was counted of each key within the last `seconds`."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._counted: defaultdict[K, deque[tuple[float, int]]] = defaultdict(deque)  # when, and how much
        self._totals: defaultdict[K, int] = defaultdict(int)

    def total(self, key: K) -> int:
        if key not in self._counted:
            return 0
        counted, now = self._counted[key], self._clock()
        while counted and now - counted[0][0] >= self._seconds:
            self._totals[key] -= counted.popleft()[1]
        if not counted:
            self.forget(key)
            return 0
        return self._totals[key]

    def count(self, key: K, amount: int = 1) -> None:
        self._counted[key].append((self._clock(), amount))
        self._totals[key] += amount

    def rest(self, key: K) -> float:
        """Seconds until the oldest that was counted of `key`, of which there is some, counts no more."""
        return self._counted[key][0][0] + self._seconds - self._clock()

    def forget(self, key: K) -> None:
        self._counted.pop(key, None)
        self._totals.pop(key, None)
