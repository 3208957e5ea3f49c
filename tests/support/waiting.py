"""Waiting for what must come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.01, 0.05  # between two looks


async def until(condition: Callable[[], Any] | Callable[[], Awaitable[Any]], within: float = 60) -> Any:
    """Wait for a condition, `within` seconds, and return what it answered.

    It is looked at less often as time goes by: each look takes processor time from what is waited for.
    """
    pause = FIRST_PAUSE_SECONDS
    async with asyncio.timeout(within):
        while True:
            answer = condition()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(pause)
            pause = min(1.2 * pause, MAX_PAUSE_SECONDS)
