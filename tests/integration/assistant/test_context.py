"""What Paddy has in mind: the last turns within a budget, a running summary of the rest, facts; each person's alone."""

import json
from uuid import UUID

import pytest
from sqlalchemy import update
from support.assistant.conversations import Story
from support.assistant.model_server import Fail, ModelServer, Say, Talking
from support.waiting import until

from exponential.assistant import chats, context
from exponential.assistant.conversation import Incoming
from exponential.assistant.llm import summaries
from exponential.assistant.runtime import Runtime
from exponential.assistant.tables import Chat
from exponential.core.database import Database


async def chat_of(database: Database, user: UUID) -> Chat:
    async with database.transaction() as session:
        return await chats.main_chat(session, user)


async def talk(runtime: Runtime, user: UUID, count: int, words: str = "message number") -> None:
    for number in range(count):
        await runtime.ask(user, f"{words} {number}")


async def summarised(database: Database, user: UUID) -> str:
    async def there() -> str | None:
        return (await chat_of(database, user)).summary

    summary: str = await until(there, 20)
    return summary


def asked(model: ModelServer, number: int = -1) -> str:
    return json.dumps(model.requests[number]["messages"], ensure_ascii=False)


async def test_facts_and_conversations_are_each_persons_own(
    talking: Talking, model: ModelServer, story: Story, alice: UUID, bob: UUID
) -> None:
    charlie = await story.account("charlie")
    facts = {alice: "I review budgets on Thursdays", bob: "my cat is called Mino"}
    model.default = Say("Fine.")
    async with talking() as runtime:
        for user, fact in facts.items():
            async with runtime.database.transaction() as session:
                await context.facts.remember(session, user, fact)
            await runtime.ask(user, f"secret of {user}")
        for user in (alice, bob, charlie):
            await runtime.ask(user, "what do you know?")
            told = asked(model)
            for other in (alice, bob):
                assert (facts[other] in told) == (f"secret of {other}" in told) == (other == user)
        carol = Incoming(alice, "whatsapp", "what do you know?", "guest", "s1", "carol@lid", "m1")
        dave = Incoming(alice, "whatsapp", "and I am dave", "guest", "s1", "dave@lid", "m2")
        for guest in (carol, dave):
            (received,) = await story.say(guest)
            await story.replies(received.chat_id)
            assert not any(text in asked(model) for text in (*facts.values(), "secret of"))
        assert "what do you know" not in asked(model)  # nor what another guest said


async def test_old_turns_go_into_a_summary_by_extracts(
    runtime: Runtime, app_database: Database, alice: UUID, bob: UUID
) -> None:
    await runtime.ask(alice, "add buy oat milk for the school party")
    await talk(runtime, alice, summaries.DUE_TURNS)
    summary = await summarised(app_database, alice)
    assert "User: add buy oat milk for the school party → Paddy: Added" in summary
    assert len(summary) <= summaries.MAX_SUMMARY_CHARS
    chat = await chat_of(app_database, alice)
    async with app_database.transaction() as session:
        told = str(await context.recent(session, chat))
        assert not await summaries.is_due(session, chat)
    last = summaries.DUE_TURNS - 1
    assert "oat milk" not in told and f"message number {last}" in told
    assert (await chat_of(app_database, bob)).summary is None


async def test_the_model_writes_the_summary_and_is_told_it(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "DUE_TURNS", 4)
    monkeypatch.setattr(summaries, "KEPT_TURNS", 2)
    model.script = [*(Say(f"answer {number}") for number in range(4)), Say("Alice counts messages."), Say("Yes.")]
    async with talking() as runtime:
        await talk(runtime, alice, 4)
        assert await summarised(app_database, alice) == "Alice counts messages."
        assert "message number 0" in asked(model) and "message number 2" not in asked(model)
        await runtime.ask(alice, "what did I do?")
    told = asked(model)
    assert "Alice counts messages." in told and "message number 1" not in told and "message number 2" in told


async def test_a_model_that_is_away_leaves_the_summary_to_the_rules(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "DUE_TURNS", 3)
    monkeypatch.setattr(summaries, "KEPT_TURNS", 1)
    model.script = [Say("one"), Say("two"), Say("three"), *[Fail(500)] * 3]
    async with talking() as runtime:
        await talk(runtime, alice, 3)
        assert (await summarised(app_database, alice)).startswith("- User: message number 0 → Paddy: one")


async def test_the_summary_keeps_to_its_length(app_database: Database, runtime: Runtime, alice: UUID) -> None:
    await runtime.ask(alice, "hello")
    async with app_database.transaction() as session:
        await session.execute(update(Chat).where(Chat.user_id == alice).values(summary="- old line\n" * 400))
    await talk(runtime, alice, summaries.DUE_TURNS, "word " * 100)

    async def anew() -> bool:
        return (await chat_of(app_database, alice)).summarised_until is not None

    await until(anew, 20)
    assert len((await chat_of(app_database, alice)).summary or "") <= summaries.MAX_SUMMARY_CHARS


async def test_what_is_told_keeps_to_the_budget(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.default = Say("Noted. " * 500)
    async with talking() as runtime:
        for number in range(12):
            await runtime.ask(alice, f"{number} " + "many words " * 400)
        chat = await chat_of(app_database, alice)
        async with app_database.transaction() as session:
            told = await context.recent(session, chat)
        said = str(told)
        assert context.SHORTENED in said and len(said) < context.MAX_TURNS_CHARS * 2
        await runtime.ask(alice, "and?")
        assert "11 many words" in asked(model) and "'0 many words" not in asked(model)


async def test_facts_keep_to_their_budget_and_the_latest_win(app_database: Database, alice: UUID) -> None:
    async with app_database.transaction() as session:
        chat = await chats.main_chat(session, alice)
        for number in range(10):
            await context.facts.remember(session, alice, f"fact {number} " + "x" * 500)
        told = (await context.known(session, chat)).facts
    assert [fact.split()[1] for fact in told] == ["7", "8", "9"]


def test_long_texts_are_shortened_wherever_they_stand() -> None:
    long = "y" * 5_000
    parts = [
        {
            "part_kind": "user-prompt",
            "content": [long, {"kind": "binary", "data": long}, {"kind": "image", "url": "u"}],
        },
        {"part_kind": "tool-call", "args": json.dumps({"transcript": long, "n": 1})},
        {"part_kind": "tool-call", "args": {"transcript": long}},
        {"part_kind": "tool-call", "args": '{"broken": "' + long},
        {"part_kind": "tool-return", "content": {"lines": [long, 7]}},
        {"part_kind": "text", "content": long},
        {"part_kind": "thinking", "content": long, "signature": long},
    ]
    prompt, call, given, broken, result, text, thought = context.shortened({"kind": "x", "parts": parts})["parts"]
    assert len(prompt["content"][0]) == context.MAX_TEXT_CHARS
    assert prompt["content"][1:] == ["[something long that was sent earlier]", {"kind": "image", "url": "u"}]
    assert len(json.loads(call["args"])["transcript"]) == context.MAX_TEXT_CHARS and json.loads(call["args"])["n"] == 1
    assert len(given["args"]["transcript"]) == context.MAX_TEXT_CHARS and broken["args"] == "{}"
    assert len(result["content"]["lines"][0]) == context.MAX_TEXT_CHARS and result["content"]["lines"][1] == 7
    assert text["content"].endswith(context.SHORTENED)
    assert thought == parts[-1]  # providers sign it
