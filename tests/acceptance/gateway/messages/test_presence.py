"""Typing that always ends, read receipts, quotes and reactions, as the other side's phone sees them."""

import pytest
from support.gateway.linked_gateway import World
from support.waiting import until

from exponential.gateway.timing import Timing
from exponential.loopback.phones.messages import ChatMessage
from exponential.loopback.server.groups import Group


@pytest.fixture
async def chatting(linked: World) -> World:
    """Bob is allowed, and has said hello."""
    await say_hello(linked)
    return linked


@pytest.fixture
async def alone(world: World) -> World:
    """The same in a gateway of its own."""
    await world.link()
    await say_hello(world)
    return world


async def say_hello(world: World) -> None:
    await world.allow(mode="people", people=[world.bob.number])
    world.bob.send_text(world.ada, "hello")
    await world.hears(1)


def hello(world: World) -> ChatMessage:
    return world.bob.messages(world.ada)[0]


@pytest.mark.parametrize("timing", [Timing(typing=0.4)])
async def test_typing_ends_although_nobody_takes_it_back(alone: World) -> None:
    await alone.gateway.client.typing(*alone.ids, alone.bobs_chat, True)
    await until(lambda: alone.ada.number in alone.bob.typing)
    await until(lambda: not alone.bob.typing)
    states = [child.tag for stanza in alone.tap.to(alone.bob) if stanza.tag == "chatstate" for child in stanza]
    assert states == ["composing", "paused"]


async def test_a_message_ends_the_typing_before_it(chatting: World) -> None:
    for _ in range(2):
        await chatting.gateway.client.typing(*chatting.ids, chatting.bobs_chat, True)
    await chatting.gateway.client.send(*chatting.ids, chatting.bobs_chat, "Hello Bob", key="1")
    await chatting.bob.wait_for("Hello Bob", chat=chatting.ada)
    assert not chatting.bob.typing
    await until(lambda: not chatting.gateway.operations.outbox.typing._ends)


async def test_a_gateway_that_stops_takes_typing_back(alone: World) -> None:
    await alone.gateway.client.typing(*alone.ids, alone.bobs_chat, True)
    await until(lambda: alone.ada.number in alone.bob.typing)
    await alone.gateway.operations.outbox.typing.close()
    await until(lambda: not alone.bob.typing)


async def test_messages_are_confirmed_as_read_when_the_app_says_so(chatting: World) -> None:
    [message] = chatting.app.taken
    await until(lambda: hello(chatting).status == "delivered")
    await chatting.allow(readReceipts=False)
    assert not await chatting.gateway.client.read(*chatting.ids, chatting.bobs_chat, [message["messageId"]])
    await chatting.allow(readReceipts=True)
    assert await chatting.gateway.client.read(*chatting.ids, chatting.bobs_chat, [message["messageId"]])
    await until(lambda: hello(chatting).status == "read")
    receipts = [stanza.text("type") for stanza in chatting.tap.to(chatting.bob) if stanza.tag == "receipt"]
    assert receipts == ["inactive", "read"]
    await chatting.call("PUT", f"/chats/{chatting.bobs_chat}/read", 404, messageIds=["UNKNOWN"])
    await chatting.call("PUT", f"/chats/{chatting.bobs_chat}/read", 422, messageIds=[])
    await chatting.call("PUT", f"/chats/{chatting.adas_chat}/read", 404, messageIds=[message["messageId"]])


async def test_a_reaction_shows_and_goes_where_the_owner_wants_reactions(chatting: World) -> None:
    [message] = chatting.app.taken
    assert not await chatting.gateway.client.react(*chatting.ids, chatting.bobs_chat, message["messageId"], "👀")
    await chatting.allow(reactions=True)
    assert await chatting.gateway.client.react(*chatting.ids, chatting.bobs_chat, message["messageId"], "👀")
    await until(lambda: hello(chatting).reactions == {chatting.ada.number: "👀"})
    assert await chatting.gateway.client.react(*chatting.ids, chatting.bobs_chat, message["messageId"], "")
    await until(lambda: hello(chatting).reactions == {})
    await chatting.call(
        "POST", f"/chats/{chatting.bobs_chat}/reactions", 422, messageId=message["messageId"], emoji="a long speech"
    )


async def test_the_owners_own_message_takes_a_reaction_too(linked: World) -> None:
    await linked.allow(reactions=True)
    line = linked.ada.send_text("me", "add buy milk")
    [message] = await linked.hears(1)
    assert await linked.gateway.client.react(*linked.ids, linked.adas_chat, message["messageId"], "👀")
    await until(lambda: line.reactions == {linked.ada.number: "👀"})
    assert len(linked.app.taken) == 1


async def test_a_reply_in_a_group_quotes_what_it_answers(chatting: World) -> None:
    await chatting.allow(groups="mentions")
    group: Group = chatting.bob.create_group("Trip", [chatting.ada, chatting.mallory])
    asked = chatting.bob.send_to_group(group, "what is the plan?", mentions=[chatting.ada])
    chat = str(group.jid)
    await chatting.hears(2)
    await chatting.gateway.client.send(*chatting.ids, chat, "No plan yet.", key="1", reply_to=asked.id)
    answer = await chatting.mallory.wait_for("No plan yet.", chat=group)
    assert answer.quoted_id == asked.id
    assert await chatting.gateway.client.read(*chatting.ids, chat, [asked.id])
    await until(lambda: asked.status == "read")
    await chatting.gateway.client.send(*chatting.ids, chat, "Plain.", key="2", reply_to="FORGOTTEN")
    assert (await chatting.mallory.wait_for("Plain.", chat=group)).quoted_id == ""
