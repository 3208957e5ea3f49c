import asyncio

from exponential.gateway.messages import keyed_queue
from exponential.gateway.messages.keyed_queue import KeyedQueue


async def test_one_key_never_runs_twice_at_once_and_no_poke_is_missed() -> None:
    running = runs = 0
    gate = asyncio.Event()

    async def work(_key: str, _poked: asyncio.Event) -> None:
        nonlocal running, runs
        running, runs = running + 1, runs + 1
        assert running == 1
        await gate.wait()
        running -= 1

    kept = KeyedQueue("test", work)
    kept.poke("a")
    await asyncio.sleep(0)
    kept.poke("a")
    kept.poke("a")
    gate.set()
    while kept._running:
        await asyncio.sleep(0)
    assert runs == 2


async def test_keys_do_not_wait_for_each_other() -> None:
    done: list[str] = []
    never = asyncio.Event()

    async def work(key: str, _poked: asyncio.Event) -> None:
        if key == "stuck":
            await never.wait()
        done.append(key)

    kept = KeyedQueue("test", work)
    kept.poke("stuck")
    kept.poke("free")
    while "free" not in done:
        await asyncio.sleep(0)
    await kept.close()
    assert done == ["free"]


async def test_work_that_raised_is_done_again() -> None:
    attempts = 0
    done = asyncio.Event()

    async def work(_key: str, _poked: asyncio.Event) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise OSError("the database is away")
        done.set()

    before, keyed_queue.RETRY_SECONDS = keyed_queue.RETRY_SECONDS, 0.01
    try:
        KeyedQueue("test", work).poke("a")
        await asyncio.wait_for(done.wait(), 5)
    finally:
        keyed_queue.RETRY_SECONDS = before
