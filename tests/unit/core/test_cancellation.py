"""Tasks end when they are told to, even those that took the first telling for something else."""

import asyncio

from exponential.core.cancellation import cancel_and_wait


async def test_ends_what_took_its_cancellation_for_an_error() -> None:
    survived = 0

    async def work() -> None:
        nonlocal survived
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                survived += 1
                if survived == 3:
                    raise

    tasks = [asyncio.create_task(work()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await cancel_and_wait(*tasks, again=0.05)
    assert survived == 3 and all(task.done() for task in tasks)


async def test_an_error_at_the_end_is_nobodys_concern() -> None:
    async def fails() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise RuntimeError("while ending")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await cancel_and_wait(task)
    assert isinstance(task.exception(), RuntimeError)


async def test_nothing_to_end() -> None:
    await cancel_and_wait()
