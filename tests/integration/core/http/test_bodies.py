"""Bodies of requests: who may send how much, and how much of it is in memory at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from support.http_server import serving
from support.waiting import until

from exponential.core.errors import ExponentialError
from exponential.core.http.bodies import MAX_ANONYMOUS_BYTES, Bodies, Budget, known

SHARE, MOST, SPARE = 500_000, 900_000, 100_000  # bytes


async def _take(request: Request) -> Response:
    if caller := request.headers.get("x-caller"):
        known(request, caller if caller != "gateway" else None)
    return JSONResponse({"bytes": len(await request.body())})


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ExponentialError)
    return JSONResponse(error.as_json(), error.status)


@asynccontextmanager
async def taking(budget: Budget) -> AsyncIterator[httpx.AsyncClient]:
    routes = [Route("/take", _take, methods=["POST"])]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Bodies, budget=budget)],
        exception_handlers={ExponentialError: _told},
    )
    async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


@asynccontextmanager
async def unfinished(
    client: httpx.AsyncClient, budget: Budget, caller: str, size: int, *, of: int | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A request of whose body, `of` so many bytes in all, `size` have come; its sender hangs up in the end."""
    before = budget.held
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    head = f"POST /take HTTP/1.1\r\nHost: a\r\nX-Caller: {caller}\r\nContent-Length: {of or size + 1}\r\n\r\n"
    writer.write(head.encode() + b"x" * size)
    await until(lambda: budget.held == before + size)
    yield reader, writer
    writer.close()
    await until(lambda: budget.held == before)


async def answer(client: httpx.AsyncClient, caller: str, size: int, *, chunked: bool = False) -> tuple[int, str | None]:
    """Status and code of the answer to a whole request."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 10_000):
            yield b"x" * min(10_000, size - start)

    content = chunks() if chunked else b"x" * size
    found = await client.post("/take", headers={"X-Caller": caller} if caller else {}, content=content)
    return found.status_code, found.json().get("code")


@pytest.mark.parametrize("chunked", [False, True])
async def test_whoever_is_not_known_sends_little(chunked: bool) -> None:
    async with taking(Budget()) as client:
        assert await answer(client, "", MAX_ANONYMOUS_BYTES, chunked=chunked) == (200, None)
        assert await answer(client, "", MAX_ANONYMOUS_BYTES + 1, chunked=chunked) == (413, "bad_input")
        assert await answer(client, "alice", MAX_ANONYMOUS_BYTES + 1, chunked=chunked) == (200, None)
        assert await answer(client, "alice", 2_000_000, chunked=chunked) == (413, "bad_input")


@pytest.mark.parametrize("chunked", [False, True])
async def test_nobody_holds_more_than_a_share(chunked: bool) -> None:
    """What somebody has only announced counts towards their share: nobody else's room is lost by it."""
    budget = Budget(MOST, SHARE, SPARE)
    async with taking(budget) as client:
        async with unfinished(client, budget, "alice", 20_000, of=300_000):
            assert await answer(client, "alice", 300_000, chunked=chunked) == (503, "too_much_at_once")
            assert await answer(client, "alice", 200_000, chunked=chunked) == (200, None)
            assert await answer(client, "alice", MAX_ANONYMOUS_BYTES, chunked=chunked) == (200, None)
            assert await answer(client, "bob", 300_000, chunked=chunked) == (200, None)
        assert await answer(client, "alice", 300_000, chunked=chunked) == (200, None)
        assert budget.held == 0


async def test_all_together_hold_no_more_than_there_is_room_for() -> None:
    budget = Budget(MOST, SHARE, SPARE)
    async with taking(budget) as client:
        async with unfinished(client, budget, "alice", 400_000), unfinished(client, budget, "bob", 400_000):
            assert await answer(client, "carol", 200_000) == (503, "too_much_at_once")
            assert await answer(client, "carol", 100_000) == (200, None)
            assert await answer(client, "gateway", 300_000) == (200, None)  # its 503 would stop everybody's messages
        assert await answer(client, "carol", 200_000) == (200, None)
        assert budget.held == 0


async def test_what_is_only_announced_takes_nobodys_room() -> None:
    budget = Budget(MOST, SHARE, SPARE)
    async with taking(budget) as client, AsyncExitStack() as open:
        for caller in ("mallory", "oscar", "trudy"):
            await open.enter_async_context(unfinished(client, budget, caller, 1, of=SHARE))
        assert await answer(client, "alice", SHARE) == (200, None)


async def test_the_last_room_is_for_what_has_come_furthest() -> None:
    """A file that has nearly arrived doesn't lose its room to those that begin."""
    budget = Budget(MOST, SHARE, SPARE)
    async with taking(budget) as client:
        async with (
            unfinished(client, budget, "mallory", 420_000, of=SHARE),
            unfinished(client, budget, "oscar", 90_000, of=SHARE),
            unfinished(client, budget, "alice", 300_000, of=380_000) as (reader, writer),
        ):
            assert await answer(client, "carol", 20_000) == (503, "too_much_at_once")
            writer.write(b"x" * 80_000)
            assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 200")


async def test_a_body_for_which_there_is_no_room_any_more_is_told_so_on_its_way() -> None:
    budget = Budget(MOST, SHARE, SPARE)
    async with taking(budget) as client:
        async with (
            unfinished(client, budget, "mallory", 420_000, of=SHARE),
            unfinished(client, budget, "oscar", 300_000, of=SHARE),
        ):
            async with unfinished(client, budget, "alice", 80_000, of=400_000) as (reader, writer):
                writer.write(b"x" * 320_000)
                assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 503")
                await until(lambda: budget.held == 720_000)


async def test_a_client_that_hangs_up_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    budget = Budget(MOST, SHARE, SPARE)
    async with taking(budget) as client:
        for caller in ("alice", "bob"):
            async with unfinished(client, budget, caller, 100_000):
                pass
        assert await answer(client, "alice", 100) == (200, None)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
