"""The export of all that is somebody's: complete, with little memory, and not many at a time."""

import asyncio
import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text
from support.app.running_app import House

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.assistant.files import attachments
from exponential.auth.users import User

EXPORT = "/settings/data/export"
SIZE = 4_000_000  # bytes of a file


async def send_files(house: House, user: User, count: int) -> dict[str, bytes]:
    """`count` files that can't be compressed, by their names."""
    files = {f"{number}.bin": os.urandom(SIZE) for number in range(count)}
    for name, data in files.items():
        async with house.database.transaction() as session:
            attached = (attachments.attachment(name, "", data),)
            await conversation.receive(session, Incoming(user.id, "web", "look", attachments=attached))
    return files


@pytest.fixture
async def alice(house: House) -> User:
    return await house.user()


@pytest.fixture
async def browser(house: House, alice: User) -> AsyncIterator[httpx.AsyncClient]:
    """Alice's, which takes an answer as it comes."""
    async with house.served() as url, house.signed_in(alice) as page:
        async with httpx.AsyncClient(base_url=url, cookies=dict(page.cookies), timeout=60) as client:
            yield client


async def test_an_export_has_the_files_as_they_came(house: House, alice: User) -> None:
    bob = await house.user("bob@example.org", "Bob")
    files = await send_files(house, alice, 3)
    await send_files(house, bob, 1)
    async with house.signed_in(alice) as page:
        archive = zipfile.ZipFile(io.BytesIO((await page.get(EXPORT)).content))
    assert archive.testzip() is None
    rows = json.loads(archive.read("attachments.json"))
    assert {row["name"]: archive.read(row["data"]) for row in rows} == files
    assert {row["view"] for row in rows} == {None}
    assert len([name for name in archive.namelist() if name.startswith("files/")]) == 3


async def test_an_export_takes_the_memory_of_one_file_however_many_there_are(
    house: House, alice: User, browser: httpx.AsyncClient
) -> None:
    await send_files(house, alice, 15)
    tracemalloc.start()
    try:
        async with browser.stream("GET", EXPORT) as answer:
            size = sum([len(chunk) async for chunk in answer.aiter_bytes()])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 15 * SIZE
    assert peak < 10 * SIZE


async def test_one_of_each_user_until_it_is_downloaded(house: House, alice: User, browser: httpx.AsyncClient) -> None:
    await send_files(house, alice, 10)
    async with browser.stream("GET", EXPORT) as first:
        assert first.status_code == 200
        refused = await browser.get(EXPORT, headers={"Accept": "application/json"})
        assert (refused.status_code, refused.json()["code"]) == (409, "export_running")
        page = await browser.get(EXPORT, headers={"Accept": "text/html"})
        assert page.status_code == 409 and refused.json()["error"] in page.text and "Erase everything" in page.text
    async with asyncio.timeout(20):  # it was broken off
        while (again := await browser.get(EXPORT, headers={"Accept": "application/json"})).status_code == 409:
            await asyncio.sleep(0.05)
    assert again.status_code == 200


async def test_few_are_made_at_a_time(house: House) -> None:
    users = [await house.user(f"{name}@example.org", name) for name in ("ada", "bob", "cleo")]
    async with house.signed_in(users[0]) as ada, house.signed_in(users[1]) as bob, house.signed_in(users[2]) as cleo:
        async with house.database.transaction() as session:
            await session.execute(text("lock table facts in access exclusive mode"))  # exports wait for it
            making = [asyncio.create_task(client.get(EXPORT)) for client in (ada, bob)]
            waiting = text("select count(*) from pg_locks where not granted and relation = 'facts'::regclass")
            async with asyncio.timeout(20):
                while (await session.execute(waiting)).scalar_one() < 2:
                    await asyncio.sleep(0.05)
                refused = await cleo.get(EXPORT, headers={"Accept": "application/json"})
            assert (refused.status_code, refused.json()["code"]) == (503, "exports_busy")
            assert refused.headers["Retry-After"] and "Try again" in refused.json()["error"]
        assert [(await each).status_code for each in making] == [200, 200]
        assert (await cleo.get(EXPORT)).status_code == 200
