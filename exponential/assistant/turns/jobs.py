"""Background jobs: their names and queues, deferring one in a transaction, and a job manager that outlasts a database
restart.

So that nobody waits long for somebody else's: each queue has a worker of its own, and by their locks a user's jobs, or
those of guests, are but a part of what it does at once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from procrastinate import App, PsycopgConnector
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant.tables import Chat
from exponential.core.database import raw_connection

TURN = "assistant.turn"  # answer what is unanswered in a chat: (chat_id)
READ = "assistant.read"  # read the files of what is unanswered in a chat, then have it answered: (chat_id)
SUMMARISE = "assistant.summarise"  # bring a chat's summary up to date: (chat_id)
DELIVER = "assistant.deliver"  # send a turn's reply where it belongs: (turn_id)

OWNERS = "default"  # turns of users, and summaries
GUESTS = "guests"  # turns of guests
FILES = "files"
DELIVERIES = "deliveries"
MAX_CONCURRENT_JOBS = {OWNERS: 16, GUESTS: 8, FILES: 16, DELIVERIES: 16}  # of one process; they mostly wait for others
USER_LOCKS = 4  # turns at once of a user's own chats beside the main one, and of their guests
GUEST_FILE_LOCKS = 2  # chats of all guests together whose files are read at once

_PATIENCE = (0.2, 0.5, 1.0, 2.0, *(5.0,) * 120)  # seconds between tries to write down how a job ended
_WAKE = """
select pg_notify('procrastinate_queue_v1#' || queue_name, '{"type": "job_inserted", "job_id": 0}')
from procrastinate_jobs where lock = %(lock)s and status = 'todo' group by queue_name
"""
_app = App(connector=PsycopgConnector())  # never opened: it only writes to connections it is handed


async def defer_turn(session: AsyncSession, chat: Chat) -> None:
    """Have what is unanswered in a chat answered once this transaction has committed, one turn at a time."""
    queue = GUESTS if chat.role == "guest" else OWNERS
    await _defer(session, TURN, queue, f"turn:{chat.user_id}:{_lane(chat, USER_LOCKS)}", chat_id=str(chat.id))


async def defer_reading(session: AsyncSession, chat: Chat) -> None:
    """The same, where files may have to be read before: of a user, in the main chat and in one other at a time."""
    if chat.role == "guest":
        lane = f"guests:{_lane(chat, GUEST_FILE_LOCKS)}"
    else:
        lane = f"{chat.user_id}:{_lane(chat, 1)}"
    await _defer(session, READ, FILES, f"read:{lane}", chat_id=str(chat.id))


async def defer_delivery(session: AsyncSession, chat_id: UUID, turn_id: UUID) -> None:
    """Have a turn's reply sent where it belongs, in the order of the chat's."""
    await _defer(session, DELIVER, DELIVERIES, f"deliver:{chat_id}", turn_id=str(turn_id))


async def defer_summary(session: AsyncSession, chat: Chat) -> None:
    """Have a chat's summary brought up to date when no turn waits, one of a user's at a time."""
    await _defer(session, SUMMARISE, OWNERS, f"summarise:{chat.user_id}", priority=-1, chat_id=str(chat.id))


def _lane(chat: Chat, lanes: int) -> str:
    """Chats of one kind share so many `lanes`, in each of which one job runs at a time."""
    return f"{chat.kind}:{chat.id.int % lanes}"


async def _defer(session: AsyncSession, job: str, queue: str, lock: str, *, priority: int = 0, **args: str) -> None:
    """Jobs with the same `lock` run one at a time, in order."""
    connection = await raw_connection(session)
    task = _app.configure_task(job, queue=queue, lock=lock, priority=priority, connection=connection)
    await task.defer_async(**args)


def app(conninfo: str) -> tuple[App, "PatientJobManager"]:
    """A procrastinate App on its own pool of connections, and its manager."""
    made = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=6))
    made.job_manager = manager = PatientJobManager(made.connector)
    return made, manager


class PatientJobManager(JobManager):
    """Adds two things. The end of a job is written down even when the database is away for a moment: else the job would
    stay "doing" with a worker that is alive, and nobody would take it over. And a job that waited for the lock of one
    that ended starts at once, not at the next poll."""

    def __init__(self, connector: BaseConnector) -> None:
        super().__init__(connector)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """No more patience: whoever finds the job later takes it over."""
        self._leaving.set()

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await self._patiently(partial(super().finish_job, job, status, delete_job))
        if job.lock is not None:
            await self.connector.execute_query_async(_WAKE, lock=job.lock)

    async def retry_job(self, job: Job, *args: Any, **kwargs: Any) -> None:
        await self._patiently(partial(super().retry_job, job, *args, **kwargs))

    async def _patiently(self, write: Callable[[], Awaitable[None]]) -> None:
        for tries, rest in enumerate((*_PATIENCE, None)):
            try:
                return await write()
            except ConnectorException as error:
                if tries and "was not found" in str(error.__cause__):
                    return  # an earlier try did it and only its answer was lost, or another process was faster
                if rest is None or self._leaving.is_set():
                    raise
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), rest)
