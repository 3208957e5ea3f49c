"""Processes die by SIGKILL in the middle of a turn; another one goes on, and nothing is done twice."""

import asyncio
import signal
import sys
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import support.assistant
from sqlalchemy import func, select, text
from support.assistant.conversations import StageGateway, Story
from support.waiting import until

from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.assistant.tables import ToolCall, Turn
from exponential.assistant.timing import Timing
from exponential.assistant.turns import ledger, run, store
from exponential.core.database import Database
from exponential.core.settings import AppSettings
from exponential.workspace.tasks import Task

WORKER = Path(support.assistant.__file__).with_name("crashing_worker.py")
IMPATIENT = Timing(stalled=2.0, sweep=0.2)


@pytest.mark.parametrize("where", [1, 2, 3], ids=["in the model", "after the tool", "in the tool"])
async def test_a_killed_turn_goes_on_elsewhere(
    app_database: Database, app_settings: AppSettings, story: Story, ring_key: bytes, where: int
) -> None:
    alice = await story.account("alice")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), app_database.libpq, ring_key.hex(), str(where), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    (received,) = await story.say(Incoming(alice, "web", "add buy milk"))
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"hanging\n"
    await story.say(Incoming(alice, "web", "what are my tasks?"))  # waits behind it
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with app_database.transaction() as session:
        assert await session.scalar(select(func.count(Task.id))) == (1 if where == 2 else 0)
    async with Runtime(app_database, app_settings, timing=IMPATIENT):
        replies = await story.replies(received.chat_id, 2, seconds=30)
    assert replies[0] == "Added **buy milk**." and "You have 1 open task" in replies[1] and len(replies) == 2
    async with app_database.transaction() as session:
        assert await session.scalar(select(func.count(Task.id))) == 1
        assert await session.scalar(select(func.count()).select_from(ToolCall)) == 2


async def claimed_twice(database: Database, chat_id: UUID) -> tuple[store.ActiveTurn, store.ActiveTurn]:
    """The same turn as the slow process has it, and the quick one after it."""
    async with database.transaction() as session:
        slow = await store.claim(session, chat_id)
    async with database.transaction() as session:
        quick = await store.claim(session, chat_id)
    assert slow is not None and quick is not None and slow.turn_id == quick.turn_id
    return slow, quick


async def can_write_nothing(database: Database, slow: store.ActiveTurn) -> None:
    for attempt in (
        lambda session: store.save(session, slow, []),
        lambda session: store.finish(session, slow, "slow", own=[]),
        lambda session: store.break_off(session, slow, "slow", state="failed"),
        lambda session: ledger.hold(session, slow.turn_id, slow.run),
    ):
        with pytest.raises(ledger.Superseded):
            async with database.transaction() as session:
                await attempt(session)


async def test_a_turn_finished_elsewhere_is_not_finished_again(
    app_database: Database, story: Story, alice: UUID
) -> None:
    """Two processes hold the same turn: one was only slow, not dead."""
    (received,) = await story.say(Incoming(alice, "web", "add buy milk"))
    slow, quick = await claimed_twice(app_database, received.chat_id)
    async with app_database.transaction() as session:
        await store.finish(session, quick, "quick", own=[])
    await can_write_nothing(app_database, slow)
    assert await story.replies(received.chat_id) == ["quick"]


async def test_a_run_that_was_overtaken_can_not_write_any_more(
    app_database: Database, story: Story, alice: UUID
) -> None:
    """A process that was only slow must not do with its own model's answer what the next one does with another."""
    (received,) = await story.say(Incoming(alice, "web", "add buy milk"))
    slow, quick = await claimed_twice(app_database, received.chat_id)
    await can_write_nothing(app_database, slow)
    async with app_database.transaction() as session:
        assert await ledger.hold(session, quick.turn_id, quick.run)


async def test_dead_processes_are_not_held_against_a_turn(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    (received,) = await story.say(Incoming(alice, "web", "add buy milk"))
    for _ in range(run.MAX_TRIES * 3):
        async with app_database.transaction() as session:
            assert await store.claim(session, received.chat_id)
    async with app_database.transaction() as session:
        await session.execute(text("update procrastinate_jobs set attempts = 99"))
    async with Runtime(app_database, app_settings, timing=IMPATIENT):
        assert await story.replies(received.chat_id) == ["Added **buy milk**."]


async def test_a_turn_that_takes_every_process_down_is_given_up_honestly_once(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    (received,) = await story.say(Incoming(alice, "web", "add buy milk"))
    for _ in range(run.MAX_FRUITLESS):
        async with app_database.transaction() as session:
            assert await store.claim(session, received.chat_id)
    async with Runtime(app_database, app_settings, timing=IMPATIENT):
        [reply] = await story.replies(received.chat_id)
        assert "my process stopped each time" in reply
        await story.say(Incoming(alice, "web", "what are my tasks?"))
        assert len(await story.replies(received.chat_id, 2)) == 2


async def test_a_turn_whose_job_is_gone_is_answered_all_the_same(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID, bob: UUID
) -> None:
    """As when a slow process ends the job that the next one runs, which then dies."""
    (begun,) = await story.say(Incoming(alice, "web", "add buy milk"))
    (waiting,) = await story.say(Incoming(bob, "web", "add buy bread"))
    async with app_database.transaction() as session:
        assert await store.claim(session, begun.chat_id)
        await session.execute(text("delete from procrastinate_jobs"))
    async with Runtime(app_database, app_settings, timing=IMPATIENT):
        assert await story.replies(begun.chat_id) == ["Added **buy milk**."]
        assert await story.replies(waiting.chat_id) == ["Added **buy bread**."]


async def test_the_database_drops_all_connections_again_and_again(
    connected: Runtime, gateway: StageGateway, app_database: Database, story: Story, alice: UUID
) -> None:
    """As when Postgres restarts: every message gets its one answer all the same."""
    database_name = app_database.url.database

    def cut() -> None:
        with psycopg.connect(app_database.libpq, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
                (database_name,),
            )

    count = 25
    for number in range(count):
        message = Incoming(
            alice,
            "whatsapp",
            f"add thing {number}",
            account="s1",
            address=f"{number}@lid",
            external_id=f"m{number}",
        )

        async def stored(message: Incoming = message) -> bool:
            try:
                await story.say(message)
            except Exception:
                return False  # as the gateway does: no 202, so it is sent again
            return True

        await until(stored)
        if number % 5 == 2:
            await asyncio.to_thread(cut)

    async def all_sent() -> bool:
        return len({chat for _, chat, _ in gateway.sent.values()}) == count

    await until(all_sent, 60)
    assert sorted(await story.titles(alice)) == sorted(f"thing {number}" for number in range(count))
    async with app_database.transaction() as session:
        assert await session.scalar(select(func.count()).where(Turn.state != "done")) == 0
