"""Paddy's engine: entering a Runtime starts the worker that answers chats; many may share one database."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from uuid import UUID

from procrastinate import JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy
from pydantic_ai.models import Model
from sqlalchemy import select

from exponential import log
from exponential.assistant import conversation, jobs, ledger, models, replies, run
from exponential.assistant.records import Channel, Message, Turn
from exponential.database import Database
from exponential.errors import Unavailable
from exponential.gateway.client import GatewayClient
from exponential.settings import AppSettings

CONCURRENCY = 16  # turns at once; they mostly wait for the model
STALLED = 20.0  # seconds without a sign of life after which another process takes a worker's jobs over
SWEEP = 5.0  # seconds between two looks for such jobs
STOP = 3.0  # seconds that running turns get to end by themselves
LONGEST_WAIT = 30  # seconds between two tries of a job

_log = log.get(__name__)


@dataclass(frozen=True)
class AskResult:
    """`tools`: [{"name", "args", "result"}] in the order they were called."""

    reply: str
    tools: list[dict[str, Any]] = field(default_factory=list)


class Backoff(BaseRetryStrategy):
    """For ever, after 1, 2, 4 … 30 s; at once when only this process stopped. The job itself may give up."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if not isinstance(exception, Exception) or isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        return RetryDecision(retry_in={"seconds": min(LONGEST_WAIT, 2 ** min(job.attempts, 10))})


class Runtime:
    """`async with Runtime(database, settings, gateway) as runtime:` answers chats until the block ends (under 5 s).

    `model` replaces the one that the settings name. Raises ConfigurationError when EXPONENTIAL_MODEL can't be used.
    """

    def __init__(
        self,
        database: Database,
        settings: AppSettings,
        gateway: GatewayClient | None = None,
        *,
        model: Model | None = None,
    ) -> None:
        self.database = database
        self._thinking = run.Thinking(database, model or models.choose(settings.model), gateway)
        self._jobs = jobs.app(database.libpq)
        self._jobs.task(name=jobs.TURN, pass_context=True, retry=Backoff())(self._turn)
        self._jobs.task(name=jobs.DELIVER, retry=Backoff())(self._deliver)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def __aenter__(self) -> "Runtime":
        await self._jobs.open_async()
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._sweep())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._jobs.close_async()

    async def ask(self, user_id: UUID, text: str, channel: Channel = "terminal", timeout: float = 120.0) -> AskResult:
        """Say `text` in the user's main chat and wait for the answer (`timeout` in seconds).

        Raises what conversation.receive raises, and Unavailable when no answer came in time.
        """
        news = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            notices = await stack.enter_async_context(self.database.listen(conversation.CHANNEL))

            async def watch() -> None:
                async for _ in notices:
                    news.set()

            watching = asyncio.create_task(watch())
            stack.callback(watching.cancel)
            async with self.database.transaction() as session:
                incoming = conversation.Incoming(user_id, channel, text)
                received = await conversation.receive(session, incoming)
            try:
                async with asyncio.timeout(timeout):
                    while (result := await self._result(received.message_id)) is None:
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(news.wait(), 1.0)
                        news.clear()
                    return result
            except TimeoutError:
                raise Unavailable(
                    f"Paddy has not answered within {timeout:g} s. The message is stored and will be answered; "
                    "look into the chat later.",
                    code="no_answer_yet",
                ) from None

    async def _result(self, message_id: UUID) -> AskResult | None:
        async with self.database.transaction() as session:
            turn = (
                select(Message.turn_id).join(Turn, Turn.id == Message.turn_id).where(Message.id == message_id)
            ).scalar_subquery()
            query = select(Message).where(Message.turn_id == turn, Message.role == "assistant")
            reply = (await session.execute(query)).scalar_one_or_none()
            if reply is None or reply.turn_id is None:
                return None
            entries = await ledger.entries(session, reply.turn_id)
            return AskResult(
                reply.text, [{"name": entry.name, "args": entry.args, "result": entry.result} for entry in entries]
            )

    async def _turn(self, context: JobContext, chat_id: str) -> None:
        await run.answer(self._thinking, UUID(chat_id), tries=context.job.attempts)

    async def _deliver(self, turn_id: str) -> None:
        await replies.deliver(self.database, self._thinking.gateway, UUID(turn_id))

    async def _work(self) -> None:
        """Keep a worker alive: it stops by itself when the database goes away."""
        while not self._stopping:
            try:
                await self._jobs.run_worker_async(
                    name="paddy",
                    concurrency=CONCURRENCY,
                    fetch_job_polling_interval=1.0,
                    shutdown_graceful_timeout=STOP,
                    stalled_worker_timeout=STALLED,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=STALLED / 4,
                )
            except Exception as error:
                _log.warning("worker_stopped", error=type(error).__name__)
            await asyncio.sleep(1.0)

    async def _sweep(self) -> None:
        """Put back into the queue what dead processes had begun."""
        manager = self._jobs.job_manager
        while not self._stopping:  # the connector may answer a cancellation with an error of its own
            try:
                for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
                    await manager.retry_job(job)
                    _log.info("job_taken_over", job=job.id, task=job.task_name)
            except ConnectorException as error:
                _log.warning("sweep_failed", error=type(error).__name__)
            await asyncio.sleep(SWEEP)
