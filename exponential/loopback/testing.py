"""A pytest plugin: a simulated WhatsApp and its phones as fixtures; a failing test prints what went over the wire.

Name it in the top conftest, `pytest_plugins = ["exponential.loopback.testing"]`, or with `-p` on the command line.
It needs pytest and pytest-asyncio.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Generator
from typing import Protocol, TypeVar

import pytest
import pytest_asyncio

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback

T = TypeVar("T")
FIRST_NUMBER = 4915110000001
ASK_AGAIN_SECONDS = 0.05
_servers = pytest.StashKey[list[Loopback]]()


class NewPhone(Protocol):
    """What the fixture `phone` is: `phone("Alice")` is a new phone with an account of its own.

    Numbers count up from +4915110000001 unless `number`, in international form, is given.
    """

    def __call__(self, name: str = "", *, number: str = "") -> Phone: ...


@pytest_asyncio.fixture
async def whatsapp(request: pytest.FixtureRequest) -> AsyncIterator[Loopback]:
    """A WhatsApp server on 127.0.0.1, for this test alone."""
    async with Loopback() as server:
        request.node.stash.setdefault(_servers, []).append(server)
        yield server


@pytest.fixture
def phone(whatsapp: Loopback) -> NewPhone:
    """Makes phones: see NewPhone."""
    numbers = itertools.count(FIRST_NUMBER)

    def make(name: str = "", *, number: str = "") -> Phone:
        return whatsapp.add_phone(number or f"+{next(numbers)}", name)

    return make


async def until(phone: Phone, condition: Callable[[], T], *, timeout: float = 15) -> T:
    """Wait until `condition()` is true, asked again whenever anything on `phone` changes; returns what it returned.

    It is also asked every 50 ms, for it may look at more than this phone: at another one, or at the wire.

    Example: `await until(bob, lambda: sent.status == "read")`. Raises TimeoutError after `timeout` seconds.
    """
    async with asyncio.timeout(timeout):
        while not (value := condition()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(phone.changed(), ASK_AGAIN_SECONDS)
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the wire log to the report of a test that failed."""
    report = yield
    servers = item.stash.get(_servers, [])
    if report.failed:
        report.sections += [("WhatsApp wire", server.wire.text()) for server in servers]
    if report.when == "teardown":
        servers.clear()  # pytest keeps the item, and all that went over the wire with it, until the end of the run
    return report
