"""Typing that always ends: whoever shows it renews it, or it is taken back, also when they died."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import UUID

from exponential.core.errors import Unavailable


class TypingLeases:
    """`show` is the line's way to show (True) or take back (False) "typing…" in a chat of a session."""

    def __init__(
        self, show: Callable[[UUID, str, bool], Awaitable[None]], hushed: tuple[type[Exception], ...], seconds: float
    ) -> None:
        self._show = show
        self._hushed = hushed
        self._seconds = seconds
        self._ends: dict[tuple[UUID, str], asyncio.Task[None]] = {}

    async def set(self, session_id: UUID, chat: str, on: bool) -> None:
        """Show it for so many `seconds` from now, or take it back. Raises as the line does."""
        self.over(session_id, chat)
        if on:
            self._ends[session_id, chat] = asyncio.create_task(self._end(session_id, chat), name="typing")
        await self._show(session_id, chat, on)

    def over(self, session_id: UUID, chat: str) -> None:
        """A message has come: phones took the typing back by themselves."""
        ending = self._ends.pop((session_id, chat), None)
        if ending is not None:
            ending.cancel()

    async def close(self) -> None:
        """Take back what is still shown."""
        shown = list(self._ends)
        for session_id, chat in shown:
            self.over(session_id, chat)
        await asyncio.gather(*(self._hide(session_id, chat) for session_id, chat in shown))

    async def _end(self, session_id: UUID, chat: str) -> None:
        await asyncio.sleep(self._seconds)
        self._ends.pop((session_id, chat), None)
        await self._hide(session_id, chat)

    async def _hide(self, session_id: UUID, chat: str) -> None:
        with contextlib.suppress(Unavailable, *self._hushed):
            await self._show(session_id, chat, False)
