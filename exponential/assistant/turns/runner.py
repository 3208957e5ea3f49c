"""Running one turn: the reading of files, the short pause, the agent's steps with a save after each, and an honest
answer when all fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from pydantic_ai import CallToolsNode, UsageLimits
from pydantic_ai.exceptions import UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models import Model
from pydantic_ai.toolsets import AbstractToolset
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import approval_replies, approvals, commands
from exponential.assistant.agent import paddy
from exponential.assistant.channels.presence import TurnPresence
from exponential.assistant.files import reader as understanding
from exponential.assistant.files.reader import FileReader
from exponential.assistant.files.transcription import Transcriber
from exponential.assistant.llm import usage
from exponential.assistant.llm.client import ModelClient, ModelFailed, RetryingModel
from exponential.assistant.llm.usage import Prices
from exponential.assistant.offline import OfflineModel
from exponential.assistant.tables import Chat, Message
from exponential.assistant.timing import Timing
from exponential.assistant.tools.base import Deps
from exponential.assistant.turns import failures, jobs, ledger, store
from exponential.assistant.turns.publisher import TurnPublisher
from exponential.assistant.turns.stops import StopRequests
from exponential.assistant.turns.store import ActiveTurn, BrokenOff
from exponential.auth.service_tokens import Identity
from exponential.core import clock, log, sandbox
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database, outage
from exponential.gateway.client import GatewayClient
from exponential.workspace.text.zones import today_of, zone_of

MAX_TRIES = 5  # that failed for a reason of their own
MAX_FRUITLESS = 25  # runs in a row that got nowhere, because their process or the database went away
LOOK_AGAIN_SECONDS = 1.0  # whether a turn is to stop, after the database could not tell
USAGE_LIMITS = UsageLimits(request_limit=20)  # model requests in one turn

_log = log.get(__name__)


@dataclass(frozen=True)
class TurnServices:
    """What a turn needs to run: the database, the way to the language model (None: there is none, `rules` answer), the
    gateway (None: no WhatsApp here), what tokens cost, and how many of them a user has a day (0: no limit); who reads
    files, and what tools there are outside."""

    database: Database
    stops: StopRequests
    llm: ModelClient | None
    gateway: GatewayClient | None
    prices: Prices | None = None
    daily_tokens: int = 0
    rules: Model = field(default_factory=OfflineModel)
    reader: FileReader = field(default_factory=lambda: FileReader(Transcriber("")))
    outside: Sequence[AbstractToolset[Deps]] = ()
    timing: Timing = field(default_factory=Timing)

    def presence(self, who: Identity, messages: Sequence[Message]) -> TurnPresence:
        """What the people who wrote these messages see while a turn runs."""
        return TurnPresence(self.gateway, who, messages, self.timing.typing)


@dataclass(frozen=True)
class _Answer:
    """A reply with the turn's own messages. `limited`: it tells of the daily limit."""

    reply: str
    own: Sequence[ModelMessage]
    limited: bool = False


async def answer(services: TurnServices, chat_id: UUID, tries: int = 1) -> None:
    """Answer what is unanswered in a chat. `tries`: this one, and those of the same job before it.

    Any error means: try again later. The last try ends with an answer that says what went wrong.
    """
    active = None
    with services.stops.of(chat_id) as stop:
        async with _refused_at_last(services, chat_id, tries):
            active = await _claim(services, chat_id)
        if active is None:
            return
        try:
            async with TurnPublisher(services.database, chat_id, active.turn_id, active.run) as publisher:
                await _run_or_fail(services, active, publisher, stop)
        except ledger.Superseded:
            _log.info("turn_superseded", turn=str(active.turn_id))


async def read(services: TurnServices, chat_id: UUID, tries: int = 1) -> None:
    """Read what files came with a chat's unanswered messages, then have these answered. `tries` as for `answer`."""
    with services.stops.of(chat_id) as stop:
        async with _refused_at_last(services, chat_id, tries):
            await _read_files(services, chat_id, stop)
    async with services.database.transaction() as session:
        if chat := await session.get(Chat, chat_id):
            await jobs.defer_turn(session, chat)


@contextlib.asynccontextmanager
async def _refused_at_last(services: TurnServices, chat_id: UUID, tries: int) -> AsyncIterator[None]:
    """What fails inside for a reason of its own is tried MAX_TRIES times; then what waits in the chat is refused."""
    try:
        yield
    except Exception as error:
        if outage(error) or tries < MAX_TRIES:
            raise
        _log.error("turn_refused", chat=str(chat_id), error=error, tries=tries)
        async with services.database.transaction() as session:
            await store.refuse(session, chat_id, failures.failed(error, tries, ()))


async def _claim(services: TurnServices, chat_id: UUID) -> ActiveTurn | None:
    if not await _settle(services, chat_id):
        return None
    await approval_replies.note_shown(services.database, services.gateway, chat_id)
    async with services.database.transaction() as session:
        if await understanding.is_waiting(session, chat_id):
            await store.heed_early_stop(session, chat_id)
        return await store.claim(session, chat_id)


async def _read_files(services: TurnServices, chat_id: UUID, stop: asyncio.Event) -> None:
    async with services.database.transaction() as session:
        chat = await session.get(Chat, chat_id)
        messages = await store.waiting(session, chat_id)
        if chat is None or not messages or store.is_quiet(chat):
            return
        if not await understanding.is_waiting(session, chat_id):
            return
        user = await store.owner(session, chat_id)
        held_back = chat.role != "owner" and await approvals.is_required(session, user.id)
    caller = sandbox.GUESTS if chat.role == "guest" else str(user.id)
    async with services.presence(user.identity, () if held_back else messages):
        reading = services.reader.read_waiting(services.database, chat_id, caller=caller)
        # While files are read, only a turn that is to stop takes a message up.
        await _unless(_asked(services.database, stop, store.is_taken_up, messages[0].id), reading)


async def _run_or_fail(
    services: TurnServices, active: ActiveTurn, publisher: TurnPublisher, stop: asyncio.Event
) -> None:
    if active.fruitless > MAX_FRUITLESS:
        reply = failures.failed(None, 0, await _effects(services, active))
        return await _break_off(services, active, publisher, reply, "failed")
    try:
        if active.stop_asked:
            return await _stop(services, active, publisher)
        async with services.database.transaction() as session:
            prepared = await store.prepare(session, active)
        if prepared.command is not None:
            await _command(services, prepared, prepared.command, publisher)
        else:
            async with services.presence(prepared.user.identity, _seen(prepared)):
                await _run_until_stopped(services, prepared, publisher, stop)
    except ledger.Superseded:
        raise
    except Exception as error:
        if outage(error):
            raise
        tries = active.failures + 1
        _log.warning(
            "turn_error",
            turn=str(active.turn_id),
            error=error,
            tries=tries,
        )
        if tries < MAX_TRIES:
            async with services.database.transaction() as session:
                await store.failed(session, active)
            raise
        reply = failures.failed(error, tries, await _effects(services, active))
        await _break_off(services, active, publisher, reply, "failed")


def _seen(active: ActiveTurn) -> Sequence[Message]:
    """The messages whose senders see that Paddy is at it."""
    return () if active.again_of or active.held_back else active.messages


async def _command(
    services: TurnServices, active: ActiveTurn, command: commands.Command, publisher: TurnPublisher
) -> None:
    model = services.llm.model.model_name if services.llm else ""
    async with services.database.transaction() as session:
        chat = await _chat(session, active)
        source = active.messages[-1].channel
        setting = commands.CommandContext(session, chat, active.user, source, model, services.daily_tokens)
        outcome = await commands.run(setting, command)
        await store.finish(session, active, outcome.reply, own=[active.own[0], *outcome.own])
    publisher.end(outcome.reply, "done")


async def _run_until_stopped(
    services: TurnServices, active: ActiveTurn, publisher: TurnPublisher, stop: asyncio.Event
) -> None:
    asked = _asked(services.database, stop, store.is_stop_asked, active.turn_id)
    if not await _unless(asked, _run(services, active, publisher)):
        await _stop(services, active, publisher)


async def _unless(asked: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> bool:
    """Do `work`, and raise what it raises, unless `asked` returns before; whether it was done."""
    running, waiting = asyncio.create_task(work), asyncio.create_task(asked)
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
            return True
    finally:
        await cancel_and_wait(running, waiting)
    return not running.cancelled() and running.exception() is None


async def _asked(
    database: Database, stop: asyncio.Event, look: Callable[[AsyncSession, UUID], Awaitable[bool]], what: UUID
) -> None:
    """Returns when the user wants it stopped: the turn, or the chat's before it has begun, as `look` says."""
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


async def _stop(services: TurnServices, active: ActiveTurn, publisher: TurnPublisher) -> None:
    reply = failures.stopped(publisher.text, await _effects(services, active))
    await _break_off(services, active, publisher, reply, "stopped")


async def _run(services: TurnServices, active: ActiveTurn, publisher: TurnPublisher) -> None:
    said = _said(active.own)
    found = _Answer(said, active.own) if said is not None else await _think(services, active, publisher)
    async with services.database.transaction() as session:
        fresh = await store.finish(session, active, found.reply, own=found.own)
        await _record(session, services, active, fresh)
        if found.limited:
            (await _chat(session, active)).limit_told_on = today_of(active.user)
    publisher.end(found.reply, "done")


async def _think(services: TurnServices, active: ActiveTurn, publisher: TurnPublisher) -> _Answer:
    if services.llm is None:
        return _Answer(*await _steps(services, active, publisher, services.rules, active.own))
    async with services.database.transaction() as session:
        guest = active.chat.role == "guest"
        used_up = await usage.is_used_up(session, active.user, services.daily_tokens, guest=guest)
    if used_up and len(active.own) == 1:  # what the language model began, it may finish
        reply, own = await _steps(services, active, publisher, services.rules, active.own)
        if active.chat.role != "owner" or active.chat.limit_told_on == today_of(active.user):
            return _Answer(reply, own)
        return _Answer(failures.over_limit(services.daily_tokens, reply), own, limited=True)
    llm = services.llm.retrying(publisher.heard)
    try:
        return _Answer(*await _steps(services, active, publisher, llm, active.own))
    except (ModelFailed, UnexpectedModelBehavior, UsageLimitExceeded) as error:
        _log.warning("turn_without_model", turn=str(active.turn_id), error=error)
        return await _without_model(services, active, publisher, failures.reason(error))
    finally:
        await _record_lost(services, active, llm)


async def _without_model(services: TurnServices, active: ActiveTurn, publisher: TurnPublisher, why: str) -> _Answer:
    """The offline model's answer, unless the language model's tools have done something already: the rules might do it
    again."""
    done = await _effects(services, active)
    if done:
        reply = failures.broken_off(why, done)
        return _Answer(reply, [active.own[0], ModelResponse(parts=[TextPart(reply)])])
    reply, own = await _steps(services, active, publisher, services.rules, active.own[:1])
    return _Answer(failures.by_rules(why, reply) if active.chat.role == "owner" else reply, own)


async def _steps(
    services: TurnServices, active: ActiveTurn, publisher: TurnPublisher, model: Model, begun: Sequence[ModelMessage]
) -> tuple[str, Sequence[ModelMessage]]:
    """The agent's way from the turn's messages so far to its reply; it is saved after each step."""
    deps = Deps(
        services.database,
        active.user,
        active.turn_id,
        active.run,
        active.chat.role,
        active.messages[-1].channel,
        active.known,
        again_of=active.again_of,
        own_words=active.own_words,
        told=publisher.tool,
    )
    own = begun
    with paddy.parallel_tool_call_execution_mode("sequential"):
        async with paddy.iter(
            message_history=[*active.context, *begun],
            deps=deps,
            model=model,
            usage_limits=USAGE_LIMITS,
            toolsets=services.outside if active.chat.role == "owner" and active.own_words else None,
        ) as steps:
            async for step in steps:
                own = steps.all_messages()[len(active.context) :]
                # After a model's response; what the tools then do, the ledger keeps.
                if isinstance(step, CallToolsNode) and _said(own) is None:
                    async with services.database.transaction() as session:
                        await _record(session, services, active, await store.save(session, active, own))
    assert steps.result is not None
    return steps.result.output, own


def _said(own: Sequence[ModelMessage]) -> str | None:
    """The reply, when the turn's last message already is one."""
    last = own[-1]
    if isinstance(last, ModelResponse) and not last.tool_calls and last.text:
        return last.text
    return None


async def _record(
    session: AsyncSession, services: TurnServices, active: ActiveTurn, fresh: Sequence[ModelMessage]
) -> None:
    await usage.record(session, active.user.id, active.turn_id, fresh, prices=services.prices)


async def _record_lost(services: TurnServices, active: ActiveTurn, llm: RetryingModel) -> None:
    """What answers used that broke off. It isn't worth failing a turn."""
    if llm.lost:
        with contextlib.suppress(SQLAlchemyError, psycopg.Error):
            async with services.database.transaction() as session:
                name = llm.model_name
                await usage.record_lost(session, active.user.id, active.turn_id, name, llm.lost, prices=services.prices)


async def _chat(session: AsyncSession, active: ActiveTurn) -> Chat:
    """The turn's chat, to change it."""
    query = select(Chat).where(Chat.id == active.chat.id).with_for_update(key_share=True)
    return (await session.execute(query)).scalar_one()


async def _effects(services: TurnServices, active: ActiveTurn) -> list[str]:
    """What the turn's tools have changed so far, in words."""
    async with services.database.transaction() as session:
        entries = await ledger.entries(session, active.turn_id)
    return failures.effects(entries, clock.now().astimezone(zone_of(active.user)))


async def _break_off(
    services: TurnServices, active: ActiveTurn, publisher: TurnPublisher, reply: str, state: BrokenOff
) -> None:
    async with services.database.transaction() as session:
        await store.break_off(session, active, reply, state=state)
    publisher.end(reply, "failed" if state == "failed" else "done")


async def _settle(services: TurnServices, chat_id: UUID) -> bool:
    """Wait until nobody writes for a moment; False when nothing waits for an answer."""
    quiet, max_quiet = timedelta(seconds=services.timing.quiet), timedelta(seconds=services.timing.max_quiet)
    began = clock.now()
    seen = -1
    while True:
        async with services.database.transaction() as session:
            if await store.running(session, chat_id):
                return True
            messages = await store.waiting(session, chat_id)
        if not messages or messages[-1].channel == "terminal":  # a terminal sends one request at a time
            return bool(messages)
        if len(messages) == seen or clock.now() - began > max_quiet:
            return True
        seen = len(messages)
        rest = messages[-1].created_at + quiet - clock.now()
        await asyncio.sleep(min(max(rest, timedelta(0)), quiet).total_seconds())
