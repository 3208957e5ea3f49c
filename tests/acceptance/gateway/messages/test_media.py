"""Pictures, documents and voice notes reach the app: real client, real media host; in order, once, or with a reason."""

import base64
import secrets
from typing import Any

import pytest
from support.gateway.linked_gateway import World
from support.gateways import ADA, App, SharedGateway, StartGateway, is_status
from support.waiting import until

from exponential.loopback.server.server import Loopback

PICTURE = b"\xff\xd8 a picture " + secrets.token_bytes(200_000)
VOICE = b"OggS a voice note" * 50
LETTER = b"%PDF-1.7 a letter" * 100


class MediaDoor:
    """Stands before the media host: counts what is fetched, and answers `failing` times, or for ever, with `status`."""

    def __init__(self, whatsapp: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fetched: list[str] = []
        self.failing = 0.0
        self.status = "503 Service Unavailable"
        handle = whatsapp.media._handle

        def answer(method: str, target: str, body: bytes) -> tuple[str, bytes]:
            if method == "GET":
                self.fetched.append(target)
                if self.failing:
                    self.failing -= 1
                    return self.status, b""
            return handle(method, target, body)

        monkeypatch.setattr(whatsapp.media, "_handle", answer)


@pytest.fixture
def door(linked: World, monkeypatch: pytest.MonkeyPatch) -> MediaDoor:
    return MediaDoor(linked.whatsapp, monkeypatch)


@pytest.fixture
def own_door(whatsapp: Loopback, monkeypatch: pytest.MonkeyPatch) -> MediaDoor:
    return MediaDoor(whatsapp, monkeypatch)


def data(message: dict[str, Any]) -> bytes:
    return base64.b64decode(message["media"]["data"])


async def test_files_come_with_their_messages_in_order(linked: World, shared_gateway: SharedGateway) -> None:
    ada = linked.ada
    ada.send_text("me", "first")
    ada.send_image("me", PICTURE, "the receipt")
    ada.send_voice("me", VOICE, seconds=4)
    ada.send_document("me", LETTER, "letter.pdf", "read this", mime="application/pdf")
    ada.send_sticker("me", b"RIFF a sticker")
    ada.send_text("me", "last")
    first, picture, voice, letter, sticker, last = await linked.hears(6)
    assert "media" not in first and "media" not in last
    assert (picture["type"], picture["text"], data(picture)) == ("image", "the receipt", PICTURE)
    assert picture["media"]["mime"] == "image/jpeg"
    assert (voice["type"], data(voice)) == ("voice", VOICE)
    assert (letter["type"], letter["text"], letter["media"]["name"]) == ("document", "read this", "letter.pdf")
    assert (data(letter), letter["media"]["size"]) == (LETTER, len(LETTER))
    assert data(sticker) == b"RIFF a sticker"
    for message in linked.app.taken:  # nothing that opens a file leaves the gateway
        assert set(message.get("media", {})) <= {"mime", "name", "size", "data"}
    kept = shared_gateway.sessions / linked.session / "media"
    await until(lambda: not list(kept.iterdir()))


async def test_what_strangers_send_is_never_fetched(linked: World, door: MediaDoor) -> None:
    linked.mallory.send_image(linked.ada, PICTURE, "look")
    linked.mallory.send_document(linked.ada, LETTER, "virus.pdf")
    linked.mallory.send_voice(linked.ada, VOICE, seconds=1)
    await linked.only_me_works("after them")
    assert door.fetched == []
    linked.ada.send_image("me", PICTURE)
    await linked.hears(2)
    assert len(door.fetched) == 1


async def test_a_guests_picture_comes_when_guests_are_heard(linked: World) -> None:
    await linked.allow(mode="people", people=[linked.bob.number])
    linked.bob.send_image(linked.ada, PICTURE, "for Ada")
    (message,) = await linked.hears(1)
    assert (message["role"], message["text"], data(message)) == ("guest", "for Ada", PICTURE)


async def test_too_large_or_of_no_use_is_said_and_never_fetched(
    start_real_gateway: StartGateway, whatsapp: Loopback, app: App, own_door: MediaDoor
) -> None:
    async with start_real_gateway(media_limit=1) as gateway:
        world = World.around(gateway, whatsapp, app)
        await world.link()
        world.ada.send_document("me", b"x" * 1_200_000, "big.bin", "keep this")
        world.ada.send_video("me", b"a film", "watch", seconds=2)
        big, film = await world.hears(2)
    assert (big["text"], big["media"]["name"]) == ("keep this", "big.bin")
    assert big["media"]["problem"] == "The file has 1.2 MB; up to 1 MB are fetched."
    assert film["media"]["problem"] == "Files of this kind (video) are not fetched."
    assert own_door.fetched == []


async def test_a_file_that_is_gone_holds_nothing_up(linked: World, door: MediaDoor) -> None:
    door.failing, door.status = 1, "404 Not Found"
    linked.ada.send_image("me", PICTURE, "the receipt")
    linked.ada.send_text("me", "and this")
    gone, text = await linked.hears(2)
    assert (gone["text"], text["text"]) == ("the receipt", "and this")
    assert gone["media"]["problem"] == "WhatsApp doesn't have this file any more."


async def test_a_media_host_that_fails_for_a_while_is_asked_again_and_order_holds(
    linked: World, door: MediaDoor
) -> None:
    door.failing = 3
    linked.ada.send_image("me", PICTURE)
    linked.ada.send_text("me", "after it")
    picture, text = await linked.hears(2)
    assert (data(picture), text["text"]) == (PICTURE, "after it")
    assert len(door.fetched) == 4


async def test_one_chats_file_holds_no_other_chat_up(linked: World, door: MediaDoor) -> None:
    await linked.allow(mode="people", people=[linked.bob.number])
    door.failing = float("inf")
    linked.bob.send_image(linked.ada, PICTURE)
    await until(lambda: door.fetched)
    linked.ada.send_text("me", "my own chat")
    assert [message["text"] for message in await linked.hears(1)] == ["my own chat"]
    door.failing = 0
    assert data((await linked.hears(2))[1]) == PICTURE


async def test_a_gateway_that_stops_before_the_file_is_there_fetches_it_after_its_start(
    start_real_gateway: StartGateway, whatsapp: Loopback, app: App, own_door: MediaDoor
) -> None:
    own_door.failing = float("inf")
    async with start_real_gateway() as gateway:
        world = World.around(gateway, whatsapp, app)
        await world.link()
        world.ada.send_image("me", PICTURE, "the receipt")
        await until(lambda: own_door.fetched)
    assert app.taken == []
    own_door.failing = 0
    async with start_real_gateway() as gateway:
        await until(lambda: is_status(gateway, world.session, "connected", who=ADA))
        await until(lambda: app.taken)
        world.ada.send_text("me", "next")
        await until(lambda: len(app.taken) >= 2)
    picture, text = app.taken
    assert (data(picture), picture["text"], text["text"]) == (PICTURE, "the receipt", "next")


async def test_an_app_that_is_away_gets_the_file_later_and_it_is_fetched_once(linked: World, door: MediaDoor) -> None:
    refusals = [503, 503, 503]

    async def answer(_message: dict[str, Any]) -> int:
        return refusals.pop() if refusals else 202

    linked.app.answer = answer
    linked.ada.send_image("me", PICTURE)
    (picture,) = await linked.hears(1)
    assert (data(picture), len(door.fetched)) == (PICTURE, 1)


async def test_an_app_that_takes_no_such_files_gets_the_message_without(linked: World) -> None:
    async def answer(message: dict[str, Any]) -> int:
        return 413 if "data" in message.get("media", {}) else 202

    linked.app.answer = answer
    linked.ada.send_image("me", PICTURE, "the receipt")
    (message,) = await linked.hears(1)
    assert (message["text"], message["chat"]) == ("the receipt", linked.adas_chat)
    assert message["media"]["problem"] == "The app takes no files of this size."
