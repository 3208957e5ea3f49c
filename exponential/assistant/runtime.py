"""Paddy's engine: entering a Runtime starts the workers that answer chats; many may share one database."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from uuid import UUID

import psycopg
from procrastinate import JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy
from procrastinate.worker import Worker
from pydantic_ai.models import Model
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import approvals, briefing, commands, conversation, due_reminders
from exponential.assistant.channels import delivery
from exponential.assistant.channels.registry import Channels
from exponential.assistant.files import transcription
from exponential.assistant.files.images import VisionModel
from exponential.assistant.files.reader import FileReader
from exponential.assistant.llm import models, summaries
from exponential.assistant.llm.client import ModelClient
from exponential.assistant.mcp.client import McpServers
from exponential.assistant.offline import OfflineModel
from exponential.assistant.tables import Chat, Message, Turn
from exponential.assistant.timing import Timing
from exponential.assistant.turns import jobs, ledger, runner, store
from exponential.assistant.turns.run import TurnServices
from exponential.assistant.turns.stops import StopRequests
from exponential.auth import users
from exponential.core import log
from exponential.core.database import Database
from exponential.core.errors import Unavailable
from exponential.core.settings import AppSettings
from exponential.workspace.text.zones import zone_of

REMINDERS_SECONDS = 1.0  # between two looks for reminders whose moment has come
HELD_UP_SECONDS = 2.0  # that such a look may come late
HAND_BACK_SECONDS = 0.5  # to write down, after that, what didn't end; a database that is away takes for ever
MCP_STOP_SECONDS = 3.0  # that other MCP servers' processes get to end, beginning with the rest

_log = log.get(__name__)


@dataclass(frozen=True)
class AskResult:
    """`tools`: [{"name", "args", "result"}] in the order they were called."""

    reply: str
    tools: list[dict[str, Any]] = field(default_factory=list)


class RetryForever(BaseRetryStrategy):
    """For ever, after 1, 2, 4 … `longest` s; at once when only this process stopped. The job itself may give up."""

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if not isinstance(exception, Exception) or isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        _log.warning(
            "job_failed",
            task=job.task_name,
            job=job.id,
            attempts=job.attempts + 1,
            error=exception,
        )
        return RetryDecision(retry_in={"seconds": min(self._longest, 2 ** min(job.attempts, 10))})


class Runtime:
    """`async with Runtime(database, settings, channels) as runtime:` answers chats until the block ends (under 5 s).

    `model` replaces the one that the settings name. Raises ConfigurationError when EXPONENTIAL_MODEL can't be used.
    """

    def __init__(
        self,
        database: Database,
        settings: AppSettings,
        channels: Channels | None = None,
        *,
        model: Model | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.database = database
        self._timing = timing or Timing()
        chosen = model or models.choose(settings.model)
        offline = isinstance(chosen, OfflineModel)
        vision = VisionModel(chosen, database)
        self._outside = McpServers(settings.mcp_servers, self._timing)
        self._services = TurnServices(
            database,
            StopRequests(database),
            None if offline else self._model_client(vision, settings),
            channels or Channels(),
            settings.model_prices,
            settings.daily_tokens,
            chosen if offline else OfflineModel(),
            FileReader(transcription.choose(settings.transcription_url, settings.transcription_key, self._timing)),
            self._outside.toolsets,
            self._timing,
        )
        self._jobs, self._manager = jobs.app(database.libpq)
        retry = RetryForever(self._timing.max_retry)
        self._jobs.task(name=jobs.TURN, retry=retry, pass_context=True)(self._turn)
        self._jobs.task(name=jobs.READ, retry=retry, pass_context=True)(self._read)
        self._jobs.task(name=jobs.DELIVER, retry=retry)(self._deliver)
        self._jobs.task(name=jobs.SUMMARISE, retry=retry)(self._summarise)
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: dict[str, Worker] = {}  # by queue
        self._doing: set[int | None] = set()  # ids of jobs
        self._stopping = False

    def _model_client(self, model: Model, settings: AppSettings) -> ModelClient:
        limits = {"timeout": settings.model_timeout, "pause": self._timing.model_pause, "down": self._timing.model_down}
        return ModelClient(model, retries=settings.model_retries, **limits)

    async def __aenter__(self) -> "Runtime":
        await self._outside.__aenter__()
        await self._jobs.open_async()
        work = [self._work(queue, at_once) for queue, at_once in jobs.MAX_CONCURRENT_JOBS.items()]
        self._tasks = [
            asyncio.create_task(task) for task in (*work, self._services.stops.run(), self._sweep(), self._remind())
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        leaving = asyncio.create_task(self._outside.__aexit__(None, None, None))
        # A cancellation alone can be lost on the way: psycopg waits with wait_for, which drops some before Python 3.12.
        for worker in self._workers.values():
            worker.stop()  # type: ignore[no-untyped-call]
        for task in self._tasks:
            task.cancel()
        _, late = await asyncio.wait(self._tasks, timeout=self._timing.stop + HAND_BACK_SECONDS)
        if late:
            _log.warning("runtime_stops_late", meaning="what still runs is taken over later")
            self._manager.leave()
        # This also ends the waiting for a connection.
        await asyncio.wait({*late, asyncio.create_task(self._jobs.close_async())}, timeout=HAND_BACK_SECONDS)
        await asyncio.wait({leaving}, timeout=MCP_STOP_SECONDS)

    async def ask(self, user_id: UUID, text: str, channel: str = "terminal", timeout: float = 120.0) -> AskResult:
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
                return await self._silence(session, message_id)
            entries = await ledger.entries(session, reply.turn_id)
            return AskResult(
                reply.text, [{"name": entry.name, "args": entry.args, "result": entry.result} for entry in entries]
            )

    async def _silence(self, session: AsyncSession, message_id: UUID) -> AskResult | None:
        """What is told of a message that Paddy, being paused, is silent about; None when it isn't."""
        query = select(Chat, Turn).join(Turn, Turn.chat_id == Chat.id).join(Message, Message.turn_id == Turn.id)
        found = (await session.execute(query.where(Message.id == message_id, Turn.state == "silent"))).one_or_none()
        if found is None:
            return None
        user = await users.get(session, found[0].user_id)
        return AskResult(commands.paused(found[0], zone_of(user)))

    async def _turn(self, context: JobContext, chat_id: str) -> None:
        await runner.answer(self._services, UUID(chat_id), context.job.attempts + 1)

    async def _read(self, context: JobContext, chat_id: str) -> None:
        await runner.read(self._services, UUID(chat_id), context.job.attempts + 1)

    async def _deliver(self, turn_id: str) -> None:
        await delivery.deliver(self.database, self._services.channels, UUID(turn_id))

    async def _summarise(self, chat_id: str) -> None:
        of = self._services
        await summaries.summarise(of.database, UUID(chat_id), of.llm, prices=of.prices, daily_tokens=of.daily_tokens)

    async def _work(self, queue: str, at_once: int) -> None:
        """Keep a queue's worker alive: it stops by itself when the database goes away."""
        while not self._stopping:
            worker = Worker(
                self._jobs,
                queues=[queue],
                name=queue,
                concurrency=at_once,
                fetch_job_polling_interval=1.0,
                shutdown_graceful_timeout=self._timing.stop,
                stalled_worker_timeout=self._timing.stalled,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=self._timing.stalled / 4,
                worker_middleware=[self._note],
            )
            self._workers[queue] = worker
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            except Exception as error:
                _log.warning("worker_stopped", error=error)
            if not self._stopping:
                await asyncio.sleep(1.0)

    async def _note(self, do: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
        self._doing.add(context.job.id)
        try:
            return await do()
        finally:
            self._doing.discard(context.job.id)

    async def _sweep(self) -> None:
        """Put back into the queue what dead processes had begun. Another live one that is only slow loses its turns,
        too: what it still does to them doesn't count."""
        loop = asyncio.get_running_loop()
        while not self._stopping:  # the connector may answer a cancellation with an error of its own
            began = loop.time()
            await asyncio.sleep(self._timing.sweep)
            if loop.time() - began > self._timing.sweep + HELD_UP_SECONDS:
                continue  # this very process was held up, and with it its signs of life: no time to judge others
            try:
                await self._take_over()
            except (ConnectorException, SQLAlchemyError, psycopg.Error) as error:
                _log.warning("sweep_failed", error=error)

    async def _remind(self) -> None:
        while not self._stopping:
            try:
                await due_reminders.send_due(self.database)
                async with self.database.transaction() as session:
                    await approvals.expire(session)
            except Exception as error:
                _log.warning("reminders_failed", error=error)
            try:
                await briefing.send_due(self.database)
            except Exception as error:
                _log.warning("briefings_failed", error=error)
            await asyncio.sleep(REMINDERS_SECONDS)

    async def _take_over(self) -> None:
        for job in await self._manager.get_stalled_jobs(seconds_since_heartbeat=self._timing.stalled):
            if job.id not in self._doing:
                await self._manager.retry_job(job)
                _log.info("job_taken_over", job=job.id, task=job.task_name)
        async with self.database.transaction() as session:
            for chat in await store.orphans(session):
                await jobs.defer_reading(session, chat)
                _log.warning("turn_without_job", chat=str(chat.id))
