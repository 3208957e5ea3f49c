"""Background jobs: their names, deferring one in a transaction, and a job manager that outlasts a database restart."""

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

from exponential.database import raw_connection

TURN = "assistant.turn"  # answer what is unanswered in a chat: (chat_id)
SUMMARISE = "assistant.summarise"  # bring a chat's summary up to date: (chat_id)
DELIVER = "assistant.deliver"  # post a turn's reply to the gateway: (turn_id)

_PATIENCE = (0.2, 0.5, 1.0, 2.0, *(5.0,) * 120)  # seconds between tries to write down how a job ended
_WAKE = """
select pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}')
where exists (select from procrastinate_jobs where lock = %(lock)s and status = 'todo')
"""
_app = App(connector=PsycopgConnector())  # never opened: it only writes to connections it is handed


def turn_lock(chat_id: UUID) -> str:
    """One turn of a chat at a time."""
    return f"turn:{chat_id}"


async def defer(session: AsyncSession, job: str, *, lock: str, **args: str) -> None:
    """Queue `job` when this transaction commits. Jobs with the same `lock` run one at a time, in order."""
    deferrer = _app.configure_task(job, lock=lock, connection=await raw_connection(session))
    await deferrer.defer_async(**args)


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
