import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from sqlalchemy import cast, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from support.assistant.conversations import Story
from support.waiting import until

from exponential.assistant import prompts as assistant_prompts
from exponential.assistant.conversation import Incoming, is_answering
from exponential.assistant.files.attachments import Attachment
from exponential.assistant.offline import OfflineModel
from exponential.assistant.runtime import Runtime
from exponential.assistant.tables import Message
from exponential.assistant.timing import Timing
from exponential.assistant.turns import store
from exponential.core import clock, log
from exponential.core.database import Database
from exponential.core.errors import Unavailable
from exponential.core.settings import AppSettings
from exponential.workspace import notes

AT_ONCE = Timing(max_retry=0)  # a job that failed is tried again at once


async def test_a_task_in_one_sentence(runtime: Runtime, story: Story, alice: UUID) -> None:
    result = await runtime.ask(alice, "Add a task: buy milk tomorrow")
    tomorrow = (clock.now().date() + timedelta(days=1)).isoformat()
    assert "buy milk" in result.reply and "tomorrow" in result.reply
    (tool,) = result.tools
    assert tool["name"] == "create_task"
    assert tool["args"] == {"title": "buy milk", "due": tomorrow, "priority": "normal"}
    assert tool["result"]["task"] == {
        "id": tool["result"]["task"]["id"],
        "title": "buy milk",
        "due": tomorrow,
        "priority": "normal",
        "project": None,
        "done": False,
    }
    assert await story.titles(alice) == ["buy milk"]


async def test_a_conversation_with_memory(runtime: Runtime, story: Story, alice: UUID) -> None:
    await runtime.ask(alice, "add buy milk and call mom")
    assert "1. **buy milk**\n2. **call mom**" in (await runtime.ask(alice, "what are my tasks?")).reply
    assert "Done: **call mom**" in (await runtime.ask(alice, "done 2")).reply
    assert "already done" in (await runtime.ask(alice, "done call mom")).reply
    assert "no task like “report”" in (await runtime.ask(alice, "complete “the report”")).reply
    assert await story.titles(alice) == ["buy milk"]


async def test_a_request_too_long_is_told(runtime: Runtime, story: Story, alice: UUID) -> None:
    result = await runtime.ask(alice, "add a task: " + "x" * 501)
    assert "too long for me without a language model" in result.reply and result.tools == []
    assert await story.titles(alice) == []


async def test_users_do_not_meet(runtime: Runtime, story: Story, alice: UUID, bob: UUID) -> None:
    await runtime.ask(alice, "add buy milk")
    assert "no open tasks" in (await runtime.ask(bob, "what are my tasks?")).reply
    assert "no task like" in (await runtime.ask(bob, "done buy milk")).reply
    assert await story.titles(alice) == ["buy milk"]


async def test_a_guest_has_no_tools_but_a_note(runtime: Runtime, story: Story, alice: UUID) -> None:
    await runtime.ask(alice, "add buy milk")
    (received,) = await story.say(guest(alice, "what are the tasks? add call me back"))
    (reply,) = await story.replies(received.chat_id)
    assert "can't see or do anything for guests" in reply
    await story.say(guest(alice, "please leave a note: call me back", "m2"))
    assert (await story.replies(received.chat_id, 2))[1] == "I'll pass that on."
    assert await story.titles(alice) == ["buy milk"]
    async with runtime.database.transaction() as session:
        (note,) = await notes.list_notes(session, alice, ZoneInfo("UTC"))
    assert (note.text, note.sender) == ("call me back", "Someone")


async def test_a_guest_has_no_tools_even_when_the_model_calls_them(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    offered: list[list[str]] = []

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        offered.append([tool.name for tool in info.function_tools])
        if len(offered) == 1:
            forbidden = [ToolCallPart("create_task", {"title": "obey me"}), ToolCallPart("query", {"about": "tasks"})]
            return ModelResponse(forbidden)
        return ModelResponse([TextPart("no")])

    async with Runtime(app_database, app_settings, model=FunctionModel(model)):
        (received,) = await story.say(guest(alice, "obey me"))
        assert await story.replies(received.chat_id) == ["no"]
    assert offered == [["leave_note"], ["leave_note"]]
    assert await story.titles(alice, "all") == []


@pytest.mark.parametrize("timing", [Timing(quiet=1.0)])
async def test_a_burst_is_answered_together(runtime: Runtime, story: Story, alice: UUID) -> None:
    first, *_ = await story.say(Incoming(alice, "web", "add buy milk"), Incoming(alice, "web", "add call mom"))
    await story.say(Incoming(alice, "web", "what are my tasks?"))
    (reply,) = await story.replies(first.chat_id)
    assert "Added **buy milk**" in reply and "Added **call mom**" in reply and "You have 2 open tasks" in reply


async def test_what_arrives_during_a_turn_is_answered_after_it_together(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    asked: list[list[str]] = []

    async def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.append(prompts(messages)[-1])
        begun.set()
        await go_on.wait()
        return ModelResponse([TextPart(f"answer {len(asked)}")])

    async with Runtime(app_database, app_settings, model=FunctionModel(model)):
        (received,) = await story.say(Incoming(alice, "web", "one"))
        await asyncio.wait_for(begun.wait(), 10)
        await story.say(Incoming(alice, "web", "two"))
        await story.say(Incoming(alice, "terminal", "three"))
        go_on.set()
        assert await story.replies(received.chat_id, 2) == ["answer 1", "answer 2"]
    assert asked == [["one"], ["two", "three"]]


async def test_order_within_a_chat_and_no_waiting_between_chats(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID, bob: UUID
) -> None:
    """Alice's first turn hangs until Bob has his answer; her second one sees the first in its context."""
    bob_has_his = asyncio.Event()
    contexts: list[list[list[str]]] = []

    async def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked = prompts(messages)
        if asked[-1] == ["alice 1"]:
            await bob_has_his.wait()
        if asked[-1][0].startswith("alice"):
            contexts.append(asked)
        return ModelResponse([TextPart("re: " + asked[-1][0])])

    async with Runtime(app_database, app_settings, model=FunctionModel(model)) as runtime:
        (first,) = await story.say(Incoming(alice, "web", "alice 1"))
        await until(lambda: turn_began(story, first.chat_id))
        await story.say(Incoming(alice, "web", "alice 2"))
        assert (await runtime.ask(bob, "bob 1")).reply == "re: bob 1"
        bob_has_his.set()
        assert await story.replies(first.chat_id, 2) == ["re: alice 1", "re: alice 2"]
    assert contexts == [[["alice 1"]], [["alice 1"], ["alice 2"]]]


async def test_a_turn_that_fails_for_a_while(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    """The tool's effect is there once, though the turn failed after it, twice, for a reason of our own."""
    failures = 0

    class Failing(OfflineModel):
        async def request(self, messages: list[ModelMessage], *args: Any) -> ModelResponse:
            nonlocal failures
            if any(isinstance(part, ToolReturnPart) for part in messages[-1].parts) and failures < 2:
                failures += 1
                raise RuntimeError
            return await super().request(messages, *args)

    async with Runtime(app_database, app_settings, model=Failing(), timing=AT_ONCE) as runtime:
        result = await runtime.ask(alice, "add buy milk")
    assert result.reply == "Added **buy milk**." and failures == 2
    assert [tool["name"] for tool in result.tools] == ["create_task"]
    assert await story.titles(alice) == ["buy milk"]


async def test_a_turn_that_fails_for_good_gets_one_honest_answer(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    class Failing(OfflineModel):
        async def request(self, messages: list[ModelMessage], *args: Any) -> ModelResponse:
            if any(isinstance(part, ToolReturnPart) for part in messages[-1].parts):
                raise RuntimeError
            return await super().request(messages, *args)

    async with Runtime(app_database, app_settings, model=Failing(), timing=AT_ONCE) as runtime:
        result = await runtime.ask(alice, "add buy milk")
        assert "I tried 5 times" in result.reply
        assert "What I had done stays done:\n\n- Added **buy milk**." in result.reply
        assert "Hi!" in (await runtime.ask(alice, "hello")).reply  # the chat goes on
    assert await story.titles(alice) == ["buy milk"]


async def test_a_turn_that_can_not_even_be_prepared_is_answered_and_the_chat_goes_on(
    app_database: Database,
    app_settings: AppSettings,
    story: Story,
    alice: UUID,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = assistant_prompts.content

    def stumbling(messages: Sequence[Message], *args: Any, **options: Any) -> Any:
        if any("stumble" in message.text for message in messages):
            raise ValueError("of a kind that nobody foresaw")
        return content(messages, *args, **options)

    monkeypatch.setattr(assistant_prompts, "content", stumbling)
    log.configure("info")
    async with Runtime(app_database, app_settings, timing=AT_ONCE) as runtime:
        assert "I tried 5 times" in (await runtime.ask(alice, "stumble")).reply
        assert "Added **buy milk**" in (await runtime.ask(alice, "add buy milk")).reply
    logged = capsys.readouterr().err
    [failure] = [line for line in logged.splitlines() if "turn_error" in line]  # the same one is told once a minute
    assert "ValueError" in failure and "stumbling" in failure
    assert "'stumble'" not in logged and "nobody foresaw" not in logged


async def test_what_can_not_even_be_claimed_is_answered(
    app_database: Database,
    app_settings: AppSettings,
    story: Story,
    alice: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = store.claim

    async def stumbling(session: AsyncSession, chat_id: UUID) -> store.ActiveTurn | None:
        if any(message.text == "stumble" for message in await store.waiting(session, chat_id)):
            raise MemoryError
        return await claim(session, chat_id)

    monkeypatch.setattr(store, "claim", stumbling)
    async with Runtime(app_database, app_settings, timing=AT_ONCE) as runtime:
        assert "I tried 5 times" in (await runtime.ask(alice, "stumble")).reply
        assert "Added **buy milk**" in (await runtime.ask(alice, "add buy milk")).reply


async def test_what_is_too_much_for_the_database_is_no_outage(
    app_database: Database, app_settings: AppSettings, alice: UUID
) -> None:
    class Complex(OfflineModel):
        async def request(self, messages: list[ModelMessage], *args: Any) -> ModelResponse:
            async with app_database.transaction() as session:
                await session.execute(select(cast("a & " * 20_000 + "a", TSQUERY)))
            return await super().request(messages, *args)

    async with Runtime(app_database, app_settings, model=Complex(), timing=AT_ONCE) as runtime:
        assert "I tried 5 times" in (await runtime.ask(alice, "hello", timeout=15)).reply


async def test_no_turn_takes_up_more_than_it_can_hold(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    letter = Attachment("document", "text/plain", "x.txt", b"The rent rises in May. " * 2_000)
    files = (letter,) * 6
    said = [Incoming(alice, "whatsapp", "", "guest", "s1", "bob@lid", f"m{n}", attachments=files) for n in range(3)]
    prompts_seen: list[int] = []

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        prompts_seen.append(sum(len(text) for text in prompts(messages)[-1]))
        return ModelResponse([TextPart("fine")])

    async with Runtime(app_database, app_settings, model=FunctionModel(model)):
        (received, *_) = await story.say(*said)
        assert await story.replies(received.chat_id, 3, seconds=60) == ["fine"] * 3
    assert max(prompts_seen) < 2 * assistant_prompts.MAX_GUEST_CHARS


async def test_asking_waits_only_so_long(app_database: Database, app_settings: AppSettings, alice: UUID) -> None:
    runtime = Runtime(app_database, app_settings)  # not entered: nobody works
    with pytest.raises(Unavailable, match="The message is stored"):
        await runtime.ask(alice, "hi", timeout=0.2)


async def test_stopping_is_quick_and_loses_nothing(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    hanging = asyncio.Event()

    async def hang(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        hanging.set()
        await asyncio.sleep(3600)
        raise AssertionError

    async with Runtime(app_database, app_settings, model=FunctionModel(hang), timing=Timing(stop=0.2)):
        (received,) = await story.say(Incoming(alice, "web", "add buy milk"))
        await asyncio.wait_for(hanging.wait(), 10)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5
    async with Runtime(app_database, app_settings):
        assert "Added **buy milk**" in (await story.replies(received.chat_id))[0]


def guest(owner: UUID, text: str, message: str = "m1") -> Incoming:
    return Incoming(owner, "whatsapp", text, "guest", "s1", "carol@lid", message)


def prompts(messages: list[ModelMessage]) -> list[list[str]]:
    """What the user said, turn by turn."""
    return [
        [str(item) for item in part.content]
        for message in messages
        for part in message.parts
        if isinstance(part, UserPromptPart)
    ]


async def turn_began(story: Story, chat_id: UUID) -> bool:
    return (await story.messages(chat_id))[0].turn_id is not None


async def test_a_chat_shows_whether_an_answer_is_coming(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    (received,) = await story.say(Incoming(alice, "web", "hi"))
    async with app_database.transaction() as session:
        assert await is_answering(session, received.chat_id)
    async with Runtime(app_database, app_settings):
        await story.replies(received.chat_id)
    async with app_database.transaction() as session:
        assert not await is_answering(session, received.chat_id)
