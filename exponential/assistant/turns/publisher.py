"""What a running turn tells those who follow its chat: its text at most ten times a second, its tools, and its end."""

import asyncio
import contextlib
from collections import deque
from types import TracebackType
from typing import Literal
from uuid import UUID

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from exponential.assistant.turns.stream import Progress, ProgressSender
from exponential.core import log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database

EVERY_SECONDS = 0.1  # between two publications
FINISH_SECONDS = 2.0  # that the end of a turn may wait to be published
_RUN = 1_000_000  # sequence numbers of one run of a turn

State = Literal["started", "done", "failed"]
_log = log.get(__name__)


class TurnPublisher:
    """Publishes in the background while the block runs. Best effort: it neither delays nor fails the turn.

    `text` is the answer as far as the model has come.
    """

    def __init__(self, database: Database, chat_id: UUID, turn_id: UUID, run: int) -> None:
        self.text = ""
        self._sender = ProgressSender(database, chat_id)
        self._turn_id = turn_id
        self._sequence = run * _RUN
        self._waiting: deque[Progress] = deque()
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "TurnPublisher":
        self._task = asyncio.create_task(self._publish())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        if self._over.is_set():
            await asyncio.wait({self._task}, timeout=FINISH_SECONDS)
        await cancel_and_wait(self._task)

    def heard(self, text: str) -> None:
        """The text of the answer so far; a later one may replace it as a whole."""
        self.text = text
        if self._waiting and self._waiting[-1].kind == "text":
            self._waiting.pop()
        self._add("text", text)

    def tool(self, name: str, state: State) -> None:
        """What a tool does. The text before it was on the way to an answer, not the answer."""
        if state == "started":
            self.text = ""
        self._add("tool", name, state)

    def end(self, text: str, state: Literal["done", "failed"]) -> None:
        """The turn's answer is stored."""
        self._add("end", text, state)
        self._over.set()

    def _add(self, kind: Literal["text", "tool", "end"], text: str, state: State | Literal[""] = "") -> None:
        self._sequence += 1
        self._waiting.append(Progress(self._turn_id, self._sequence, kind, text, state))
        self._news.set()

    async def _publish(self) -> None:
        while not self._over.is_set() or self._waiting:
            if not self._waiting:
                await self._news.wait()
            self._news.clear()
            waiting = [*self._waiting]
            self._waiting.clear()
            try:
                await self._sender.publish(*waiting)
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                _log.info("progress_not_published", error=error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), EVERY_SECONDS)
