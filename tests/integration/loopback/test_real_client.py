"""The real WhatsApp client against the loopback server: what it accepts is what the protocol is."""

from collections.abc import Callable
from typing import Any

import pytest

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import FEW_KEYS
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until


async def test_scan_write_to_oneself_read_the_answer(linked: Any, alice: Phone) -> None:
    assert [device.name for device in alice.linked_devices] != []
    alice.send_text("me", "ping 1")
    chat, from_me, text = (await linked.until("message")).split(" ", 2)
    assert (chat, from_me, text) == ("4915110000001@s.whatsapp.net", "True", "ping 1")
    answer = await alice.wait_for("pong 1")
    assert (answer.from_me, answer.device) == (True, 1)


async def test_message_yourself_by_lid(linked: Any, alice: Phone) -> None:
    alice.self_chat_by_lid = True
    alice.send_text("me", "ping 2")
    assert (await linked.until("message")).startswith(f"{alice.account.lid} True")
    await alice.wait_for("pong 2")


async def test_a_contact_is_heard_by_lid_and_answered(linked: Any, alice: Phone, bob: Phone) -> None:
    sent = bob.send_text(alice, "ping from bob")
    assert (await linked.until("message")).startswith(f"{bob.account.lid} False")
    await bob.wait_for("pong from bob", chat=alice)
    assert sent.status == "delivered"
    copies = [line.text for line in alice.messages(bob)]
    assert copies == ["ping from bob", "pong from bob"], "Alice's phone shows both sides"


async def test_what_was_sent_while_the_client_was_away_arrives_once(
    linked: Any, new_client: Callable[[str], Any], alice: Phone, bob: Phone
) -> None:
    await linked.kill()
    said = ["say 0", "say 1", "ping 2"]
    for text in said:
        bob.send_text(alice, text)
    again = new_client("linked")
    await again.start()
    texts = [(await again.until("message")).split(" ", 2)[2] for _ in range(3)]
    assert texts == said
    await bob.wait_for("pong 2", chat=alice)
    (device,) = alice.linked_devices
    assert not [key for key in device.waiting if key[0] == "message"], "all were acknowledged"


async def test_what_was_never_acknowledged_is_sent_again(
    linked: Any, new_client: Callable[[str], Any], whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    (device,) = alice.linked_devices
    device.deliver = lambda stanza: None  # the network swallows what the server sends
    bob.send_text(alice, "ping lost")
    assert [key for key in device.waiting if key[0] == "message"]
    await linked.kill()
    again = new_client("linked")
    await again.start()
    await bob.wait_for("pong lost", chat=alice)


async def test_each_one_time_key_is_handed_out_once(linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    (device,) = alice.linked_devices
    bob.send_text(alice, "ping a")
    await bob.wait_for("pong a", chat=alice)
    handed_out = {device.take_bundle().one_time_id for _ in range(20)}
    assert len(handed_out) == 20
    carol = whatsapp.add_phone("+4915110000003", "Carol")
    carol.send_text(alice, "ping b")
    await carol.wait_for("pong b", chat=alice)


async def test_a_client_with_few_one_time_keys_uploads_more(linked: Any, alice: Phone) -> None:
    (device,) = alice.linked_devices
    await until(alice, lambda: device.one_time)
    while len(device.one_time) > FEW_KEYS:
        device.take_bundle()
    await until(alice, lambda: len(device.one_time) > FEW_KEYS)


async def test_logging_out_on_the_phone_tells_the_client(linked: Any, alice: Phone) -> None:
    (device,) = alice.linked_devices
    alice.unlink(device)
    await linked.until("logged-out")
    assert alice.linked_devices == []


async def test_logging_out_on_the_phone_reaches_a_client_that_was_away(
    linked: Any, new_client: Callable[[str], Any], alice: Phone
) -> None:
    await linked.kill()
    alice.unlink(alice.linked_devices[0])
    again = new_client("linked")
    await again.start()
    await again.until("logged-out")


async def test_the_client_unlinks_itself(linked: Any, alice: Phone) -> None:
    await linked.say("logout")
    await linked.until("logout-done")
    assert alice.linked_devices == []


async def test_one_identity_connects_once(linked: Any, new_client: Callable[[str], Any], alice: Phone) -> None:
    second = new_client("linked")
    await second.start()
    await linked.until("replaced")
    await second.until("connected")


async def test_several_devices_of_one_account_hear_each_other(
    linked: Any, new_client: Callable[[str], Any], alice: Phone
) -> None:
    other = new_client("other")
    await other.start()
    await alice.scan(await other.until("qr"))
    await other.until("connected")
    alice.send_text("me", "ping both")
    for client in (linked, other):
        assert (await client.until("message")).endswith("ping both")
        assert (await client.until("message")).endswith("pong both"), "the other device's answer"
    assert [device.id for device in alice.linked_devices] == [1, 2]


async def test_codes_that_do_not_link(new_client: Callable[[str], Any], alice: Phone) -> None:
    with pytest.raises(LinkError, match="not a WhatsApp linking code"):
        await alice.scan("https://example.org/menu")
    client = new_client("late")
    await client.start()
    code = await client.until("qr")
    stolen = code.replace(code.split(",")[2], "A" * 43 + "=")
    with pytest.raises(LinkError, match="not made by the device"):
        await alice.scan(stolen)
    await client.kill()
    with pytest.raises(LinkError, match=r"expired|stopped waiting"):
        await alice.scan(code)


async def test_typing_is_seen_and_ends(linked: Any, alice: Phone, bob: Phone) -> None:
    from exponential.loopback.server import routing
    from exponential.protocol.binary import Node

    (device,) = alice.linked_devices
    routing.presence(alice._server, device, Node("chatstate", {"to": bob.account.lid}, [Node("composing")]))
    await bob.changed()
    assert bob.typing == {"+4915110000001"}
    alice.send_text(bob, "done")
    await bob.wait_for("done", chat=alice)
    assert bob.typing == set()
