import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from support.app.running_app import House

from exponential.workspace import history

SCRIPT = {"accept": "application/json"}


async def test_a_browser_without_scripts_can_write_and_comes_back_to_the_chat(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        answer = await client.post("/chat/messages", data={"text": "What is <b>due</b>?"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/chat")
        assert "What is &lt;b&gt;due&lt;/b&gt;?" in (await client.get("/chat")).text


@pytest.mark.parametrize(("text", "reason"), [("  \n ", "The message is empty"), ("x" * 100_000, "Send it in parts")])
async def test_what_can_not_be_sent_is_told_in_place(house: House, text: str, reason: str) -> None:
    async with house.signed_in(await house.user()) as client:
        scripted = await client.post("/chat/messages", data={"text": text}, headers=SCRIPT)
        assert scripted.status_code == 422 and reason in scripted.json()["error"]
        page = await client.post("/chat/messages", data={"text": text})
        assert page.status_code == 422 and reason in page.text
        assert text.strip() in page.text  # the draft is not lost


async def test_a_body_beyond_all_measure_is_refused(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        answer = await client.post("/tasks", data={"title": "x" * 2_000_000}, headers=SCRIPT)
        assert answer.status_code == 413


async def test_without_a_free_connection_to_the_database_one_is_asked_to_try_again(house: House) -> None:
    database = house.app.state.exponential.database
    database._engine.sync_engine.pool._timeout = 0.1  # seconds that a request waits for one
    async with house.signed_in(await house.user()) as client, AsyncExitStack() as taken:
        for _ in range(20):
            await (await taken.enter_async_context(database.transaction())).execute(text("select 1"))
        for headers in ({}, SCRIPT):
            answer = await client.get("/chat", headers=headers)
            assert answer.status_code == 503 and "too much to do" in answer.text and "retry-after" in answer.headers
        assert (await client.get("/health")).status_code == 503


async def test_a_long_conversation_shows_its_end_first(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        for number in range(6):
            await client.post("/chat/messages", data={"text": f"message {number}"}, headers=SCRIPT)
        page = (await client.get("/chat?show=2")).text
        assert "message 0" not in page and 'href="/chat?show=8"' in page
        assert "message 0" in (await client.get("/chat?show=100")).text


async def test_changes_reach_open_pages_of_that_user_only(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    board = house.app.state.exponential.live_updates
    hers = board.stream(history.CHANNEL, str(alice.id)).body_iterator
    his = board.stream(history.CHANNEL, str(bob.id)).body_iterator
    for stream in (hers, his):
        assert await anext(stream) == b"retry: 1000\n\n"
        assert b"changed" in await anext(stream)
    waiting = asyncio.ensure_future(anext(his))
    async with house.signed_in(alice) as client:
        await client.post("/tasks", data={"title": "buy milk"})
        assert b"changed" in await asyncio.wait_for(anext(hers), 5)
    assert not waiting.done()
    board.close()
    for left in (waiting, anext(hers)):
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(left, 5)


async def test_the_service_is_healthy(house: House) -> None:
    async with house.client() as client:
        assert (await client.get("/health")).json() == {"ok": True}
