"""What both services' server does whatever it serves: patience with slow clients, trust in proxies, HTTPS for good."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from exponential.http.patience import BodyTimeout, Patience

SHORT = Patience(head=0.5, body=0.5)
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _about(request: Request) -> Response:
    client = request.client
    return JSONResponse({"client": client and client.host, "scheme": request.url.scheme})


async def _large(request: Request) -> Response:
    return Response(b"x" * 1_000_000)


async def _take(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


async def _refuse(request: Request) -> Response:
    return JSONResponse({}, 401)


APP = Starlette(
    routes=[
        Route("/about", _about),
        Route("/large", _large),
        Route("/take", _take, methods=["POST"]),
        Route("/refuse", _refuse, methods=["POST"]),
    ]
)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What still comes, until the server closes the connection."""
    async with asyncio.timeout(30):
        return await reader.read()


@pytest.mark.parametrize("sent", [b"", b"GET /about HT", b"GET /about HTTP/1.1\r\nHost: a\r\nX-Slow: "])
async def test_a_request_that_never_ends_is_given_up(sent: bytes) -> None:
    async with serving(APP, patience=SHORT) as url, connected(url) as (reader, writer):
        writer.write(sent)
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_the_next_request_of_a_connection_is_given_up_like_the_first() -> None:
    async with serving(APP, patience=SHORT) as url, connected(url) as (reader, writer):
        writer.write(b"GET /about HTTP/1.1\r\nHost: a\r\n\r\nGET /about HT")
        answers = await rest(reader)
        assert answers.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in answers


async def test_a_body_that_stops_is_given_up() -> None:
    async with serving(APP, patience=SHORT) as url, connected(url) as (reader, writer):
        writer.write(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
        answer = await rest(reader)
        assert answer.startswith(b"HTTP/1.1 408 ") and b'"code":"request_timeout"' in answer


async def test_a_body_that_trickles_is_given_up_all_the_same() -> None:
    async def byte() -> Message:
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": b"x", "more_body": True}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/take", "query_string": b"", "headers": []}
    async with asyncio.timeout(30):
        await BodyTimeout(APP, SHORT)(scope, byte, send)
    assert sent[0]["status"] == 408


async def test_a_body_that_nobody_wants_is_not_waited_for_for_ever() -> None:
    async with serving(APP, patience=SHORT) as url, connected(url) as (reader, writer):
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
        assert (await rest(reader)).startswith(b"HTTP/1.1 401 ")


async def test_a_long_body_has_the_time_that_it_needs_at_a_fair_pace() -> None:
    fair = Patience(head=5, body=0.5, bytes_per_second=1_000)

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 20_000
            await asyncio.sleep(0.25)

    async with serving(APP, patience=fair) as url, httpx.AsyncClient(timeout=30) as client:
        assert (await client.post(f"{url}/take", content=slowly())).json() == {"bytes": 80_000}


async def test_only_named_proxies_say_who_asks_and_how() -> None:
    told = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
    direct, proxied = {"client": "127.0.0.1", "scheme": "http"}, {"client": "203.0.113.7", "scheme": "https"}
    for trusted, seen in (((), direct), (("10.0.0.0/8",), direct), (("10.0.0.0/8", "127.0.0.1"), proxied)):
        async with serving(APP, trusted_proxies=trusted) as url, httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/about", headers=told)
            assert answer.json() == seen
            assert ("strict-transport-security" in answer.headers) == (seen is proxied)


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    async with serving(APP, patience=Patience(answer=0.5)) as url, connected(url) as (reader, writer):
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                while True:  # until the server's answers fill what lies between
                    writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.01)
