"""Answering a chat: the reading of files, the short pause, and the runs of its turns (run.py)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

from exponential.assistant import approval_replies, approvals
from exponential.assistant.files import reader as understanding
from exponential.assistant.tables import Chat
from exponential.assistant.turns import failures, jobs, ledger, stops, store
from exponential.assistant.turns.publisher import TurnPublisher
from exponential.assistant.turns.run import MAX_TRIES, TurnRun, TurnServices
from exponential.assistant.turns.store import ActiveTurn
from exponential.core import clock, log, sandbox
from exponential.core.database import outage

_log = log.get(__name__)


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
                await TurnRun(services, active, publisher, stop).finish()
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
    await approval_replies.note_shown(services.database, services.channels, chat_id)
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
    async with services.presence(user, () if held_back else messages):
        reading = services.reader.read_waiting(services.database, chat_id, caller=caller)
        # While files are read, only a turn that is to stop takes a message up.
        await stops.run_unless_asked(reading, stop, services.database, store.is_taken_up, messages[0].id)


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
        if not messages:
            return False
        channel = services.channels.find(messages[-1].channel)
        if channel is not None and channel.one_at_a_time:
            return True
        if len(messages) == seen or clock.now() - began > max_quiet:
            return True
        seen = len(messages)
        rest = messages[-1].created_at + quiet - clock.now()
        await asyncio.sleep(min(max(rest, timedelta(0)), quiet).total_seconds())
