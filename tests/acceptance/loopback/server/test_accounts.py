"""Who is who, through the real client: names, LIDs and numbers, several devices of one phone, lists that change."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from support.loopback.real_client import do, send, shown

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone, until
from exponential.protocol.binary import JID

NAMES = {
    "HTML": "<b onclick=alert(1)>Bob</b> &amp; <script>",
    "right to left": "\u202egpj.boB\u202c \u05d1\u05d5\u05d1",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "control characters": "Bob\x00\x07\x1b[31m\r\n\u2028\x7f",
    "1,000 characters": "Bobé漢" * 200,
}


async def linked_to(phone: Phone, new_client: Callable[[str], Any], name: str) -> Any:
    client = new_client(name)
    await client.start()
    await phone.scan(await client.until("qr"))
    await client.until("connected")
    return client


async def heard(client: Any, text: str) -> str:
    """The id of the next message that the client hears, which must say `text`."""
    id, _, _, message = (await client.until("said")).split(" ")
    assert Message.FromString(base64.b64decode(message)).conversation == text
    return str(id)


async def test_push_names_arrive_as_they_were_written(linked: Any, alice: Phone, bob: Phone) -> None:
    for name in NAMES.values():
        bob.account.push_name = name
        bob.send_text(alice, "It's me")
        assert base64.b64decode(await do(linked, "name", await heard(linked, "It's me"))).decode() == name
    assert alice.contacts[bob.number] == NAMES["HTML"], "a phone keeps the name that it heard first"


@pytest.mark.parametrize("by_number", [False, True], ids=["by LID", "by number"])
async def test_a_message_teaches_both_addresses(linked: Any, alice: Phone, bob: Phone, by_number: bool) -> None:
    lid, number = str(bob.account.lid), str(bob.account.jid)
    bob.addresses_by_number = by_number
    bob.send_text(alice, "Hello")
    sender, other = (await do(linked, "sender", await heard(linked, "Hello"))).split(" ")
    assert [sender, other] == ([number, lid] if by_number else [lid, number])
    assert await do(linked, "lid", number) == lid
    assert await do(linked, "number", lid) == number
    for address in (lid, number):
        id = await do(linked, "send", address, base64.b64encode(b"\x0a\x02OK").decode())
        assert (await shown(bob, alice, id)).text == "OK"


async def test_a_number_is_looked_up_before_anything_was_said(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone, phone: NewPhone
) -> None:
    assert await do(linked, "lookup", bob.number) == f"True {bob.account.lid}"
    assert await do(linked, "number", str(bob.account.lid)) == str(bob.account.jid)
    assert (await do(linked, "lookup", "+4915119999999")).startswith("False ")
    carol = phone("Carol", number="+4915110000009")
    id = await do(linked, "send", str(carol.account.jid), base64.b64encode(b"\x0a\x02Hi").decode())
    assert (await shown(carol, alice, id)).text == "Hi"
    (sent,) = [stanza for stanza in whatsapp.stanzas("in", "message") if stanza.text("id") == id]
    assert sent.jid("to") == carol.account.lid, "whatsmeow addresses by LID what was addressed by number"
    assert await do(linked, "lid", str(carol.account.jid)) == str(carol.account.lid)


async def test_each_device_has_its_own_copy_and_shows_what_another_wrote(
    linked: Any, new_client: Callable[[str], Any], alice: Phone, bob: Phone
) -> None:
    tablet = await linked_to(alice, new_client, "tablet")
    assert [device.id for device in alice.linked_devices] == [1, 2]
    bob.send_text(alice, "to all of you")
    await heard(linked, "to all of you")
    await heard(tablet, "to all of you")
    id = await send(linked, bob, Message(conversation="from the desk"))
    assert (await shown(bob, alice, id)).device == 1
    assert (await shown(alice, bob, id)).device == 1
    assert await heard(tablet, "from the desk") == id
    id = await send(tablet, bob, Message(conversation="from the sofa"))
    assert (await shown(bob, alice, id)).device == 2
    assert await heard(linked, "from the sofa") == id
    alice.send_text(bob, "from the phone")
    assert await heard(linked, "from the phone") == await heard(tablet, "from the phone")


async def test_a_new_device_of_a_contact_gets_the_next_message(
    linked: Any, new_client: Callable[[str], Any], whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    await shown(bob, alice, await send(linked, bob, Message(conversation="one")))
    laptop = await linked_to(bob, new_client, "laptop")
    await acknowledged(alice)
    id = await send(linked, bob, Message(conversation="two"))
    assert await heard(laptop, "two") == id
    assert receivers(whatsapp, id) == {bob.account.lid, bob.linked_devices[0].lid, alice.account.lid}

    (gone,) = bob.linked_devices
    bob.unlink(gone)
    await laptop.until("logged-out")
    await acknowledged(alice)
    id = await send(linked, bob, Message(conversation="three"))
    await shown(bob, alice, id)
    assert receivers(whatsapp, id) == {bob.account.lid, alice.account.lid}
    assert device_queries(whatsapp, bob) == 1, "the list was kept up by what the server told"
    assert not retries(whatsapp)


async def test_a_new_device_of_ones_own_gets_the_next_message(
    linked: Any, new_client: Callable[[str], Any], whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    await shown(bob, alice, await send(linked, bob, Message(conversation="one")))
    tablet = await linked_to(alice, new_client, "tablet")
    await acknowledged(alice)
    id = await send(linked, bob, Message(conversation="two"))
    assert await heard(tablet, "two") == id
    assert device_queries(whatsapp, alice) == 1, "the list was kept up by what the server told"
    assert not retries(whatsapp)


def receivers(whatsapp: Loopback, id: str) -> set[JID]:
    (sent,) = [stanza for stanza in whatsapp.stanzas("in", "message") if stanza.text("id") == id]
    named = {part.jid("jid") for part in sent.child("participants") or ()}
    return {jid if jid.server == "lid" else own(whatsapp, jid) for jid in named if jid}


def own(whatsapp: Loopback, jid: JID) -> JID:
    device = whatsapp.directory.device(jid)
    assert device
    return device.lid


def device_queries(whatsapp: Loopback, phone: Phone) -> int:
    """How often a client asked for this phone's devices."""
    asked = [
        user.jid("jid")
        for iq in whatsapp.stanzas("in", "iq")
        if iq.child("usync", "query", "devices")
        for user in iq.child("usync", "list") or ()
    ]
    return sum(jid in (phone.account.jid, phone.account.lid) for jid in asked)


def retries(whatsapp: Loopback) -> list[Any]:
    both = whatsapp.stanzas("in", "receipt") + whatsapp.stanzas("out", "receipt")
    return [stanza for stanza in both if stanza.text("type") == "retry"]


async def acknowledged(phone: Phone) -> None:
    """Wait until this phone's first device has taken all that it was told."""
    device = phone.linked_devices[0]
    async with asyncio.timeout(10):
        while device.waiting:
            await asyncio.sleep(0.01)


async def test_a_send_whose_answer_is_lost_arrives_once(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    """The server has the message and the connection falls before it says so; the client sends it again."""
    (device,) = alice.linked_devices
    bobs = bob.account.devices[0]
    deliver = bobs.deliver

    def fall(stanza: Any) -> None:
        bobs.deliver = deliver
        whatsapp.faults.drop(device)
        assert deliver
        deliver(stanza)

    await shown(bob, alice, await send(linked, bob, Message(conversation="before")))
    bobs.deliver = fall
    id = await send(linked, bob, Message(conversation="during"))
    attempts = [stanza for stanza in whatsapp.stanzas("in", "message") if stanza.text("id") == id]
    assert len(attempts) == 2
    await shown(bob, alice, await send(linked, bob, Message(conversation="after")))
    assert [line.text for line in bob.messages(alice)] == ["before", "during", "after"]
    await until(alice, lambda: [line.text for line in alice.messages(bob)] == ["before", "during", "after"])
    assert not retries(whatsapp), "a repeat is confirmed, not asked for again"


async def test_a_send_that_the_server_never_heard_arrives_once(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    (device,) = alice.linked_devices
    await shown(bob, alice, await send(linked, bob, Message(conversation="before")))
    whatsapp.faults.deafen(device)
    sending = asyncio.create_task(send(linked, bob, Message(conversation="during")))
    await asyncio.wait([sending], timeout=0.5)
    assert not sending.done()
    assert len(bob.messages(alice)) == 1
    whatsapp.faults.clear()
    id = await sending
    await shown(bob, alice, id)
    assert [line.text for line in bob.messages(alice)] == ["before", "during"]
    assert len([stanza for stanza in whatsapp.stanzas("in", "message") if stanza.text("id") == id]) == 1
