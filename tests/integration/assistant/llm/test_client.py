"""The road to a language model over HTTP: an OpenAI-compatible server on loopback plays the model, well and badly."""

import json
import socket
from typing import Any
from uuid import UUID

import pytest
from support.assistant.conversations import Story
from support.assistant.model_server import Body, Break, Call, Fail, Hang, ModelServer, Say, Talking, call

from exponential.assistant.conversation import Incoming
from exponential.assistant.timing import Timing
from exponential.assistant.tools import specs
from exponential.core import log

RULES = "so this comes from my built-in rules:\n\n"


async def test_a_model_by_url(talking: Talking, model: ModelServer, story: Story, alice: UUID) -> None:
    model.script = [call("create_task", title="Milch kaufen", due="2026-05-07T17:00"), Say("Ist notiert.")]
    async with talking() as runtime:
        result = await runtime.ask(alice, "morgen um fünf Milch kaufen")
    assert result.reply == "Ist notiert."
    assert result.tools[0]["result"]["task"]["due"] == "2026-05-07T17:00:00+00:00"
    assert await story.titles(alice) == ["Milch kaufen"]

    system, user = model.requests[0]["messages"]
    assert system["role"] == "system" and "alice" in system["content"] and "UTC" in system["content"]
    assert "morgen um fünf Milch kaufen" in json.dumps(user, ensure_ascii=False)
    assert model.requests[0]["model"] == "some-model"
    tools = {tool["function"]["name"]: tool["function"] for tool in model.requests[0]["tools"]}
    assert set(tools) == set(specs()) - {"leave_note"}
    assert tools["create_task"]["parameters"]["required"] == ["title"]
    assert "ISO" in system["content"] and "2026-05-01T17:00" in json.dumps(tools["create_task"])
    assert json.loads(model.requests[1]["messages"][-1]["content"])["task"]["title"] == "Milch kaufen"


@pytest.mark.parametrize(
    "trouble",
    [
        Fail(500),
        Fail(503),
        Fail(429),
        Body(b'{"choices": '),
        Body(b"<html>Bad gateway</html>", "text/html"),
        Body(b"data: {not json}\n\n", "text/event-stream"),
        Body(b'{"object": "chat.completion", "choices": []}'),
        Break("Half an ans"),
    ],
    ids=str,
)
async def test_what_passes_is_tried_again(talking: Talking, model: ModelServer, alice: UUID, trouble: Any) -> None:
    model.script = [trouble, Say("Here I am.")]
    async with talking() as runtime:
        assert (await runtime.ask(alice, "hello")).reply == "Here I am."
    assert len(model.requests) == 2


async def test_it_waits_as_long_as_the_provider_says(talking: Talking, model: ModelServer, alice: UUID) -> None:
    model.script = [Fail(429, retry_after="1"), Say("Now.")]
    async with talking() as runtime:
        assert (await runtime.ask(alice, "hello")).reply == "Now."
    assert model.times[1] - model.times[0] >= 1


async def test_a_wait_longer_than_the_time_limit_is_not_waited_for(
    talking: Talking, model: ModelServer, story: Story, alice: UUID
) -> None:
    model.script = [Fail(429, retry_after="3600"), Say("never asked")]
    async with talking() as runtime:
        reply = (await runtime.ask(alice, "add buy milk")).reply
        assert (
            reply.startswith("⚠️ My language model doesn't answer right now") and RULES + "Added **buy milk**" in reply
        )
        # It said when to come back: until then nobody asks it.
        assert RULES + "Added **buy bread**" in (await runtime.ask(alice, "add buy bread")).reply
    assert len(model.requests) == 1


async def test_a_provider_that_is_down(talking: Talking, story: Story, alice: UUID) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with talking(model=f"http://127.0.0.1:{port}/v1#some-model") as runtime:
        assert RULES + "Added **buy milk**" in (await runtime.ask(alice, "add buy milk")).reply
        reply = (await runtime.ask(alice, "was denkst du über Proust?")).reply
        assert reply.startswith("⚠️ My language model doesn't answer right now, and my built-in rules don't understand")
    assert await story.titles(alice) == ["buy milk"]


@pytest.mark.parametrize("hang", [Hang(), Hang("I would say")], ids=["at once", "in the middle"])
async def test_a_model_that_hangs(talking: Talking, model: ModelServer, story: Story, alice: UUID, hang: Hang) -> None:
    model.default = hang
    async with talking(model_timeout=0.5) as runtime:
        assert RULES + "Added **buy milk**" in (await runtime.ask(alice, "add buy milk")).reply
        assert len(model.requests) == 1
        # It is taken for down, so nobody waits for it again.
        assert RULES in (await runtime.ask(alice, "what are my tasks?")).reply
        assert len(model.requests) == 1


@pytest.mark.parametrize("timing", [Timing(model_down=0.0)])
async def test_a_model_that_comes_back(talking: Talking, model: ModelServer, alice: UUID) -> None:
    model.script = [Fail(503), Fail(503), Say("Hello again.")]
    async with talking(model_retries=0) as runtime:
        for _ in range(2):
            assert "doesn't answer" in (await runtime.ask(alice, "hello")).reply
        assert (await runtime.ask(alice, "hello")).reply == "Hello again."


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_a_model_that_refuses_the_key_is_not_asked_again(
    talking: Talking, model: ModelServer, story: Story, alice: UUID, status: int
) -> None:
    model.script = [Fail(status)]
    async with talking() as runtime:
        reply = (await runtime.ask(alice, "add buy milk")).reply
    assert "EXPONENTIAL_MODEL or its key" in reply and "Added **buy milk**" in reply
    assert len(model.requests) == 1


async def test_a_request_that_it_does_not_take(talking: Talking, model: ModelServer, alice: UUID) -> None:
    model.script = [Fail(400, message="maximum context length"), Say("Fine.")]
    async with talking() as runtime:
        assert "doesn't take this message" in (await runtime.ask(alice, "add buy milk")).reply
        assert (await runtime.ask(alice, "hello")).reply == "Fine."  # nobody else is kept from it


async def test_what_its_tools_did_before_it_went_away_is_done_once(
    talking: Talking, model: ModelServer, story: Story, alice: UUID
) -> None:
    model.script = [call("create_task", title="buy milk")]
    model.default = Fail(500)
    async with talking() as runtime:
        reply = (await runtime.ask(alice, "add buy milk and call mom")).reply
    assert "so I stopped in the middle. What I had done stays done:\n\n- Added **buy milk**." in reply
    assert await story.titles(alice) == ["buy milk"]


async def test_what_it_only_looked_up_does_not_keep_the_rules_from_helping(
    talking: Talking, model: ModelServer, story: Story, alice: UUID
) -> None:
    model.script = [call("list_tasks")]
    model.default = Fail(500)
    async with talking() as runtime:
        assert RULES + "Added **buy milk**" in (await runtime.ask(alice, "add buy milk")).reply
    assert await story.titles(alice) == ["buy milk"]


@pytest.mark.parametrize(
    "nonsense",
    [
        Call((("create_task", '{"title": "buy m'),)),
        Call((("create_task", '{"name": 7}'),)),
        Call((("create_task", "[]"),)),
        Call((("make_coffee", "{}"),)),
        Say(""),
        Say("  \n"),
    ],
    ids=str,
)
async def test_nonsense_is_pointed_out_to_the_model_once(
    talking: Talking, model: ModelServer, story: Story, alice: UUID, nonsense: Any
) -> None:
    model.script = [nonsense, call("create_task", title="buy milk"), Say("Added.")]
    async with talking() as runtime:
        assert (await runtime.ask(alice, "add buy milk")).reply == "Added."
    assert await story.titles(alice) == ["buy milk"]


async def test_a_model_that_talks_nothing_but_nonsense(
    talking: Talking, model: ModelServer, story: Story, alice: UUID
) -> None:
    model.default = Call((("create_task", '{"title": "buy m'),))
    async with talking() as runtime:
        reply = (await runtime.ask(alice, "add buy milk")).reply
    assert "made no sense, " + RULES + "Added **buy milk**" in reply
    assert await story.titles(alice) == ["buy milk"]


async def test_a_model_that_never_stops_calling_tools(
    talking: Talking, model: ModelServer, story: Story, alice: UUID
) -> None:
    model.default = call("create_task", title="buy milk")
    async with talking() as runtime:
        reply = (await runtime.ask(alice, "add buy milk")).reply
    assert "so I stopped in the middle" in reply
    assert len(model.requests) == 20


async def test_tool_calls_that_all_have_the_same_id(
    talking: Talking, model: ModelServer, story: Story, alice: UUID
) -> None:
    for title in ("buy milk", "call mom"):
        model.script.append(Call((("create_task", {"title": title}),), ids="call_0"))
    model.script.append(Call((("list_tasks", {}), ("complete_task", {"task": "buy milk"})), ids=""))
    model.script.append(Say("All done."))
    async with talking() as runtime:
        result = await runtime.ask(alice, "add buy milk and call mom, and tick off buy milk")
    assert [tool["name"] for tool in result.tools] == ["create_task", "create_task", "list_tasks", "complete_task"]
    assert await story.titles(alice) == ["call mom"]


async def test_text_that_no_database_takes(talking: Talking, model: ModelServer, alice: UUID) -> None:
    model.script = [Say("half a pair \ud83d and a \x00 here", pieces=1)]
    async with talking() as runtime:
        assert (await runtime.ask(alice, "hello")).reply == "half a pair ? and a  here"


async def test_a_guest_is_told_nothing_of_the_model(
    talking: Talking, model: ModelServer, story: Story, alice: UUID
) -> None:
    async with talking():
        note = Incoming(alice, "whatsapp", "please leave a note: call me", "guest", "s1", "carol@lid", "m1")
        (received,) = await story.say(note)
        assert await story.replies(received.chat_id) == ["I'll pass that on."]


async def test_no_level_logs_what_is_said(
    talking: Talking,
    model: ModelServer,
    alice: UUID,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    log.configure("debug", service="app")
    model.script = [
        Fail(500, message="you said persimmon"),
        call("create_task", title="buy persimmon"),
        Say("Persimmon."),
    ]
    model.default = Fail(400, message="you said persimmon")
    async with talking() as runtime:
        assert (await runtime.ask(alice, "add buy persimmon")).reply == "Persimmon."
        assert "doesn't take" in (await runtime.ask(alice, "a persimmon")).reply
    logged = capfd.readouterr().err
    assert "model_failed" in logged
    assert "persimmon" not in logged.lower() and "sk-of-the-test" not in logged and "127.0.0.1" not in logged
