"""A tool is one function with one declaration: whatever shows or judges tools knows it at once."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import pytest
from pydantic_ai import RunContext
from pydantic_ai.models import override_allow_model_requests
from sqlalchemy import select
from support.app.running_app import House, MakeHouse
from support.assistant import model_server
from support.assistant.model_server import call, serving_a_model
from support.waiting import until

from exponential.app.chat import entries
from exponential.assistant import conversation, tools
from exponential.assistant.conversation import Incoming
from exponential.assistant.mcp.server import Workspace
from exponential.assistant.offline import interpreter, proposals
from exponential.assistant.offline.utterance import Call, Context
from exponential.assistant.tables import Message, ToolCall, Turn
from exponential.assistant.tools.base import Args, Deps, Result, ToolSpec
from exponential.assistant.turns import failures, ledger
from exponential.auth.users import User
from exponential.core import clock
from exponential.workspace import tasks


def _tell(_args: Args, result: Result, _now: datetime) -> str:
    return f"Watered before *{result['task']['title']}*."


SPEC = ToolSpec("Watering the plants", done="Watered before", destructive=True, tell=_tell)
LOOK = ToolSpec("Looking at the plants")


async def water_plants(ctx: RunContext[Deps], litres: int) -> dict[str, Any]:
    """Water the plants, and note what comes next.

    Args:
        litres: How much.
    """
    task = await tasks.create_task(ctx.deps.session, ctx.deps.user.id, f"water {litres} litres", None)
    return {"task": {"id": str(task.id), "title": task.title}}


async def look_at_plants(ctx: RunContext[Deps]) -> dict[str, Any]:
    """See whether the plants are dry."""
    return {"dry": True}


@pytest.fixture(autouse=True)
def plants() -> Iterator[None]:
    subject = tools.tasks.tools
    subject.declare(SPEC)(water_plants)
    subject.declare(LOOK)(look_at_plants)
    yield
    for name in ("water_plants", "look_at_plants"):
        del subject.tools[name]


async def answered(house: House) -> bool:
    async with house.database.transaction() as session:
        return (await session.scalars(select(Message).where(Message.role == "assistant"))).first() is not None


@pytest.fixture
async def asked(make_house: MakeHouse) -> AsyncIterator[tuple[House, User, list[ToolCall]]]:
    """An app in which Alice has asked for the plants, and what Paddy's tools did then."""
    with serving_a_model() as model, override_allow_model_requests(True):
        model.script = [call("look_at_plants"), call("water_plants", litres=2), model_server.Say("Done.")]
        async with make_house(model=model.model) as house:
            alice = await house.user()
            async with house.database.transaction() as session:
                await conversation.receive(session, Incoming(alice.id, "web", "the plants, please"))
            await until(lambda: answered(house))
            async with house.database.transaction() as session:
                turn = (await session.scalars(select(Turn.id))).one()
                done = await ledger.entries(session, turn)
            yield house, alice, done


async def test_paddy_and_the_pages_know_it(asked: tuple[House, User, list[ToolCall]]) -> None:
    house, alice, done = asked
    assert [each.name for each in done] == ["look_at_plants", "water_plants"]
    assert "Watering the plants" in entries.steps_html({"water_plants": "started"})
    async with house.signed_in(alice) as client:
        chat, activity = (await client.get("/chat")).text, (await client.get("/settings/activity")).text
    assert chat.count('class="deed"') == 1 and "Watered before" in chat and "water 2 litres" in chat and "Undo" in chat
    assert "Watered before water 2 litres" in activity


async def test_answers_without_a_model_know_it(asked: tuple[House, User, list[ToolCall]]) -> None:
    assert failures.effects(asked[2], clock.now()) == ["Watered before *water 2 litres*."]
    step = Call("water_plants", {"litres": 2})
    assert interpreter.destroys([step]) and not interpreter.destroys([Call("look_at_plants", {})])
    assert proposals.describe([step], Context(clock.now())) == "watering the plants"


async def test_mcp_clients_know_it(house: House) -> None:
    known = {tool.name: tool for tool in await Workspace(house.database).tools()}
    hints = {name: known[name].annotations for name in ("water_plants", "look_at_plants")}
    assert {name: (hint and (hint.read_only_hint, hint.destructive_hint)) for name, hint in hints.items()} == {
        "water_plants": (False, True),
        "look_at_plants": (True, False),
    }
    assert "litres" in str(known["water_plants"].input_schema)
