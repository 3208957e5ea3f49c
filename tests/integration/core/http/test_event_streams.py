"""Event streams on a real server: how many there may be, who makes room for whom, and how often callers are checked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from support.http_server import serving
from support.waiting import until

from exponential.core.errors import Unauthorized
from exponential.core.http.event_streams import EventStream, EventStreamLimit, admit

EVERY = 0.05


class Service:
    """A guarded service. The cookie `who` says whose the caller is, and is good until it is `refused`."""

    def __init__(self) -> None:
        self.checks: Counter[str] = Counter()
        self.refused = ""
        self.open = 0
        routes = [Route("/events", self._events), Route("/about", lambda request: JSONResponse({}))]
        guard = Middleware(EventStreamLimit, each=3, most=5, every=EVERY)
        self.app = Starlette(routes=routes, middleware=[guard])

    async def _events(self, request: Request) -> Response:
        proof = request.cookies["who"]

        async def who() -> str:
            self.checks[proof] += 1
            if proof == self.refused:
                raise Unauthorized("Not any more.")
            return proof.partition(" ")[0]

        await admit(request, proof, who, lambda user: user)
        return EventStream(self._ticks())

    async def _ticks(self) -> AsyncIterator[str]:
        self.open += 1
        try:
            while True:
                yield ": tick\n\n"
                await asyncio.sleep(0.02)
        finally:
            self.open -= 1


class Page:
    """What an open page was told, and whether its stream has ended."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ended = False

    async def read(self, answer: httpx.Response) -> None:
        async for line in answer.aiter_lines():
            self.lines.append(line)
        self.ended = True


class Browser:
    """Opens pages at a service, one after another."""

    def __init__(self, client: httpx.AsyncClient, stack: AsyncExitStack, reading: asyncio.TaskGroup) -> None:
        self.client, self._stack, self._reading = client, stack, reading

    async def opens(self, who: str) -> Page:
        page = Page()
        request = self.client.stream("GET", "/events", headers={"Cookie": f"who={who}"})
        answer = await self._stack.enter_async_context(request)
        assert answer.status_code == 200
        task = self._reading.create_task(page.read(answer))
        self._stack.callback(task.cancel)
        await until(lambda: page.lines)
        return page

    async def is_refused(self, who: str) -> httpx.Response:
        answer = await self.client.get("/events", headers={"Cookie": f"who={who}"})
        assert answer.status_code == 503
        return answer


@asynccontextmanager
async def browsing(service: Service) -> AsyncIterator[Browser]:
    async with (
        serving(service.app) as url,
        httpx.AsyncClient(base_url=url, timeout=20) as client,
        asyncio.TaskGroup() as reading,
        AsyncExitStack() as stack,
    ):
        yield Browser(client, stack, reading)


async def test_the_oldest_stream_of_a_user_ends_when_there_are_too_many_and_its_page_comes_back_later() -> None:
    async with browsing(service := Service()) as browser:
        bobs = await browser.opens("bob")
        first, *others = [await browser.opens(f"alice {number}") for number in range(4)]
        await until(lambda: first.ended)
        assert first.lines[-2:] == ["retry: 60000", ""]  # so that tabs don't end each other's streams without end
        await browser.opens("alice 9")
        await until(lambda: others[0].ended)
        assert service.open == 4 and not any(page.ended for page in (bobs, *others[1:]))


async def test_all_streams_together_leave_room_for_requests() -> None:
    async with browsing(service := Service()) as browser:
        pages = [await browser.opens(who) for who in ("alice", "alice", "alice", "bob", "bob")]
        answer = await browser.is_refused("bob")
        assert answer.json()["code"] == "streams_full" and answer.headers["retry-after"]
        await until(lambda: service.open == 5)
        assert (await browser.client.get("/about")).status_code == 200
        pages.append(await browser.opens("alice"))  # in the place of her oldest
        await until(lambda: pages[0].ended)
        assert not any(page.ended for page in pages[1:])


async def test_a_cookie_is_checked_once_for_all_its_streams() -> None:
    async with browsing(service := Service()) as browser:
        pages = [await browser.opens(who) for who in ("alice 1", "alice 1", "alice 1", "bob", "bob")]
        opened = service.checks.copy()
        await until(lambda: service.checks["bob"] == opened["bob"] + 20)
        assert abs(service.checks["alice 1"] - opened["alice 1"] - 20) <= 1
        service.refused = "alice 1"
        await until(lambda: all(page.ended for page in pages[:3]))
        assert pages[0].lines[-1] == "" and "retry: 60000" not in pages[0].lines
        assert not any(page.ended for page in pages[3:])
    await until(lambda: not service.open)
    checked = service.checks.copy()
    await asyncio.sleep(EVERY * 3)
    assert service.checks == checked
