"""Tools of other MCP servers: a real one as a process, and what happens when it isn't there."""

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import support.assistant
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from support.assistant.conversations import Story
from support.waiting import until

from exponential.assistant.conversation import Incoming
from exponential.assistant.mcp import client
from exponential.assistant.mcp.client import McpServers
from exponential.assistant.runtime import Runtime
from exponential.assistant.tables import ToolCall
from exponential.assistant.timing import Timing
from exponential.core.database import Database
from exponential.core.errors import ConfigurationError
from exponential.core.log import configure
from exponential.core.settings import AppSettings
from exponential.workspace import history

SERVER = Path(support.assistant.__file__).with_name("mcp_server.py")


class Forecaster:
    """A model that asks for the forecast of the city that it is told, and answers with what it got."""

    def __init__(self) -> None:
        self.tools: set[str] = set()

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.tools = {tool.name for tool in info.function_tools}
        last = messages[-1].parts[-1]
        if isinstance(last, ToolReturnPart):
            return ModelResponse([TextPart(json.dumps(last.content))])
        city = str(last.content[-1] if isinstance(last.content, list) else last.content)  # type: ignore[union-attr]
        if "weather_forecast" not in self.tools:
            return ModelResponse([TextPart("no weather today")])
        return ModelResponse([ToolCallPart("weather_forecast", {"city": city})])


Start = Callable[..., Any]


# On a busy machine a server may take long to start, which isn't what is tested here.
PATIENT = Timing(mcp_first_wait=60.0, mcp_connect=60.0, mcp_list=60.0)


@pytest.fixture
def timing() -> Timing:
    return PATIENT


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def model() -> Forecaster:
    return Forecaster()


@pytest.fixture
def start(app_database: Database, model: Forecaster, tmp_path: Path, log: Path, timing: Timing) -> Start:
    """`async with start() as runtime:` with the weather server, or with what is given instead."""

    @asynccontextmanager
    async def start(**servers: Any) -> AsyncIterator[Runtime]:
        weather = {"command": sys.executable, "args": [str(SERVER), str(log)]}
        path = tmp_path / "servers.json"
        path.write_text(json.dumps({"mcpServers": servers or {"weather": weather}}), encoding="utf-8")
        settings = AppSettings(_env_file=None, mcp_servers=path)
        async with Runtime(app_database, settings, model=FunctionModel(model), timing=timing) as runtime:
            yield runtime

    return start


async def answer(runtime: Runtime, alice: UUID, city: str) -> Any:
    return json.loads((await runtime.ask(alice, city)).reply)


async def test_paddy_uses_another_servers_tools_and_the_audit_knows(
    start: Start, log: Path, model: Forecaster, alice: UUID, app_database: Database
) -> None:
    async with start() as runtime:
        assert await answer(runtime, alice, "Berlin") == {"city": "Berlin", "weather": "rain"}
        assert await answer(runtime, alice, "Paris") == {"city": "Paris", "weather": "rain"}
        refused = await answer(runtime, alice, "Nowhere")
        assert refused["code"] == "tool_refused" and "no such city" in refused["error"]
        assert len(await answer(runtime, alice, "Long")) < 31_000
    assert {"create_task", "weather_forecast"} <= model.tools
    assert log.read_text(encoding="utf-8").split("\n")[:3] == [
        "start",
        "forecast Berlin",
        "forecast Paris",
    ]  # one connection for all
    async with app_database.transaction() as session:
        acts = [entry.act for entry in (await history.page(session, alice)).entries]
    assert [(act.name, act.outcome) for act in acts[::-1]] == [
        ("weather_forecast", "ok"),
        ("weather_forecast", "ok"),
        ("weather_forecast", "tool_refused"),
        ("weather_forecast", "ok"),
    ]
    assert acts[-1].args == {"city": "Berlin"}


async def test_guests_never_have_them(start: Start, story: Story, alice: UUID, model: Forecaster) -> None:
    async with start() as runtime:
        await runtime.ask(alice, "Berlin")
        assert "weather_forecast" in model.tools
        (received,) = await story.say(Incoming(alice, "whatsapp", "Berlin", "guest", "s1", "carol@lid", "m1"))
        assert await story.replies(received.chat_id) == ["no weather today"]
        assert model.tools == {"leave_note"}


@pytest.mark.parametrize("timing", [replace(PATIENT, mcp_pause=0.05)])
async def test_a_server_that_dies_is_started_again_and_the_turn_goes_on(start: Start, log: Path, alice: UUID) -> None:
    async with start() as runtime:
        assert (await answer(runtime, alice, "Doom"))["code"] == "tool_failed"

        async def back() -> bool:
            return log.read_text(encoding="utf-8").count("start") == 2 and all(
                link.state.up for link in runtime._outside._links
            )

        await until(back)
        assert (await answer(runtime, alice, "Berlin"))["weather"] == "rain"


async def test_what_a_server_says_beside_its_answers_is_in_no_log(
    start: Start, alice: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("debug")
    async with start() as runtime:
        assert (await answer(runtime, alice, "Chatty"))["weather"] == "rain"
        assert (await answer(runtime, alice, "Berlin"))["weather"] == "rain"
    written = capsys.readouterr()
    assert "mcp_server_connected" in written.err
    assert "s3cret" not in written.err + written.out
    assert "ValidationError" in written.err and "stdio.py" in written.err  # where to look is said


@pytest.mark.parametrize("timing", [replace(PATIENT, mcp_call=0.5)])
async def test_a_call_that_hangs_is_left(start: Start, alice: UUID) -> None:
    async with start() as runtime:
        assert (await answer(runtime, alice, "Limbo"))["code"] == "tool_timeout"


@pytest.mark.parametrize("timing", [replace(PATIENT, mcp_first_wait=1.0)])
async def test_servers_that_are_not_there_break_no_turn(start: Start, alice: UUID, model: Forecaster) -> None:
    servers = {
        "gone": {"command": "/no/such/program"},
        "away": {"url": "http://127.0.0.1:9/mcp"},
        "silent": {"command": sys.executable, "args": ["-c", "import time; time.sleep(60)"]},
    }
    async with start(**servers) as runtime:
        assert (await runtime.ask(alice, "Berlin")).reply == "no weather today"
    assert "create_task" in model.tools


async def test_what_a_killed_process_had_begun_is_not_done_again(
    start: Start, log: Path, alice: UUID, app_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = client.ServerToolset._end
    ends: list[int] = []

    async def dying(self: client.ServerToolset, result: Any, failed: bool, ctx: Any) -> None:
        if not ends:
            ends.append(1)
            raise OSError("the process is gone")  # after the call, before it is written down
        await real(self, result, failed, ctx)

    monkeypatch.setattr(client.ServerToolset, "_end", dying)
    async with start() as runtime:
        assert (await answer(runtime, alice, "Berlin"))["code"] == "interrupted"
    assert log.read_text(encoding="utf-8").count("forecast Berlin") == 1
    async with app_database.transaction() as session:
        from sqlalchemy import select

        (call,) = (await session.execute(select(ToolCall))).scalars()
    assert call.result["code"] == "interrupted"


async def test_a_tool_named_like_one_of_ours_is_left_out(app_database: Database, log: Path, tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    path.write_text(json.dumps({"mcpServers": {"create": {"command": "true"}}}), encoding="utf-8")
    (link,) = McpServers(path)._links
    assert {"create_task", "leave_note", "undo"} <= link.taken


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "can't be read"),
        ("{", "isn't right"),
        ("{}", "isn't right"),
        ('{"mcpServers": {"x": {}}}', "either command or url"),
        ('{"mcpServers": {"x": {"command": "${NOT_SET_ANYWHERE}"}}}', "NOT_SET_ANYWHERE"),
        ('{"mcpServers": {"a b": {"command": "true"}}}', "make a name"),
    ],
)
def test_a_file_that_is_not_right_is_named(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "servers.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=why):
        McpServers(path)
