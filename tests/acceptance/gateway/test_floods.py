"""What strangers can make of their messages holds up nothing of the owner's, and never takes a session offline."""

import asyncio
import secrets
import time
from collections.abc import Callable

import pytest
from answering import ADAS_CHAT, World
from gateways import is_status, until

from exponential.loopback import routing
from exponential.loopback.binary import Node
from exponential.loopback.phone import Phone, _peer
from exponential.loopback.signal import pad

SOON = 10.0  # seconds; on a quiet machine it takes one
EVERY = 0.2  # seconds between two messages of a flood
NO_PROTOBUF = b"\xff" * 16
NO_UTF8 = b"\x0a\x02\xff\xfe"  # a conversation

Craft = Callable[[Phone, Phone], None]


def crafted(plain: bytes, version: str = "2", *, sealed: bool = True, id: str = "") -> Craft:
    """How a phone sends another any bytes, under an id of its choice."""

    def send(writer: Phone, reader: Phone) -> None:
        parts = []
        for device in reader.account.devices.values():
            peer = _peer(device)
            if not writer._book.has(peer):
                writer._book.begin(peer, device.take_bundle())
            kind, data = writer._book.encrypt(peer, plain) if sealed else ("msg", b"\x33" + secrets.token_bytes(60))
            parts.append(Node("to", {"jid": device.jid}, [Node("enc", {"v": version, "type": kind}, data)]))
        attrs = {"id": id or secrets.token_hex(16).upper(), "to": reader.account.jid, "type": "text"}
        routing.message(writer._server, writer._device, Node("message", attrs, [Node("participants", {}, parts)]))

    return send


async def flood(craft: Craft, writer: Phone, reader: Phone) -> None:
    while True:
        craft(writer, reader)
        await asyncio.sleep(EVERY)


@pytest.mark.parametrize(
    "craft",
    [
        pytest.param(crafted(pad(NO_PROTOBUF)), id="no protobuf"),
        pytest.param(crafted(NO_PROTOBUF + b"\x09"), id="no padding"),
        pytest.param(crafted(b"", "3"), id="another event"),
        pytest.param(crafted(pad(NO_PROTOBUF), "9"), id="no version"),
        pytest.param(crafted(pad(NO_UTF8)), id="no text"),
        pytest.param(crafted(b"", sealed=False, id="A from database"), id="an id that reads like a reason"),
        pytest.param(crafted(b"", sealed=False, id="A from 1@lid: database"), id="an id that reads like a line"),
    ],
)
async def test_a_flood_of_what_can_not_be_read_holds_up_nothing(linked: World, craft: Craft) -> None:
    linked.mallory.rename('"<enc <enc type="msg" v="2"')
    flooding = asyncio.create_task(flood(craft, linked.mallory, linked.ada))
    try:
        await asyncio.sleep(2)
        for number in range(3):
            started = time.monotonic()
            await linked.only_me_works(f"question {number}")
            await linked.gateway.client.send(*linked.ids, ADAS_CHAT, f"answer {number}", key=str(number))
            await until(lambda n=number: f"answer {n}" in [line.text for line in linked.ada.messages("me")])
            assert time.monotonic() - started < SOON
            assert await is_status(linked.gateway, linked.session, "connected")
    finally:
        flooding.cancel()
    acknowledged = {stanza.text("id") for stanza in linked.tap.to(linked.mallory) if stanza.tag in ("ack", "receipt")}
    assert len(acknowledged) >= 1
