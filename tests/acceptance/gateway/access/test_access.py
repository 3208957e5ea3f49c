"""Who is heard and answered, through the real client: modes, numbers and LIDs, groups."""

import os
import signal
from typing import Any

import pytest
from support.gateway.linked_gateway import World
from support.gateways import workers
from support.waiting import until

from exponential.core.errors import BadInput, Conflict
from exponential.loopback.server import routing


async def test_a_chosen_person_is_a_guest_and_gets_answers(linked: World) -> None:
    await linked.allow(mode="people", people=[linked.bob.number])
    linked.mallory.send_text(linked.ada, "let me in")
    linked.bob.send_text(linked.ada, "hello Paddy")
    [message] = await linked.hears(1)
    assert (message["text"], message["role"], message["chat"]) == ("hello Paddy", "guest", linked.bobs_chat)
    assert (message["sender"], message["senderPhone"]) == (linked.bobs_chat, linked.bob.number)
    await linked.gateway.client.send(*linked.ids, linked.bobs_chat, "Hello Bob", key="1")
    assert (await linked.bob.wait_for("Hello Bob", chat=linked.ada)).from_me is False
    with pytest.raises(BadInput) as caught:
        await linked.gateway.client.send(*linked.ids, str(linked.mallory.account.jid), "hi", key="2")
    assert caught.value.code == "chat_not_allowed"


async def test_the_default_is_shown_and_changed_in_parts(linked: World) -> None:
    default = {"mode": "only_me", "people": [], "groups": "off", "reactions": False, "readReceipts": True}
    assert (await linked.call("GET", ""))["access"] == default
    assert await linked.allow(groups="mentions") == {**default, "groups": "mentions"}
    changed = await linked.allow(mode="people", people=[linked.bob.number, linked.bob.number], readReceipts=False)
    people = {"mode": "people", "people": [linked.bob.number], "readReceipts": False}
    assert changed == (await linked.call("GET", ""))["access"] == {**default, "groups": "mentions", **people}


async def test_everyone_may_write_first_and_only_then_is_written_to(linked: World) -> None:
    await linked.allow(mode="everyone")
    with pytest.raises(BadInput):
        await linked.gateway.client.send(*linked.ids, linked.bobs_chat, "unasked", key="1")
    linked.bob.send_text(linked.ada, "hi")
    await linked.hears(1)
    await linked.gateway.client.send(*linked.ids, linked.bobs_chat, "asked", key="2")
    await linked.bob.wait_for("asked", chat=linked.ada)
    assert [line.text for line in linked.bob.messages(linked.ada)] == ["hi", "asked"]


async def test_a_contact_is_known_by_its_number_when_only_its_lid_is_told(
    linked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await linked.allow(mode="people", people=[linked.bob.number])
    linked.bob.send_text(linked.ada, "with my number")
    await linked.hears(1)
    told = routing._source

    def lid_only(*arguments: Any) -> Any:
        return {name: value for name, value in told(*arguments).items() if name != "sender_pn"}

    monkeypatch.setattr(routing, "_source", lid_only)
    linked.bob.send_text(linked.ada, "with my LID alone")
    linked.mallory.send_text(linked.ada, "so do I")
    heard = await linked.hears(2)
    assert {message["chat"] for message in heard} == {linked.bobs_chat}
    assert heard[1]["senderPhone"] == linked.bob.number


async def test_who_is_no_longer_allowed_is_neither_heard_nor_answered(linked: World) -> None:
    await linked.allow(mode="people", people=[linked.bob.number])
    linked.bob.send_text(linked.ada, "hi")
    await linked.hears(1)
    await linked.allow(mode="only_me")
    linked.bob.send_text(linked.ada, "still there?")
    await linked.only_me_works("done")
    assert linked.app.texts == ["hi", "done"]
    with pytest.raises(BadInput):
        await linked.gateway.client.send(*linked.ids, linked.bobs_chat, "hello", key="1")
    assert [line.text for line in linked.bob.messages(linked.ada)] == ["hi", "still there?"]


async def test_the_policy_outlives_a_worker_that_dies(linked: World) -> None:
    await linked.allow(mode="people", people=[linked.bob.number])
    for worker in workers():
        os.kill(worker, signal.SIGKILL)
    linked.bob.send_text(linked.ada, "while you were away")
    linked.mallory.send_text(linked.ada, "me too")
    [message] = await linked.hears(1)
    assert message["text"] == "while you were away"


async def test_a_group_is_answered_only_where_allowed_and_meant(linked: World) -> None:
    group = linked.bob.create_group("Trip", [linked.ada, linked.mallory])
    linked.bob.send_to_group(group, "before", mentions=[linked.ada])
    await linked.only_me_works("heard")
    await linked.allow(mode="people", people=[linked.bob.number], groups="mentions")
    linked.bob.send_to_group(group, "among ourselves")
    linked.bob.send_to_group(group, "not Ada", mentions=[linked.mallory])
    linked.mallory.send_to_group(group, "a stranger asks", mentions=[linked.ada])
    linked.bob.send_to_group(group, "what is the plan?", mentions=[linked.ada])
    message = (await linked.hears(2))[1]
    assert message["text"] == "what is the plan?"  # without the mention, which says only whom it is for
    assert (message["chat"], message["role"], message["sender"]) == (str(group.jid), "guest", linked.bobs_chat)
    await linked.gateway.client.send(*linked.ids, str(group.jid), "No plan yet.", key="1")
    line = await linked.bob.wait_for("No plan yet.", chat=group)
    linked.bob.reply(line, "and now?")
    assert (await linked.hears(3))[2]["text"] == "and now?"


async def test_the_humans_own_words_to_a_contact_pause_the_assistant_there(linked: World) -> None:
    await linked.allow(mode="people", people=[linked.bob.number, linked.mallory.number])
    linked.bob.send_text(linked.ada, "hi Paddy")
    await linked.hears(1)
    linked.ada.send_text(linked.bob, "Ada here")
    await until(lambda: paused(linked, linked.bobs_chat))
    linked.bob.send_text(linked.ada, "great to hear you")
    await linked.only_me_works("my own chat goes on")
    linked.mallory.send_text(linked.ada, "and so do others")
    assert [message["text"] for message in await linked.hears(3)][1:] == ["my own chat goes on", "and so do others"]


async def paused(world: World, chat: str) -> bool:
    try:
        await world.gateway.client.typing(*world.ids, chat, False)
    except Conflict as error:
        return error.code == "chat_paused"
    return False
