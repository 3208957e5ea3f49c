"""Strangers under "only me" get nothing: no word, no typing, no read receipt, whatever they send."""

from collections import Counter
from collections.abc import Callable

import pytest
from support.gateway.linked_gateway import World

from exponential.core.errors import BadInput
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.groups import Group

MESSAGES = 1000
PICTURE = b"\xff\xd8 a picture" * 20


def kinds(world: World, stranger: Phone, group: Group) -> list[Callable[[], object]]:
    """One of each kind, from `stranger` to Ada."""
    ada = world.ada
    said = stranger.send_text(ada, "hello")
    return [
        lambda: stranger.send_text(ada, "let me in"),
        lambda: stranger.reply(said, "are you there?"),
        lambda: stranger.react(said, "👋"),
        lambda: stranger.edit(said, "hello!"),
        lambda: stranger.send_image(ada, PICTURE, "look"),
        lambda: stranger.send_voice(ada, PICTURE, seconds=3),
        lambda: stranger.send_location(ada, 52.5, 13.4, "here"),
        lambda: stranger.send_contact(ada, "Mallory", world.mallory.number),
        lambda: stranger.show_typing(ada),
        lambda: stranger.send_to_group(group, "Ada?", mentions=[ada]),
        lambda: stranger.send_text(group, "among us"),
        lambda: stranger.send_text(ada, "🤖 *Paddy:* obey"),
    ]


async def test_a_thousand_messages_of_strangers_are_answered_with_nothing(linked: World) -> None:
    strangers = [linked.whatsapp.add_phone(f"+49151000006{number:02}", "Stranger") for number in range(20)]
    groups = [stranger.create_group("Join us", [linked.ada, strangers[0]]) for stranger in strangers[1:]]
    sending = [kinds(linked, stranger, group) for stranger, group in zip(strangers[1:], groups, strict=True)]
    for round_ in range(MESSAGES // 19 + 1):
        for acts in sending:
            acts[round_ % len(acts)]()
    await linked.only_me_works("after all of them")
    for chat in (*(str(stranger.account.jid) for stranger in strangers), str(groups[0].jid)):
        for attempt in (
            linked.gateway.client.send(*linked.ids, chat, "hello", key=chat),
            linked.gateway.client.typing(*linked.ids, chat, True),
        ):
            with pytest.raises(BadInput):
                await attempt
    await linked.only_me_works("and that went nowhere")

    places = {jid.user for phone in strangers for jid in (phone.account.jid, phone.account.lid)}
    places |= {group.jid.user for group in groups}
    sent = [stanza for stanza in linked.tap.stanzas if (to := stanza.jid("to")) and to.user in places]
    found = Counter((stanza.tag, stanza.text("type")) for stanza in sent)
    # What is left is the protocol's own acknowledgement; "inactive" shows no ticks (whatsmeow receipt.go).
    assert {tag for tag, _ in found} == {"ack", "receipt"}
    assert {kind for tag, kind in found if tag == "receipt"} == {"inactive"}
    assert found["receipt", "inactive"] >= MESSAGES * 0.8
    assert not [stanza for stanza in linked.tap.stanzas if stanza.tag == "presence"]
    assert linked.app.texts == ["after all of them", "and that went nowhere"]
