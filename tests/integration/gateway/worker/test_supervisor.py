"""The supervisor lets go: at once and for good, whatever its workers' news are doing at that moment."""

import asyncio
from pathlib import Path

import pytest
from support.gateways import PAPER, workers
from support.waiting import until

from exponential.core import clock
from exponential.core.database import Database
from exponential.gateway.access.policy import Policy
from exponential.gateway.cluster.lease import Lease
from exponential.gateway.credentials.checkouts import Checkouts
from exponential.gateway.credentials.credential_store import CredentialStore
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker import protocol
from exponential.gateway.worker.process import WorkerProcess
from exponential.gateway.worker.supervisor import SessionOptions, Supervisor

KEY = b"k" * 32


async def test_a_place_is_given_up_when_its_news_were_lost_with_the_database(
    gateway_database: Database, tmp_path: Path
) -> None:
    """A cancellation that meets a broken connection comes out as the connection's error."""
    now = clock.now()
    session = Session(
        id=clock.new_id(), owner="ada", status=sessions.PENDING, reason="", since=now, created_at=now, linked=False
    )
    async with gateway_database.transaction() as db:
        db.add(session)
    applying = asyncio.Event()

    async def apply(_event: protocol.Event) -> None:
        applying.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError("server closed the connection unexpectedly") from None

    async def opening(_session_id: object) -> SessionOptions:
        return SessionOptions(Policy())

    before = set(workers())

    async def record_id(_leaving: object) -> bool:
        return True

    checkouts = Checkouts(CredentialStore(gateway_database, [KEY]), tmp_path)
    supervisor = Supervisor(
        PAPER, tmp_path, KEY, checkouts, options_of=opening, apply=apply, record_id=record_id, per_worker=1
    )
    await supervisor.open(session.id)
    await asyncio.wait_for(applying.wait(), 20)
    async with asyncio.timeout(10):
        await supervisor.abandon()
    assert supervisor.workers == []
    await until(lambda: set(workers()) <= before)
    await supervisor.open(session.id)  # and it goes on afterwards
    assert len(supervisor.workers) == 1
    await until(lambda: supervisor.workers[0] is not None)
    await supervisor.abandon()


async def test_a_worker_that_has_died_answers_nobody_while_its_last_news_wait() -> None:
    """Else a message that is sent in that moment waits for two minutes, and all behind it."""
    process = await WorkerProcess.start(PAPER, Lease(), lambda *_: None)
    process.kill()
    await until(lambda: process.gone)
    asked = asyncio.create_task(process.ask(lambda number: protocol.Groups("s", number), 60))
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(asked, 10)
    assert [type(event) async for event in process.events()] in ([], [protocol.Ready])
    await process.close()
