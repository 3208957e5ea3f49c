"""Condition variable per key, for the stanza gate: nobody is woken for what concerns another."""

import threading
from collections.abc import Hashable


class KeyedCondition:
    """Like threading.Condition on this lock, which must be held for every call."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._conditions: dict[Hashable, threading.Condition] = {}
        self._waiting: dict[Hashable, int] = {}

    def wait(self, key: Hashable, timeout: float | None = None) -> bool:
        """Give up the lock until `key` is notified, or for so many seconds; whether it was."""
        condition = self._conditions.setdefault(key, threading.Condition(self._lock))
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            return condition.wait(timeout)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._conditions[key]

    def notify(self, key: Hashable) -> None:
        """Wake all who wait for this key."""
        if key in self._conditions:
            self._conditions[key].notify_all()

    def notify_all(self) -> None:
        """Wake all who wait."""
        for condition in self._conditions.values():
            condition.notify_all()
