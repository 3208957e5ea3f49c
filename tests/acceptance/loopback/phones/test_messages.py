"""Messages of every kind without files, through the real client: what it makes of them, what the phones show."""

import base64
from typing import Any

import pytest
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import ContextInfo, ExtendedTextMessage, Message
from support.loopback.real_client import do, encoded, said, send, shown

from exponential.loopback.phones.phone import Phone
from exponential.loopback.testing import until


async def test_a_reply_quotes_what_it_answers(linked: Any, alice: Phone, bob: Phone) -> None:
    question = bob.send_text(alice, "Lunch?")
    await said(linked)
    answer = await shown(bob, alice, await do(linked, "reply", question.id, "Yes!"))
    assert (answer.text, answer.quoted_id) == ("Yes!", question.id)
    bob.reply(answer, "At one")
    heard = (await said(linked)).extendedTextMessage
    assert (heard.text, heard.contextInfo.stanzaID) == ("At one", answer.id)
    assert heard.contextInfo.participant == str(alice.account.lid)
    assert heard.contextInfo.quotedMessage.conversation == "Yes!"


async def test_reactions_come_and_go_on_both_sides(linked: Any, alice: Phone, bob: Phone) -> None:
    line = bob.send_text(alice, "I passed")
    await said(linked)
    lid = str(bob.account.lid)
    await do(linked, "react", lid, lid, line.id, "🎉")
    await until(bob, lambda: line.reactions == {alice.number: "🎉"})
    bob.react(line, "❤️")
    heard = (await said(linked)).reactionMessage
    assert (heard.text, heard.key.ID, heard.key.fromMe) == ("❤️", line.id, True)
    bob.react(line, "")
    assert (await said(linked)).reactionMessage.text == ""
    assert line.reactions == {alice.number: "🎉"}
    (copy,) = alice.messages(bob)
    await until(alice, lambda: copy.reactions == {alice.number: "🎉"})


async def test_edits_change_the_line_on_both_sides(linked: Any, alice: Phone, bob: Phone) -> None:
    line = bob.send_text(alice, "See you at noon")
    await said(linked)
    bob.edit(line, "See you at one")
    edit = (await said(linked)).protocolMessage
    assert (edit.key.ID, edit.editedMessage.conversation) == (line.id, "See you at one")
    assert (line.text, line.edited) == ("See you at one", True)
    id = await send(linked, bob, Message(conversation="Fien"))
    answer = await shown(bob, alice, id)
    await do(linked, "edit", str(bob.account.lid), id, "Fine")
    await until(bob, lambda: answer.edited)
    assert answer.text == "Fine"
    with pytest.raises(ValueError, match="Only whoever wrote"):
        bob.edit(answer, "Never")


async def test_what_is_taken_back_is_gone_on_both_sides(linked: Any, alice: Phone, bob: Phone) -> None:
    line = bob.send_text(alice, "Wrong chat")
    await said(linked)
    bob.revoke(line)
    revoke = (await said(linked)).protocolMessage
    assert (revoke.key.ID, revoke.type) == (line.id, revoke.REVOKE)
    assert (line.text, line.revoked) == ("", True)
    id = await send(linked, bob, Message(conversation="Secret"))
    answer = await shown(bob, alice, id)
    await do(linked, "revoke", str(bob.account.lid), str(alice.account.lid), id)
    await until(bob, lambda: answer.revoked)
    assert answer.text == ""


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "wrapped"])
async def test_a_chat_disappears_when_it_was_told_to(linked: Any, alice: Phone, bob: Phone, wrapped: bool) -> None:
    bob.wraps_ephemeral = wrapped
    bob.set_disappearing(alice, 86_400)
    assert (await said(linked)).protocolMessage.ephemeralExpiration == 86_400
    await until(alice, lambda: alice.disappearing == {bob.number: 86_400})
    line = bob.send_text(alice, "for a day")
    assert line.expires_in == 86_400
    _, ephemeral, _, message = (await linked.until("said")).split(" ")
    heard = Message.FromString(base64.b64decode(message)).extendedTextMessage
    assert (ephemeral, heard.text, heard.contextInfo.expiration) == (str(wrapped), "for a day", 86_400)


async def test_the_client_makes_a_chat_disappear(linked: Any, alice: Phone, bob: Phone) -> None:
    await do(linked, "disappear", str(bob.account.lid), "604800")
    await until(bob, lambda: bob.disappearing == {alice.number: 604_800})
    text = ExtendedTextMessage(text="for a week", contextInfo=ContextInfo(expiration=604_800))
    line = await shown(bob, alice, await send(linked, bob, Message(extendedTextMessage=text)))
    assert line.expires_in == 604_800
    wrapped = Message()
    wrapped.ephemeralMessage.message.extendedTextMessage.CopyFrom(text)
    line = await shown(bob, alice, await send(linked, bob, wrapped))
    assert (line.text, line.expires_in) == ("for a week", 604_800)


async def test_receipts_tell_delivered_read_and_played(linked: Any, alice: Phone, bob: Phone) -> None:
    first, second = bob.send_text(alice, "one"), bob.send_text(alice, "two")
    await said(linked)
    await said(linked)
    await until(bob, lambda: [first.status, second.status] == ["delivered"] * 2)
    lid = str(bob.account.lid)
    await do(linked, "mark", lid, "READ", first.id, second.id)
    await until(bob, lambda: [first.status, second.status] == ["read"] * 2)
    await do(linked, "mark", lid, "PLAYED", first.id)
    await until(bob, lambda: first.status == "played")

    # Said without waiting for "did": the receipt may come before it.
    await linked.say(f"send {bob.account.lid} {encoded(Message(conversation='three'))}")
    answer = await bob.wait_for("three", chat=alice)
    id = answer.id
    assert await receipt(linked, id) == "delivered"
    bob.mark_read(alice)
    assert await receipt(linked, id) == "read"
    bob.mark_played(answer)
    assert await receipt(linked, id) == "played"


async def receipt(client: Any, id: str) -> str:
    """The kind of the next receipt for the message `id` that the client hears from the other side."""
    names = {"1": "delivered", "4": "read", "6": "played"}
    while True:
        kind, *ids = (await client.until("receipt")).split(" ")
        if id in ids and kind in names:
            return names[kind]


async def test_a_receipt_of_ones_own_device_is_no_tick(linked: Any, alice: Phone, bob: Phone) -> None:
    bob.go_offline()
    line = alice.send_text(bob, "are you there?")
    await said(linked)
    alice.send_text("me", "later")
    await said(linked)
    assert line.status == "sent"
    bob.go_online()
    await until(alice, lambda: line.status == "delivered")


async def test_typing_and_recording_are_seen_on_both_sides(linked: Any, alice: Phone, bob: Phone) -> None:
    bob.show_typing(alice)
    assert await linked.until("typing") == "1 1"
    bob.show_typing(alice, False)
    assert await linked.until("typing") == "2 1"
    bob.show_typing(alice, recording=True)
    assert await linked.until("typing") == "1 2"
    lid = str(bob.account.lid)
    await do(linked, "type", lid, "COMPOSING")
    await until(bob, lambda: bob.typing == {alice.number})
    await do(linked, "type", lid, "PAUSED")
    await until(bob, lambda: not bob.typing)


async def test_places_and_contact_cards_arrive_both_ways(linked: Any, alice: Phone, bob: Phone) -> None:
    bob.send_location(alice, 52.52, 13.405, "Berlin")
    place = await said(linked)
    assert (place.locationMessage.degreesLatitude, place.locationMessage.name) == (52.52, "Berlin")
    line = await shown(bob, alice, await send(linked, bob, place))
    assert (line.kind, line.text) == ("location", "Berlin")
    assert line.details == {"latitude": 52.52, "longitude": 13.405}
    bob.send_contact(alice, "Carol", "+4915110000003")
    card = await said(linked)
    assert "waid=4915110000003" in card.contactMessage.vcard
    line = await shown(bob, alice, await send(linked, bob, card))
    assert (line.kind, line.text) == ("contact", "Carol")
