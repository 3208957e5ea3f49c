"""Postgres goes away under both services and comes back: nothing is lost, nobody crashes, stopping is quick."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from support.waiting import until

from benchmarks import chaos_count
from benchmarks.chaos_plan import Message
from benchmarks.chaos_stage import Stage, staged

AWAY = 8.0  # seconds
PATIENT = 15.0  # seconds, on a busy machine


@pytest.fixture(autouse=True)
def key_ring() -> None:
    """The stage has keys of its own, for all tests."""


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Stage]:
    """In a folder directly below /tmp, which the embedded Postgres can reach as a user of its own."""
    folder = Path(tempfile.mkdtemp(prefix="exponential-tests-"))
    folder.chmod(0o755)
    async with staged(folder, sessions=2) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def sent() -> list[tuple[Message, str]]:
    """What was sent so far, and the ids."""
    return []


def say(stage: Stage, sent: list[tuple[Message, str]], count: int) -> None:
    for number in range(len(sent), len(sent) + count):
        message = Message(number, number % 2, 0)
        chat = stage.chats[message.chat]
        sent.append((message, chat.phone.send_text(chat.to, message.text).id))


async def quiet(stage: Stage, heard: int, within: float = 60) -> None:
    """Wait until the app heard `heard` messages and nothing is on its way any more."""
    pending = None
    try:
        async with asyncio.timeout(within):
            while pending is None or not (pending.quiet and pending.heard == heard):
                pending = await chaos_count.pending(stage)
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"after {within:.0f} s, with {heard} messages sent: {pending}")


async def status(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(url)).status_code


async def test_the_database_goes_and_comes_back_under_both_services(
    stage: Stage, sent: list[tuple[Message, str]]
) -> None:
    lives = stage.gateway.lives, stage.app.lives
    say(stage, sent, 10)
    await until(lambda: stage.chats[0].phone.messages("me")[-1].device != 0)
    say(stage, sent, 6)
    await stage.postgres.stop()
    say(stage, sent, 10)
    gone = time.monotonic()
    while time.monotonic() - gone < AWAY:
        assert await status(f"{stage.app.url}/health") == 503
        assert await status(f"{stage.gateway.url}/sessions") == 401  # it is there, and says no more than it must
        await asyncio.sleep(0.5)
    await stage.postgres.start()
    say(stage, sent, 4)
    await quiet(stage, len(sent))
    found = await chaos_count.count(stage, sent)
    assert found == chaos_count.Count(acknowledged=len(sent))
    assert (stage.gateway.lives, stage.app.lives) == lives


async def test_both_services_stop_in_order_without_their_database(
    stage: Stage, sent: list[tuple[Message, str]]
) -> None:
    say(stage, sent, 10)
    await until(lambda: stage.chats[0].phone.messages("me")[-1].device != 0)
    say(stage, sent, 10)
    await stage.postgres.stop()
    say(stage, sent, 10)
    async with asyncio.timeout(PATIENT):
        while await status(f"{stage.app.url}/health") != 503:
            await asyncio.sleep(0.05)
    for service in (stage.gateway, stage.app):
        began = time.monotonic()
        assert await service.stop() == 0
        took = time.monotonic() - began
        assert took < PATIENT, f"{took:.1f} s; on a machine with time for it, it takes under 5"
    await stage.postgres.start()
    for service in (stage.gateway, stage.app):
        await service.start(service.url)
    await quiet(stage, len(sent), within=90)
    found = await chaos_count.count(stage, sent)
    assert found == chaos_count.Count(acknowledged=len(sent))
