"""Ending asyncio tasks for certain.

A cancellation that reaches psycopg or SQLAlchemy while their connection breaks comes out as that connection's error. A
loop that survives errors then goes on, and whoever waits for its end waits for ever.
"""

import asyncio

CANCEL_AGAIN_SECONDS = (
    2.0  # seconds until a task that went on is cancelled once more; more than any task's clean-up takes
)


async def cancel_and_wait(*tasks: asyncio.Task[None], again: float = CANCEL_AGAIN_SECONDS) -> None:
    """Cancel `tasks` and return when all have ended; what they raise is nobody's concern any more."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)
