"""One run of a turn: the agent's steps with a save after each, and an honest answer when all fails."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from pydantic_ai import CallToolsNode, UsageLimits
from pydantic_ai.exceptions import UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models import Model
from pydantic_ai.toolsets import AbstractToolset
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import commands
from exponential.assistant.agent import paddy
from exponential.assistant.channels.presence import TurnPresence
from exponential.assistant.channels.registry import Channels
from exponential.assistant.files.reader import FileReader
from exponential.assistant.files.transcription import Transcriber
from exponential.assistant.llm import usage
from exponential.assistant.llm.client import ModelClient, ModelFailed, RetryingModel
from exponential.assistant.llm.usage import Prices
from exponential.assistant.offline import OfflineModel
from exponential.assistant.tables import Chat, Message
from exponential.assistant.timing import Timing
from exponential.assistant.tools.base import Deps
from exponential.assistant.turns import failures, ledger, stops, store
from exponential.assistant.turns.publisher import TurnPublisher
from exponential.assistant.turns.stops import StopRequests
from exponential.assistant.turns.store import ActiveTurn, BrokenOff
from exponential.auth.users import User
from exponential.core import clock, log
from exponential.core.database import Database, outage
from exponential.workspace.text.zones import today_of, zone_of

MAX_TRIES = 5  # that failed for a reason of their own
MAX_FRUITLESS = 25  # runs in a row that got nowhere, because their process or the database went away
USAGE_LIMITS = UsageLimits(request_limit=20)  # model requests in one turn

_log = log.get(__name__)


@dataclass(frozen=True)
class TurnServices:
    """What a turn needs to run: the database, the way to the language model (None: there is none, `rules` answer), the
    channels, what tokens cost, and how many of them a user has a day (0: no limit); who reads files, and what tools
    there are outside."""

    database: Database
    stops: StopRequests
    llm: ModelClient | None
    channels: Channels
    prices: Prices | None = None
    daily_tokens: int = 0
    rules: Model = field(default_factory=OfflineModel)
    reader: FileReader = field(default_factory=lambda: FileReader(Transcriber("")))
    outside: Sequence[AbstractToolset[Deps]] = ()
    timing: Timing = field(default_factory=Timing)

    def presence(self, user: User, messages: Sequence[Message]) -> TurnPresence:
        """What the people who wrote these messages see while a turn runs."""
        return TurnPresence(self.channels, user, messages, self.timing.typing)


@dataclass(frozen=True)
class _Answer:
    """A reply with the turn's own messages. `limited`: it tells of the daily limit."""

    reply: str
    own: Sequence[ModelMessage]
    limited: bool = False


class TurnRun:
    """Runs an active turn to its end, and tells the publisher how it goes. `stop` is set when it may be asked to stop.

    Every method raises Superseded when another process has taken the turn over.
    """

    def __init__(
        self, services: TurnServices, active: ActiveTurn, publisher: TurnPublisher, stop: asyncio.Event
    ) -> None:
        self._services = services
        self._database = services.database
        self._active = active
        self._publisher = publisher
        self._stop_asked = stop

    async def finish(self) -> None:
        """Any error but Superseded means: try again later. After MAX_TRIES, the turn's answer says what went wrong."""
        active = self._active
        if active.fruitless > MAX_FRUITLESS:
            return await self._break_off(failures.failed(None, 0, await self._effects()), "failed")
        try:
            await self._run()
        except ledger.Superseded:
            raise
        except Exception as error:
            if outage(error):
                raise
            tries = active.failures + 1
            _log.warning("turn_error", turn=str(active.turn_id), error=error, tries=tries)
            if tries < MAX_TRIES:
                async with self._database.transaction() as session:
                    await store.failed(session, active)
                raise
            await self._break_off(failures.failed(error, tries, await self._effects()), "failed")

    async def _run(self) -> None:
        if self._active.stop_asked:
            return await self._stop()
        async with self._database.transaction() as session:
            self._active = active = await store.prepare(session, self._active)
        if active.command is not None:
            return await self._command(active.command)
        seen = () if active.again_of or active.held_back else active.messages  # by whom it is seen that Paddy is at it
        async with self._services.presence(active.user, seen):
            done = await stops.run_unless_asked(
                self._answer(), self._stop_asked, self._database, store.is_stop_asked, active.turn_id
            )
            if not done:
                await self._stop()

    async def _command(self, command: commands.Command) -> None:
        active, services = self._active, self._services
        model = services.llm.model.model_name if services.llm else ""
        async with self._database.transaction() as session:
            chat = await self._chat(session)
            source = active.messages[-1].channel
            setting = commands.CommandContext(session, chat, active.user, source, model, services.daily_tokens)
            outcome = await commands.run(setting, command)
            await store.finish(session, active, outcome.reply, own=[active.own[0], *outcome.own])
        self._publisher.end(outcome.reply, "done")

    async def _answer(self) -> None:
        active = self._active
        said = _said(active.own)
        found = _Answer(said, active.own) if said is not None else await self._think()
        async with self._database.transaction() as session:
            await self._record(session, await store.finish(session, active, found.reply, own=found.own))
            if found.limited:
                (await self._chat(session)).limit_told_on = today_of(active.user)
        self._publisher.end(found.reply, "done")

    async def _think(self) -> _Answer:
        active, services = self._active, self._services
        if services.llm is None:
            return _Answer(*await self._steps(services.rules, active.own))
        async with self._database.transaction() as session:
            guest = active.chat.role == "guest"
            used_up = await usage.is_used_up(session, active.user, services.daily_tokens, guest=guest)
        if used_up and len(active.own) == 1:  # what the language model began, it may finish
            reply, own = await self._steps(services.rules, active.own)
            if active.chat.role != "owner" or active.chat.limit_told_on == today_of(active.user):
                return _Answer(reply, own)
            return _Answer(failures.over_limit(services.daily_tokens, reply), own, limited=True)
        llm = services.llm.retrying(self._publisher.heard)
        try:
            return _Answer(*await self._steps(llm, active.own))
        except (ModelFailed, UnexpectedModelBehavior, UsageLimitExceeded) as error:
            _log.warning("turn_without_model", turn=str(active.turn_id), error=error)
            return await self._without_model(failures.reason(error))
        finally:
            await self._record_lost(llm)

    async def _without_model(self, why: str) -> _Answer:
        """The offline model's answer, unless the language model's tools have done something already: the rules might do
        it again."""
        active = self._active
        done = await self._effects()
        if done:
            reply = failures.broken_off(why, done)
            return _Answer(reply, [active.own[0], ModelResponse(parts=[TextPart(reply)])])
        reply, own = await self._steps(self._services.rules, active.own[:1])
        return _Answer(failures.by_rules(why, reply) if active.chat.role == "owner" else reply, own)

    async def _steps(self, model: Model, begun: Sequence[ModelMessage]) -> tuple[str, Sequence[ModelMessage]]:
        """The agent's way from the turn's messages so far to its reply; it is saved after each step."""
        active = self._active
        deps = Deps(
            self._database,
            active.user,
            active.turn_id,
            active.run,
            active.chat.role,
            active.messages[-1].channel,
            active.known,
            again_of=active.again_of,
            own_words=active.own_words,
            told=self._publisher.tool,
        )
        own = begun
        with paddy.parallel_tool_call_execution_mode("sequential"):
            async with paddy.iter(
                message_history=[*active.context, *begun],
                deps=deps,
                model=model,
                usage_limits=USAGE_LIMITS,
                toolsets=self._services.outside if active.chat.role == "owner" and active.own_words else None,
            ) as steps:
                async for step in steps:
                    own = steps.all_messages()[len(active.context) :]
                    # After a model's response; what the tools then do, the ledger keeps.
                    if isinstance(step, CallToolsNode) and _said(own) is None:
                        async with self._database.transaction() as session:
                            await self._record(session, await store.save(session, active, own))
        assert steps.result is not None
        return steps.result.output, own

    async def _record(self, session: AsyncSession, fresh: Sequence[ModelMessage]) -> None:
        active = self._active
        await usage.record(session, active.user.id, active.turn_id, fresh, prices=self._services.prices)

    async def _record_lost(self, llm: RetryingModel) -> None:
        """What answers used that broke off. It isn't worth failing a turn."""
        if llm.lost:
            user, turn, prices = self._active.user.id, self._active.turn_id, self._services.prices
            with contextlib.suppress(SQLAlchemyError, psycopg.Error):
                async with self._database.transaction() as session:
                    await usage.record_lost(session, user, turn, llm.model_name, llm.lost, prices=prices)

    async def _chat(self, session: AsyncSession) -> Chat:
        """The turn's chat, to change it."""
        query = select(Chat).where(Chat.id == self._active.chat.id).with_for_update(key_share=True)
        return (await session.execute(query)).scalar_one()

    async def _effects(self) -> list[str]:
        """What the turn's tools have changed so far, in words."""
        async with self._database.transaction() as session:
            entries = await ledger.entries(session, self._active.turn_id)
        return failures.effects(entries, clock.now().astimezone(zone_of(self._active.user)))

    async def _stop(self) -> None:
        await self._break_off(failures.stopped(self._publisher.text, await self._effects()), "stopped")

    async def _break_off(self, reply: str, state: BrokenOff) -> None:
        async with self._database.transaction() as session:
            await store.break_off(session, self._active, reply, state=state)
        self._publisher.end(reply, "failed" if state == "failed" else "done")


def _said(own: Sequence[ModelMessage]) -> str | None:
    """The reply, when the turn's last message already is one."""
    last = own[-1]
    if isinstance(last, ModelResponse) and not last.tool_calls and last.text:
        return last.text
    return None
