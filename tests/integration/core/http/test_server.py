"""What both services' server does whatever it serves: timeouts with slow clients, bounds on what they may cost, trust
in proxies, HTTPS for good.
"""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message
from support.http_server import serving

from exponential.app.chat.chat import MAX_UPLOAD_BYTES
from exponential.core.http.bodies import Bodies, allow, known
from exponential.core.http.connections import ConnectionLimit
from exponential.core.http.timeouts import BodyTimeout, RequestTimeouts

HUGE = 30_000_000  # bytes: more than lies in sockets
SHORT = RequestTimeouts(head=0.5, body=0.5)
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _about(request: Request) -> Response:
    client = request.client
    return JSONResponse({"client": client and client.host, "scheme": request.url.scheme})


async def _large(request: Request) -> Response:
    return Response(b"x" * 1_000_000)


async def _huge(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(HUGE // 50_000):
            yield b"x" * 50_000

    return StreamingResponse(pieces())


async def _take(request: Request) -> Response:
    known(request, "everybody")
    allow(request, 50_000_000)
    return JSONResponse({"bytes": len(await request.body())})


async def _cookies(request: Request) -> Response:
    return JSONResponse(request.cookies)


async def _events(request: Request) -> Response:
    async def ticks() -> AsyncIterator[str]:
        while True:
            yield ": tick\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(ticks(), media_type="text/event-stream")


async def _refuse(request: Request) -> Response:
    return JSONResponse({}, 401)


APP = Starlette(
    routes=[
        Route("/about", _about),
        Route("/large", _large),
        Route("/huge", _huge),
        Route("/cookies", _cookies),
        Route("/events", _events),
        Route("/take", _take, methods=["POST"]),
        Route("/refuse", _refuse, methods=["POST"]),
    ],
    middleware=[Middleware(Bodies)],
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
    async with serving(APP, timeouts=SHORT) as url, connected(url) as (reader, writer):
        writer.write(sent)
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_the_next_request_of_a_connection_is_given_up_like_the_first() -> None:
    async with serving(APP, timeouts=SHORT) as url, connected(url) as (reader, writer):
        writer.write(b"GET /about HTTP/1.1\r\nHost: a\r\n\r\nGET /about HT")
        answers = await rest(reader)
        assert answers.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in answers


async def test_a_body_that_stops_is_given_up() -> None:
    async with serving(APP, timeouts=SHORT) as url, connected(url) as (reader, writer):
        writer.write(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
        answer = await rest(reader)
        assert answer.startswith(b"HTTP/1.1 408 ") and b'"code":"request_timeout"' in answer


@pytest.mark.parametrize(
    ("size", "timeouts"), [(1, SHORT), (1_000, RequestTimeouts(body=0.5, bytes_per_second=1, longest=1))]
)
async def test_a_body_that_never_ends_is_given_up_at_whatever_pace_it_comes(
    size: int, timeouts: RequestTimeouts
) -> None:
    async def some() -> Message:
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": b"x" * size, "more_body": True}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/take", "query_string": b"", "headers": []}
    async with asyncio.timeout(30):
        await BodyTimeout(APP, timeouts)(scope, some, send)
    assert sent[0]["status"] == 408


async def test_a_body_that_nobody_wants_is_not_waited_for_for_ever() -> None:
    async with serving(APP, timeouts=SHORT) as url, connected(url) as (reader, writer):
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
        assert (await rest(reader)).startswith(b"HTTP/1.1 401 ")


async def test_a_long_body_has_the_time_that_it_needs_at_a_fair_pace() -> None:
    fair = RequestTimeouts(head=5, body=0.5, bytes_per_second=1_000)

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 20_000
            await asyncio.sleep(0.25)

    async with serving(APP, timeouts=fair) as url, httpx.AsyncClient(timeout=30) as client:
        assert (await client.post(f"{url}/take", content=slowly())).json() == {"bytes": 80_000}


async def test_the_largest_upload_has_the_time_that_it_needs_at_1_mbit() -> None:
    for size in range(0, MAX_UPLOAD_BYTES, 1_000_000):
        assert size / 125_000 < RequestTimeouts().of_body(size)


async def test_only_named_proxies_say_who_asks_and_how() -> None:
    told = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
    direct, proxied = {"client": "127.0.0.1", "scheme": "http"}, {"client": "203.0.113.7", "scheme": "https"}
    for trusted, seen in (((), direct), (("10.0.0.0/8",), direct), (("10.0.0.0/8", "127.0.0.1"), proxied)):
        async with serving(APP, trusted_proxies=trusted) as url, httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/about", headers=told)
            assert answer.json() == seen
            assert ("strict-transport-security" in answer.headers) == (seen is proxied)


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    async with serving(APP, timeouts=RequestTimeouts(answer=0.5)) as url, connected(url) as (reader, writer):
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                while True:  # until the server's answers fill what lies between
                    writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.01)


async def taken(url: str, at_once: int) -> int:
    """Bytes of `/huge` that a client gets who takes so many 20 times a second, with little room for more, and after 5
    seconds the rest."""
    got, began = 0, time.monotonic()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, at_once)
        client.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, b"GET /huge HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while read := await loop.sock_recv(client, at_once):
                got += len(read)
                if time.monotonic() - began < 5:
                    await asyncio.sleep(0.05)
    return got


async def test_who_takes_an_answer_too_slowly_is_cut_off_and_at_a_fair_pace_gets_it_all() -> None:
    timeouts = RequestTimeouts(answer=2, bytes_per_second=500_000)
    async with asyncio.timeout(120), serving(APP, timeouts=timeouts) as url:
        slow, fair = await asyncio.gather(taken(url, 8_000), taken(url, 200_000))
    assert slow < HUGE <= fair


async def test_cookies_in_quotes_are_other_programs() -> None:
    told = 'username-localhost-8888="2|1:0|44:x"; exponential_theme=dark; a="\\\\"; exponential_session=x'
    async with serving(APP) as url, httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/cookies", headers={"Cookie": told})
        assert answer.json() == {"exponential_theme": "dark", "exponential_session": "x"}


async def test_a_head_that_is_too_long_is_told_so() -> None:
    async with serving(APP) as url, connected(url) as (reader, writer):
        writer.write(b"GET /about HTTP/1.1\r\nHost: a\r\nX-Long: ")
        await asyncio.sleep(0.05)
        for _ in range(4):  # not all at once
            writer.write(b"x" * 5_000)
            await asyncio.sleep(0.05)
        writer.write(b"\r\n\r\n")
        answer = await rest(reader)
        assert answer.startswith(b"HTTP/1.1 431 ") and b'"code":"head_too_large"' in answer


CHUNKED = b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(("path", "status"), [(b"/take", b"400"), (b"/refuse", b"401")])
async def test_a_body_in_a_million_chunks_is_given_up(path: bytes, status: bytes) -> None:
    async with serving(APP, lifespan="off") as url, connected(url) as (reader, writer):
        began = time.process_time()
        writer.write(b"POST " + path + CHUNKED + b"1\r\na\r\n" * 990_000 + b"0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert (await rest(reader)).startswith(b"HTTP/1.1 " + status)
        assert time.process_time() - began < 2


@pytest.mark.parametrize(("size", "chunks"), [(1, 9_000), (30, 12_000), (1_000, 20_000)])
async def test_a_body_in_many_chunks_is_taken(size: int, chunks: int) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield b"x" * size

    async with serving(APP) as url, httpx.AsyncClient(timeout=60) as client:
        for _ in range(2):  # over one connection
            assert (await client.post(f"{url}/take", content=body())).json() == {"bytes": size * chunks}


async def test_nonsense_behind_an_answer_ends_the_connection_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(APP) as url, connected(url) as (reader, writer):
        writer.write(b"POST /refuse" + CHUNKED + b"1\r\na\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
        writer.write(b"nonsense\r\n")
        await rest(reader)
    async with serving(APP) as url, connected(url) as (reader, writer):
        writer.write(b"POST /take" + CHUNKED + b"1\r\na\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"nonsense\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 400 ")
    assert "Traceback" not in caplog.text


async def test_idle_connections_make_room_for_requests() -> None:
    limit = ConnectionLimit(40)
    async with AsyncExitStack() as idle, serving(APP, limit=limit) as url, httpx.AsyncClient() as client:
        opened = [await idle.enter_async_context(connected(url)) for _ in range(200)]
        assert (await client.get(f"{url}/about")).status_code == 200
        opened[-1][1].write(b"GET /about HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await rest(opened[-1][0])).startswith(b"HTTP/1.1 200 ")  # the newest one stays
        assert sum(reader.at_eof() or bool(reader.exception()) for reader, _ in opened) >= 160


async def test_whoever_waits_for_an_answer_stays() -> None:
    """Open pages follow event streams, all from one address behind a proxy; bodies that trickle make room."""
    async with AsyncExitStack() as stack, serving(APP, limit=ConnectionLimit(400)) as url:
        pages = [await stack.enter_async_context(connected(url)) for _ in range(300)]
        for _, writer in pages:
            writer.write(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        for reader, _ in pages:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        for _ in range(600):
            _, writer = await stack.enter_async_context(connected(url))
            writer.write(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/about")).status_code == 200
        assert not any(reader.at_eof() or reader.exception() for reader, _ in pages)


async def test_who_takes_no_answers_makes_room() -> None:
    """However many requests wait behind the answer that nobody takes, whoever comes new is served."""
    async with AsyncExitStack() as stack, serving(APP, limit=ConnectionLimit(40)) as url, httpx.AsyncClient() as client:
        for _ in range(60):
            reader, writer = await stack.enter_async_context(connected(url))
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        for _ in range(3):
            assert (await client.get(f"{url}/about")).status_code == 200


async def test_without_any_room_newcomers_are_closed_at_once() -> None:
    async with AsyncExitStack() as stack, serving(APP, limit=ConnectionLimit(4)) as url:
        for _ in range(4):
            reader, writer = await stack.enter_async_context(connected(url))
            writer.write(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        reader, _ = await stack.enter_async_context(connected(url))
        with contextlib.suppress(ConnectionResetError):
            assert await rest(reader) == b""


SERVER = """
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256))
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from exponential.core import log
from exponential.core.http.server import Server
from exponential.core.http.sockets import listen
log.configure("info")
listener = listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
app = Starlette(routes=[Route("/about", lambda request: PlainTextResponse("here"))])
Server(app, before_stop=lambda: None).run(sockets=[listener])
"""


async def test_a_thousand_idle_connections_neither_stop_a_service_nor_fill_its_log() -> None:
    """It may have 256 files, and a quarter of them until it asks for more."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVER), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(await server.stdout.readline())}"
    try:
        async with AsyncExitStack() as idle, httpx.AsyncClient(timeout=5) as client:
            for _ in range(1_000):
                await idle.enter_async_context(connected(url))
            assert (await client.get(f"{url}/about")).text == "here"
    finally:
        server.terminate()
        _, written = await server.communicate()
    assert written.count(b"\n") == 1 and (b"connections_full" in written or b"no_files_left" in written)
