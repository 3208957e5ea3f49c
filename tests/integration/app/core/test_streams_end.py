"""Open event streams end, within seconds, with what opened them."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from playwright.async_api import Browser, expect
from support.app.accounts import GOOD, an_admin
from support.app.running_app import GatewayStandIn, House
from support.browser import open_window
from support.waiting import until

from exponential.app import service
from exponential.auth import sign_in
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.http.event_streams import MAX_STREAMS_PER_USER

Client = httpx.AsyncClient
STREAMS = ("/chat/events", "/chats/events", "/tasks/events", "/api/whatsapp/events")


@asynccontextmanager
async def browser(house: House, url: str, user: User) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(20, read=None)) as client:
        async with house.database.transaction() as session:
            client.cookies.set("exponential_session", await sign_in.sign_in(session, user.id, "link"))
        yield client


async def ended_by(client: Client, act: Callable[[], Awaitable[object]], *paths: str) -> None:
    """Open the streams, do `act` when all of them tell something, and wait until the server has ended them."""
    told = [asyncio.Event() for _ in paths]

    async def read(path: str, has_told: asyncio.Event) -> None:
        async with client.stream("GET", path) as stream:
            assert stream.status_code == 200
            async for _ in stream.aiter_lines():
                has_told.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as reading:
        for path, has_told in zip(paths, told, strict=True):
            reading.create_task(read(path, has_told))
        for has_told in told:
            await has_told.wait()
        await act()
    for path in paths:
        assert (await client.get(path)).status_code == 401


def test_no_stream_is_forgotten_here() -> None:
    paths = {str(getattr(route, "path", "")) for part in service._PARTS for route in part.router.routes}
    assert {path for path in paths if path.endswith("/events")} == {*STREAMS, "/chat/{chat_id:uuid}/events"}


async def test_all_of_them_end_when_the_browser_signs_out(linked_house: House, gateway: GatewayStandIn) -> None:
    async with linked_house.served() as url, browser(linked_house, url, await linked_house.user()) as client:
        cookie = client.cookies["exponential_session"]

        async def sign_out() -> None:
            await client.post("/sign-out")
            client.cookies.set("exponential_session", cookie)

        await ended_by(client, sign_out, *STREAMS)
        board = linked_house.app.state.exponential.live_updates
        await until(lambda: not board._watchers)


@pytest.mark.parametrize("path", ["/settings/sessions/end-all", "/settings/sessions/end-others", "/settings/password"])
async def test_they_end_when_another_browser_ends_all(house: House, path: str) -> None:
    alice = await house.user()
    async with house.served() as url, browser(house, url, alice) as client, browser(house, url, alice) as other:
        password = {"password": GOOD, "again": GOOD}
        await ended_by(client, lambda: other.post(path, data=password), "/chat/events")
        async with house.database.transaction() as session:
            assert len(await sign_in.sessions_of(session, alice.id, "")) == (path != "/settings/sessions/end-all")


async def test_they_end_with_the_account_and_the_session_and_others_go_on(house: House) -> None:
    root, alice, bob = await an_admin(house), await house.user(), await house.user("bob@example.org", "Bob")
    async with (
        house.served() as url,
        browser(house, url, root) as admin,
        browser(house, url, alice) as client,
        browser(house, url, bob) as other,
    ):
        remove = f"/settings/people/{alice.id}/remove"
        async with other.stream("GET", "/tasks/events") as stream:
            lines = stream.aiter_lines()
            await ended_by(client, lambda: admin.post(remove, data={"confirm": alice.email}), "/tasks/events")
            assert await anext(lines) == "retry: 1000"
            with clock.frozen(clock.now() + sign_in.SESSION_LIFETIME + timedelta(minutes=1)):
                assert [line async for line in lines][-1] == ""  # it ends as it should, not in the middle


async def test_a_page_that_is_left_open_goes_to_the_sign_in_page(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.served() as url, browser(house, url, alice) as other, open_window(chromium) as window:
        page = window.page
        window.expect_complaint("401")
        async with house.database.transaction() as session:
            cookie = await sign_in.sign_in(session, alice.id, "link")
        await page.context.add_cookies([{"name": "exponential_session", "value": cookie, "url": url}])
        await page.goto(f"{url}/tasks")
        await expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
        await other.post("/settings/sessions/end-all")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert re.search('name="to" value="/tasks"', await page.content())


async def test_one_user_holds_a_few_streams_and_the_oldest_makes_room(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with (
        house.served() as url,
        browser(house, url, alice) as client,
        browser(house, url, bob) as other,
        AsyncExitStack() as stack,
    ):
        bobs = await stack.enter_async_context(other.stream("GET", "/chats/events"))
        opened = []
        for _ in range(MAX_STREAMS_PER_USER + 1):
            stream = await stack.enter_async_context(client.stream("GET", "/chats/events"))
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 1000"
            opened.append(lines)
        async with asyncio.timeout(20):
            assert [line async for line in opened[0]][-2:] == ["retry: 60000", ""]
        board = house.app.state.exponential.live_updates
        await until(lambda: sum(len(watchers) for watchers in board._watchers.values()) == MAX_STREAMS_PER_USER + 1)
        assert await anext(bobs.aiter_lines()) == "retry: 1000"
