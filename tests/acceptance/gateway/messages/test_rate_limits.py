"""A contact who writes too much is not heard for a while and told so once; others and the owner notice nothing."""

import secrets
from collections.abc import AsyncIterator

import pytest
from support.gateway.linked_gateway import World
from support.gateways import App, StartGateway

from exponential.gateway.messages import media, notices
from exponential.loopback.server.server import Loopback


@pytest.fixture
async def strict(whatsapp: Loopback, start_real_gateway: StartGateway, app: App) -> AsyncIterator[World]:
    """A gateway that hears three messages an hour of a contact."""
    async with start_real_gateway(contact_limit=3) as gateway:
        world = World.around(gateway, whatsapp, app)
        await world.link()
        yield world


async def test_too_many_messages_are_kept_nowhere_and_answered_with_one_sentence(strict: World) -> None:
    await strict.allow(mode="everyone")
    for number in range(8):
        strict.bob.send_text(strict.ada, str(number))
    strict.mallory.send_text(strict.ada, "hello")
    for number in range(4):
        strict.ada.send_text("me", f"mine {number}")
    told = await strict.bob.wait_for(notices.TOO_MUCH, chat=strict.ada)
    heard = [message["text"] for message in await strict.hears(8)]
    assert [text for text in heard if text.isdecimal()] == ["0", "1", "2"]
    assert {"hello", "mine 0", "mine 3"} <= set(heard)
    strict.bob.send_text(strict.ada, "and again")
    await strict.only_me_works("done")
    assert [line.id for line in strict.bob.messages(strict.ada) if not line.from_me] == [told.id]
    assert "contacts_over_limit 1" in (await strict.gateway.http.get("/metrics")).text


async def test_of_too_many_files_in_a_day_the_words_alone_are_kept(
    whatsapp: Loopback, start_real_gateway: StartGateway, app: App
) -> None:
    async with start_real_gateway(contact_files=1, session_files=3) as gateway:
        world = World.around(gateway, whatsapp, app)
        await world.link()
        await world.allow(mode="everyone")
        picture = secrets.token_bytes(600_000)
        for words in ("one", "two", "three"):
            world.bob.send_image(world.ada, picture, words)
        await world.hears(3)
        world.mallory.send_image(world.ada, picture, "mine")
        for _ in range(3):
            world.ada.send_image("me", picture, "own")
        heard = await world.hears(7)
    over = [message["text"] for message in heard if message["media"].get("problem") == media.TOO_MANY]
    assert over == ["three"]
    assert all("data" in message["media"] for message in heard if message["text"] != "three")
