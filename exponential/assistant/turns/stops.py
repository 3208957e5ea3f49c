"""Who wants a running turn to stop: told by NOTIFY to the process that runs it."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from uuid import UUID

from exponential.core.database import Database

CHANNEL = "stop"  # NOTIFY channel; payload: the id of the chat whose turn is to stop


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
