"""Who wants a running turn to stop: told by NOTIFY to the process that runs it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database

CHANNEL = "stop"  # NOTIFY channel; payload: the id of the chat whose turn is to stop
LOOK_AGAIN_SECONDS = 1.0  # whether a turn is to stop, after the database could not tell


class StopRequests:
    """One LISTEN connection of a process, for all turns that it runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Listen until this is cancelled."""
        async with aclosing(self._database.follow(CHANNEL)) as notices:
            async for notice in notices:
                chats = list(self._waiting) if notice is None else [UUID(notice[1])]
                for event in [event for chat_id in chats for event in self._waiting.get(chat_id, ())]:
                    event.set()

    @contextmanager
    def of(self, chat_id: UUID) -> Iterator[asyncio.Event]:
        """Inside the block, set whenever a turn of this chat may have been asked to stop."""
        asked = asyncio.Event()
        self._waiting.setdefault(chat_id, set()).add(asked)
        try:
            yield asked
        finally:
            self._waiting[chat_id].discard(asked)
            if not self._waiting[chat_id]:
                del self._waiting[chat_id]


async def run_unless_asked(
    work: Coroutine[Any, Any, None],
    stop: asyncio.Event,
    database: Database,
    look: Callable[[AsyncSession, UUID], Awaitable[bool]],
    what: UUID,
) -> bool:
    """Do `work`, and raise what it raises, unless the user wants it stopped before: the turn, or the chat's before it
    has begun, as `look` says of `what` whenever `stop` is set. Whether it was done."""
    running, asked = asyncio.create_task(work), asyncio.create_task(_asked(stop, database, look, what))
    try:
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
            return True
    finally:
        await cancel_and_wait(running, asked)
    return not running.cancelled() and running.exception() is None


async def _asked(
    stop: asyncio.Event, database: Database, look: Callable[[AsyncSession, UUID], Awaitable[bool]], what: UUID
) -> None:
    while True:
        await stop.wait()
        stop.clear()
        try:
            async with database.transaction() as session:
                if await look(session, what):
                    return
        except (SQLAlchemyError, psycopg.Error):  # the turn itself will notice, too
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            stop.set()
