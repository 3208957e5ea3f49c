"""A worker may act for as long as its gateway's lease lasts, however much it has to do."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from support.gateways import PAPER

from exponential.gateway.cluster.lease import Lease
from exponential.gateway.worker import protocol
from exponential.gateway.worker.process import WorkerProcess


@pytest.fixture
async def lease() -> AsyncIterator[Lease]:
    lease = Lease()
    yield lease
    lease.close()


@pytest.fixture
async def busy(lease: Lease) -> AsyncIterator[WorkerProcess]:
    """A worker that has been told to do something, and is at it."""
    process = await WorkerProcess.start(replace(PAPER, module="support.gateway.busy_worker"), lease, lambda *_: None)
    process.tell(protocol.Configure(""))
    assert isinstance(await anext(process.events()), protocol.Ready)
    yield process
    process.kill()
    await process.close()


async def _end_of(process: WorkerProcess) -> None:
    async for _ in process.events():
        pass


async def test_a_busy_worker_notices_that_its_lease_was_renewed_and_that_it_ran_out(
    busy: WorkerProcess, lease: Lease
) -> None:
    end = asyncio.create_task(_end_of(busy))
    for _ in range(5):
        lease.until = time.monotonic() + 3
        await asyncio.sleep(1)
    assert not end.done()
    await asyncio.wait_for(end, 30)  # long before it would have done what it was told


async def test_without_a_lease_a_worker_goes_on(busy: WorkerProcess) -> None:
    end = asyncio.create_task(_end_of(busy))
    await asyncio.sleep(1)
    assert not end.done()
    end.cancel()
