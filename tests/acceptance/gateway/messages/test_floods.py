"""What strangers can make of their messages holds up nothing of the owner's, and never takes a session offline."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable

import pytest
from support.gateway.linked_gateway import World
from support.gateways import is_status
from support.waiting import until

from exponential.loopback.phones.phone import Phone, _peer
from exponential.loopback.phones.signal import pad
from exponential.loopback.server import routing
from exponential.protocol.binary import Node

UNDER_WAY = 5  # answers of the client to the stranger, after which a flood has reached it
SOON = 10.0  # seconds; on a quiet machine it takes one
EVERY, RECEIPTS_EVERY = 0.2, 0.1  # seconds between two messages of a flood, and two receipts
NAMES = ("Mallory", '"<enc <enc type="msg" v="2"')
NO_PROTOBUF = b"\xff" * 16
TEXT = b"\x0a\x02hi"  # a conversation
TOO_DEEP = TEXT + b"\x9b\xf1\x04" * 150 + b"\x9c\xf1\x04" * 150  # and groups of field 10,003 in each other
NO_UTF8 = b"\x0a\x02\xff\xfe"  # a conversation

Craft = Callable[[Phone, Phone], None]


def crafted(plain: bytes, version: str = "2", *more: tuple[bytes, str], sealed: bool = True, id: str = "") -> Craft:
    """How a phone sends another any bytes, in any number of parts, under an id of its choice."""

    def send(writer: Phone, reader: Phone) -> None:
        def encrypted(peer: str, data: bytes, version: str) -> Node:
            kind, data = writer._book.encrypt(peer, data) if sealed else ("msg", b"\x33" + secrets.token_bytes(60))
            return Node("enc", {"v": version, "type": kind}, data)

        parts = []
        for device in reader.account.devices.values():
            peer = _peer(device)
            if not writer._book.has(peer):
                writer._book.begin(peer, device.take_bundle())
            found = [encrypted(peer, *part) for part in ((plain, version), *more)]
            parts.append(Node("to", {"jid": device.jid}, found))
        attrs = {"id": id or secrets.token_hex(16).upper(), "to": reader.account.jid, "type": "text"}
        routing.message(writer._server, writer._device, Node("message", attrs, [Node("participants", {}, parts)]))

    return send


def read(writer: Phone, reader: Phone) -> None:
    """A receipt, for a message that there isn't."""
    for device in reader.account.devices.values():
        attrs = {"from": writer._device.jid, "id": secrets.token_hex(8).upper(), "type": "read"}
        device.put(Node("receipt", {**attrs, "t": writer._server.timestamp()}))


def viewed_once(writer: Phone, reader: Phone) -> None:
    """A picture that can be viewed once, on the phone alone: the client asks for it there."""
    for device in reader.account.devices.values():
        source = routing._source(writer._device, device, reader.account.jid, reader.account)
        attrs = {**source, "id": secrets.token_hex(16).upper(), "type": "media", "t": writer._server.timestamp()}
        device.put(Node("message", attrs, [Node("unavailable", {"type": "view_once"})]))


def twice(writer: Phone, reader: Phone) -> None:
    """A message that can't be opened, and at once one of another kind under the same id."""
    id = secrets.token_hex(16).upper()
    crafted(b"", sealed=False, id=id)(writer, reader)
    crafted(b"", "3", id=id)(writer, reader)


async def flood(craft: Craft, writer: Phone, reader: Phone, every: float = EVERY) -> None:
    for name in itertools.cycle(NAMES):
        writer.rename(name)
        craft(writer, reader)
        await asyncio.sleep(every)


@pytest.mark.parametrize(
    "craft",
    [
        pytest.param(crafted(pad(NO_PROTOBUF)), id="no protobuf"),
        pytest.param(crafted(NO_PROTOBUF + b"\x09"), id="no padding"),
        pytest.param(crafted(b"", "3"), id="another event"),
        pytest.param(crafted(pad(NO_PROTOBUF), "2", (b"", "3")), id="no protobuf, and another event behind it"),
        pytest.param(crafted(pad(NO_PROTOBUF), "9"), id="no version"),
        pytest.param(crafted(pad(NO_UTF8)), id="no text"),
        pytest.param(crafted(pad(TOO_DEEP)), id="nested too deep"),
        pytest.param(twice, id="an id used twice at once"),
        pytest.param(crafted(b"", sealed=False, id="A from database"), id="an id that reads like a reason"),
        pytest.param(crafted(b"", sealed=False, id="A from 1@lid: database"), id="an id that reads like a line"),
    ],
)
async def test_a_flood_of_what_can_not_be_read_holds_up_nothing(linked: World, craft: Craft) -> None:
    flooding = asyncio.gather(
        flood(craft, linked.mallory, linked.ada), flood(read, linked.mallory, linked.ada, RECEIPTS_EVERY)
    )
    try:
        await until(lambda: len(linked.tap.to(linked.mallory)) >= UNDER_WAY)
        for number in range(3):
            started = time.monotonic()
            await linked.only_me_works(f"question {number}")
            await linked.gateway.client.send(*linked.ids, linked.adas_chat, f"answer {number}", key=str(number))
            await until(lambda n=number: f"answer {n}" in [line.text for line in linked.ada.messages("me")])
            assert time.monotonic() - started < SOON
            assert await is_status(linked.gateway, linked.session, "connected", who=linked.user)
        assert not flooding.done()
    finally:
        flooding.cancel()
        await asyncio.wait([flooding])
    acknowledged = {stanza.text("id") for stanza in linked.tap.to(linked.mallory) if stanza.tag in ("ack", "receipt")}
    assert len(acknowledged) >= 1


async def test_pictures_that_can_be_viewed_once_hold_up_nothing(linked: World) -> None:
    """Nor is an answer lost to the phone, when the client's requests and what comes cross it."""
    crafts = ((viewed_once, 0.07), (crafted(pad(TEXT)), 0.05), (crafted(b"", sealed=False), 0.11))
    flooding = asyncio.gather(*(flood(craft, linked.mallory, linked.ada, every) for craft, every in crafts))
    try:
        await until(lambda: len(linked.tap.to(linked.mallory)) >= UNDER_WAY)
        for number in range(20):
            linked.ada.send_text("me", f"question {number}")
            await linked.gateway.client.send(*linked.ids, linked.adas_chat, f"answer {number}", key=str(number))
            await until(lambda n=number: f"question {n}" in linked.app.texts, within=SOON)
            await until(
                lambda n=number: f"answer {n}" in [line.text for line in linked.ada.messages("me")], within=SOON
            )
        assert not flooding.done()
    finally:
        flooding.cancel()
        await asyncio.wait([flooding])
