"""An answer is seen while it is made; it can be stopped, and asked for again; nothing is done twice."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from support.assistant.conversations import StageGateway, Story
from support.assistant.model_server import Break, ModelServer, Say, Talking, call
from support.waiting import until

from exponential.assistant import chats, conversation
from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.assistant.turns import stops, store
from exponential.assistant.turns.stream import Progress, ProgressFeed, ProgressStream
from exponential.core import clock
from exponential.core.database import Database, notify
from exponential.core.errors import Conflict, NotFound
from exponential.workspace import reminders

LONG = "One sentence. " * 200


@asynccontextmanager
async def watched(database: Database, user: UUID) -> AsyncIterator[tuple[ProgressStream, UUID]]:
    async with database.transaction() as session:
        chat = await chats.main_chat(session, user)
    async with ProgressFeed(database).follow(chat.id) as news:
        yield news, chat.id


async def up_to(news: ProgressStream, kind: str, text: str = "") -> list[Progress]:
    seen = []
    async with asyncio.timeout(20):
        async for one in news:
            seen.append(one)
            if one.kind == kind and text in one.text:
                return seen
    raise AssertionError


async def stop(database: Database, chat_id: UUID) -> bool:
    async with database.transaction() as session:
        return await store.cancel(session, chat_id)


async def test_text_and_tools_are_seen_as_they_come(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    gate = threading.Event()
    model.script = [call("create_task", title="buy milk"), Say("Added it. 🥛 Anything else?", gate=gate)]
    async with talking() as runtime, watched(app_database, alice) as (news, _):
        asking = asyncio.create_task(runtime.ask(alice, "add buy milk"))
        begun = await up_to(news, "text", "Added it")
        assert [(one.text, one.state) for one in begun if one.kind == "tool"] == [
            ("create_task", "started"),
            ("create_task", "done"),
        ]
        assert begun[-1].text != "Added it. 🥛 Anything else?"
        gate.set()
        (*_, end) = await up_to(news, "end")
        assert (end.text, end.state) == ("Added it. 🥛 Anything else?", "done") == ((await asking).reply, "done")
        assert begun[-1].turn_id == end.turn_id and begun[-1].sequence < end.sequence


async def test_a_tool_that_refuses_is_seen_to_fail(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.script = [call("complete_task", task="no such thing"), Say("There is none.")]
    async with talking() as runtime, watched(app_database, alice) as (news, _):
        asking = asyncio.create_task(runtime.ask(alice, "done with it"))
        assert [one.state for one in await up_to(news, "end") if one.kind == "tool"] == ["started", "failed"]
        await asking


async def test_a_long_answer_is_published_at_most_ten_times_a_second(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.script = [Say(LONG, pieces=100, pause=0.01)]
    async with talking() as runtime, watched(app_database, alice) as (news, _):
        began = asyncio.get_running_loop().time()
        asking = asyncio.create_task(runtime.ask(alice, "tell me"))
        seen = await up_to(news, "end")
        took = asyncio.get_running_loop().time() - began
        assert all(LONG.startswith(one.text) for one in seen[:-1])
        assert seen[-1].text == LONG == (await asking).reply
        assert 3 <= len(seen) <= took * 10 + 3


async def test_the_rules_tell_of_their_tools_too(runtime: Runtime, app_database: Database, alice: UUID) -> None:
    async with watched(app_database, alice) as (news, _):
        reply = (await runtime.ask(alice, "add buy milk")).reply
        assert [(one.kind, one.text) for one in await up_to(news, "end")] == [
            ("tool", "create_task"),
            ("tool", "create_task"),
            ("end", reply),
        ]


async def test_a_half_answer_that_is_tried_again_is_replaced(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.script = [Break("I think th"), Say("No, wait: yes.")]
    async with talking() as runtime, watched(app_database, alice) as (news, _):
        asking = asyncio.create_task(runtime.ask(alice, "well?"))
        assert (await up_to(news, "end"))[-1].text == "No, wait: yes." == (await asking).reply


async def test_stop_ends_it_with_what_was_said_and_done(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID
) -> None:
    gate = threading.Event()
    model.script = [call("create_task", title="buy milk"), Say("I have added it, and now I will talk", gate=gate)]
    async with talking() as runtime, watched(app_database, alice) as (news, chat):
        asking = asyncio.create_task(runtime.ask(alice, "add buy milk"))
        await up_to(news, "text", "I have")
        assert await stop(app_database, chat)
        reply = (await asking).reply
        (*_, end) = await up_to(news, "end")
        gate.set()
        assert reply.startswith("I have") and end.text == reply
        assert "(stopped)\n\nWhat I had done stays done:\n\n- Added **buy milk**." in reply
        assert await story.titles(alice) == ["buy milk"]
        model.script = [Say("Hello.")]
        assert (await runtime.ask(alice, "hello")).reply == "Hello."  # the chat goes on
        assert not await stop(app_database, chat)


async def test_stop_before_anything_was_said(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    gate = threading.Event()
    model.script = [Say("x", gate=gate)]
    async with talking() as runtime, watched(app_database, alice) as (_, chat):
        asking = asyncio.create_task(runtime.ask(alice, "think"))

        async def asked() -> bool:
            return bool(model.requests)

        await until(asked)
        assert await stop(app_database, chat)
        assert (await asking).reply == "(stopped)"
        gate.set()


async def test_stop_by_a_message(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID
) -> None:
    gate = threading.Event()
    model.script = [Say("I could go on and on", gate=gate)]
    async with talking() as runtime, watched(app_database, alice) as (news, chat):
        asking = asyncio.create_task(runtime.ask(alice, "tell me a long story"))
        await up_to(news, "text", "I could")
        await story.say(Incoming(alice, "web", "/stop"))
        assert "(stopped)" in (await asking).reply
        assert "not busy with anything" in (await story.replies(chat, 2))[1]
        gate.set()


async def test_what_nobody_has_taken_up_yet_can_be_stopped(
    app_database: Database, runtime: Runtime, story: Story, alice: UUID
) -> None:
    async with app_database.transaction() as session:  # the turn's job can't start before this is committed
        received = await conversation.receive(session, Incoming(alice, "web", "add buy milk"))
        assert await store.cancel(session, received.chat_id)
    assert await story.replies(received.chat_id) == ["(stopped)"]
    assert await story.titles(alice) == []


async def test_an_answer_can_be_asked_for_again(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID
) -> None:
    model.script = [Say("Paris."), Say("Lyon, I think."), Say("Paris, of course.")]
    async with talking() as runtime:
        await runtime.ask(alice, "capital of France?", channel="web")
        chat = await main_chat(app_database, alice)
        for count in (2, 3):
            (*_, answer) = await story.messages(chat)
            async with app_database.transaction() as session:
                await store.again(session, answer.id, user_id=alice)
            await story.replies(chat, count)
    assert [message.text for message in await story.messages(chat)] == [
        "capital of France?",
        "Paris.",
        "Lyon, I think.",
        "Paris, of course.",
    ]
    asked = model.requests[2]["messages"]
    assert asked[-1]["role"] == "user" and "capital of France?" in str(asked[-1]["content"])
    assert "asked to answer it anew" in asked[0]["content"]


async def test_asking_again_does_nothing_twice(
    runtime: Runtime, app_database: Database, story: Story, alice: UUID
) -> None:
    await runtime.ask(alice, "add buy milk")
    chat = await main_chat(app_database, alice)
    (*_, answer) = await story.messages(chat)
    async with app_database.transaction() as session:
        await store.again(session, answer.id)
    assert await story.replies(chat, 2) == ["Added **buy milk**."] * 2
    assert await story.titles(alice) == ["buy milk"]
    # What was taken back since is wanted again.
    await runtime.ask(alice, "undo")
    assert await story.titles(alice) == []
    async with app_database.transaction() as session:
        await store.again(session, answer.id)
    await story.replies(chat, 4)
    assert await story.titles(alice) == ["buy milk"]


async def test_an_answer_given_anew_stays_on_the_web(
    connected: Runtime,
    gateway: StageGateway,
    app_database: Database,
    story: Story,
    alice: UUID,
) -> None:
    sent = Incoming(alice, "whatsapp", "add buy milk", account="s1", address="alice@lid", external_id="m1")
    (received,) = await story.say(sent)
    await story.replies(received.chat_id)

    async def posted() -> int:
        return len(gateway.sent)

    assert await until(posted) == 1
    (*_, answer) = await story.messages(received.chat_id)
    async with app_database.transaction() as session:
        await store.again(session, answer.id)
    await story.replies(received.chat_id, 2)
    (*_, anew) = await story.messages(received.chat_id)
    assert anew.channel == "web"
    await story.say(Incoming(alice, "whatsapp", "hi", account="s1", address="alice@lid", external_id="m2"))

    async def two() -> bool:
        return len(gateway.sent) >= 2

    await until(two)
    assert [text for *_, text in gateway.sent.values()][1].endswith("see what I can do.")  # to "hi", not the other


async def test_only_ones_own_answers_can_be_asked_for_again(
    runtime: Runtime, app_database: Database, story: Story, alice: UUID, bob: UUID
) -> None:
    await runtime.ask(alice, "add buy milk")
    chat = await main_chat(app_database, alice)
    question, answer = await story.messages(chat)
    with pytest.raises(NotFound):
        async with app_database.transaction() as session:
            await store.again(session, answer.id, user_id=bob)
    with pytest.raises(NotFound):
        async with app_database.transaction() as session:
            await store.again(session, question.id, user_id=alice)


async def test_commands_and_what_was_said_unasked_are_not_answered_anew(
    runtime: Runtime, app_database: Database, story: Story, alice: UUID
) -> None:
    async def refused(code: str) -> None:
        (*_, last) = await story.messages(await main_chat(app_database, alice))
        with pytest.raises(Conflict) as caught:
            async with app_database.transaction() as session:
                await store.again(session, last.id, user_id=alice)
        assert caught.value.code == code

    await runtime.ask(alice, "/forget 1")
    await refused("is_command")
    async with app_database.transaction() as session:
        await reminders.remind(session, alice, "call mom", clock.now() + timedelta(seconds=0.5))

    async def reminded() -> bool:
        return "call mom" in (await story.messages(await main_chat(app_database, alice)))[-1].text

    await until(reminded)
    await refused("no_question")


async def test_a_database_that_is_away_for_a_moment_stops_no_turn(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def fails_at_first(*_: object) -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise psycopg.OperationalError
        return False

    monkeypatch.setattr(store, "is_stop_asked", fails_at_first)
    gate = threading.Event()
    model.script = [Say("All of it.", gate=gate)]
    async with talking() as runtime:
        asking = asyncio.create_task(runtime.ask(alice, "hello"))
        await until(lambda: model.requests)
        async with app_database.transaction() as session:
            await notify(session, stops.CHANNEL, str((await chats.main_chat(session, alice)).id))
        await until(lambda: looks >= 2)
        gate.set()
        assert (await asking).reply == "All of it."


async def test_a_stop_is_heard_though_the_connection_that_listens_was_lost(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.script = [Say("All of it.", gate=threading.Event())]
    async with talking() as runtime:
        asking = asyncio.create_task(runtime.ask(alice, "hello"))
        await until(lambda: model.requests)
        async with app_database.transaction() as session:
            ended = text("select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen \"stop\"'")
            assert list(await session.scalars(ended)) == [True]
            assert await store.cancel(session, (await chats.main_chat(session, alice)).id)
        assert (await asking).reply.endswith("(stopped)")


async def test_not_while_another_answer_is_on_its_way(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID
) -> None:
    gate = threading.Event()
    model.script = [Say("one"), Say("two", gate=gate)]
    async with talking() as runtime:
        await runtime.ask(alice, "first")
        chat = await main_chat(app_database, alice)
        (*_, answer) = await story.messages(chat)
        asking = asyncio.create_task(runtime.ask(alice, "second"))

        async def begun() -> bool:
            return len(model.requests) == 2

        await until(begun)
        with pytest.raises(Conflict, match="still answering"):
            async with app_database.transaction() as session:
                await store.again(session, answer.id)
        gate.set()
        assert (await asking).reply == "two"


async def main_chat(database: Database, user: UUID) -> UUID:
    async with database.transaction() as session:
        return (await chats.main_chat(session, user)).id
