"""Groups through the real client: sender keys both ways, mentions, members who come and go, a key that was missed."""

from typing import Any

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback


async def heard(linked: Any) -> list[str]:
    """Chat, from-me and text of the next message with words; the client reports the telling of a key as one without."""
    while len(parts := (await linked.until("message")).split(" ", 2)) < 3:
        pass
    return parts


async def test_a_group_is_heard_and_answered(linked: Any, alice: Phone, bob: Phone) -> None:
    group = bob.create_group("Alpha", [alice])
    sent = bob.send_to_group(group, "ping everybody")
    chat, from_me, text = await heard(linked)
    assert (chat, from_me, text) == (str(group.jid), "False", "ping everybody")
    answer = await bob.wait_for("pong everybody", chat=group)
    assert answer.sender == alice.number
    assert sent.status == "delivered"
    await alice.wait_for("pong everybody", chat=group)
    bob.send_to_group(group, "ping again")
    await bob.wait_for("pong again", chat=group)


async def test_the_key_is_told_once_and_the_message_encrypted_once(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    group = bob.create_group("Alpha", [alice])
    for number in range(3):
        bob.send_to_group(group, f"ping {number}")
        await bob.wait_for(f"pong {number}", chat=group)
    heard = [stanza for stanza in whatsapp.stanzas("out", "message") if stanza.jid("from") == group.jid]
    kinds = [[enc.text("type") for enc in stanza if enc.tag == "enc"] for stanza in heard]
    assert kinds == [["pkmsg", "skmsg"], ["skmsg"], ["skmsg"]]


async def test_a_mention_names_the_member_by_lid(linked: Any, alice: Phone, bob: Phone) -> None:
    group = bob.create_group("Alpha", [alice])
    bob.send_to_group(group, "what is on the list?", mentions=[alice])
    _, _, text = await heard(linked)
    assert text == f"@{alice.account.lid.user} what is on the list?"


async def test_a_device_that_missed_the_sender_key_asks_and_gets_it(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    group = bob.create_group("Alpha", [alice])
    (device,) = alice.linked_devices
    bob.miss_sender_key(group, device)
    bob.send_to_group(group, "ping in spite of it")
    await bob.wait_for("pong in spite of it", chat=group)
    asked = [stanza for stanza in whatsapp.stanzas("in", "receipt") if stanza.text("type") == "retry"]
    assert len(asked) == 1


async def test_the_phone_asks_for_a_sender_key_that_it_has_lost(linked: Any, alice: Phone, bob: Phone) -> None:
    group = bob.create_group("Alpha", [alice])
    bob.send_to_group(group, "ping one")
    await bob.wait_for("pong one", chat=group)
    bob.lose_sender_keys(group)
    bob.send_to_group(group, "ping two")
    await bob.wait_for("pong two", chat=group)


async def test_who_has_left_hears_nothing_more(linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    carol = whatsapp.add_phone("+4915110000003", "Carol")
    group = bob.create_group("Alpha", [alice, carol])
    bob.send_to_group(group, "ping all")
    await carol.wait_for("pong all", chat=group)
    bob.remove_from_group(group, alice)
    bob.send_to_group(group, "only for us")
    await carol.wait_for("only for us", chat=group)
    assert "only for us" not in [line.text for line in alice.messages(group)]
    bob.add_to_group(group, alice)
    bob.send_to_group(group, "ping, welcome back")
    await bob.wait_for("pong, welcome back", chat=group)


async def test_the_client_lists_its_groups(linked: Any, alice: Phone, bob: Phone) -> None:
    group = bob.create_group("Alpha", [alice])
    bob.create_group("Without her", [])
    await linked.say("groups")
    assert await linked.until("did") == f"groups well : {group.jid}/Alpha/2"
