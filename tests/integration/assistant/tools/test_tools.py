"""The tools as a model calls them: each reaches its use-case, for the user of the turn alone, and is in the audit."""

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from sqlalchemy import text
from support.assistant.conversations import Story

from exponential.assistant import tools
from exponential.assistant.runtime import Runtime
from exponential.core import sandbox
from exponential.core.database import Database
from exponential.core.settings import AppSettings
from exponential.workspace import history

KICKOFF = "Anna: We decided to launch in June.\nAnna: Bob will book the venue by Friday."
CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("create_project", {"name": "Alpha", "review_on": "2099-06-01"}, "project"),
    ("create_task", {"title": "sign", "due": "2099-05-01T17:00", "priority": "high", "project": "alpha"}, "task"),
    ("update_task", {"task": "sign", "title": "sign the lease", "due": "none"}, "task"),
    ("complete_task", {"task": "lease"}, "task"),
    ("reopen_task", {"task": "lease"}, "task"),
    ("list_tasks", {"priority": "high", "project": "Alpha", "until": None}, "tasks"),
    ("list_projects", {}, "projects"),
    ("project_status", {"project": "Alpha"}, "status"),
    ("update_project", {"project": "Alpha", "note": "signed soon"}, "project"),
    ("import_meeting", {"transcript": KICKOFF, "title": "Kickoff", "held_on": "2026-05-05"}, "summary"),
    ("list_meetings", {}, "meetings"),
    ("meeting_summary", {"meeting": "kickoff"}, "decisions"),
    ("action_items", {"owner": "Bob"}, "action_items"),
    ("search_meetings", {"query": "launch"}, "hits"),
    ("query", {"about": "tasks", "group_by": "project"}, "groups"),
    ("remind", {"text": "pills", "at": "2099-01-01T08:00", "repeat": "daily"}, "reminder"),
    ("list_reminders", {}, "reminders"),
    ("snooze_reminder", {"reminder": "pills", "until": "2099-01-02T08:00"}, "reminder"),
    ("cancel_reminder", {"reminder": "pills"}, "reminder"),
    ("remember", {"fact": "I like tea"}, "fact"),
    ("recall", {"about": "tea"}, "facts"),
    ("forget", {"fact": "tea"}, "fact"),
    ("delete_task", {"task": "sign the lease"}, "task"),
    ("undo", {}, "undone"),
    ("delete_task", {"task": "no such thing"}, "error"),
]


def all_at_once(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    if any(isinstance(part, ToolReturnPart) for part in messages[-1].parts):
        return ModelResponse([TextPart("done")])
    return ModelResponse([ToolCallPart(name, args, str(place)) for place, (name, args, _) in enumerate(CALLS)])


def test_the_documentation_names_them_all() -> None:
    """Their names are stable: people see them."""
    text = (Path(__file__).parents[4] / "docs" / "paddy.md").read_text(encoding="utf-8")
    table = text.partition("| tools | for |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.partition(" | ")[0])]
    assert sorted(named) == sorted(tools.specs())


async def test_every_tool(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID, bob: UUID
) -> None:
    async with Runtime(app_database, app_settings, model=FunctionModel(all_at_once)) as runtime:
        result = await runtime.ask(alice, "go")
    results = [tool["result"] for tool in result.tools]
    assert len(results) == len(CALLS)
    for (name, _, key), found in zip(CALLS, results, strict=True):
        assert key in found, f"{name}: {found}"
        assert key == "error" or "error" not in found, f"{name}: {found}"
    assert await story.titles(alice) == ["sign the lease"]  # deleted, and brought back
    assert results[2]["task"]["due"] is None and results[5]["count"] == 1
    (item,) = results[12]["action_items"]
    assert (item["text"], item["owner"], item["due"]) == ("book the venue", "Bob", "2026-05-08")
    assert results[13]["hits"][0]["decided"] and results[13]["hits"][0]["meeting"]["title"] == "Kickoff"

    async with app_database.transaction() as session:
        acts = (await history.acts(session, alice))[::-1]
        assert await history.acts(session, bob) == []
    assert [act.name for act, _ in acts] == [name for name, _, _ in CALLS]
    assert {act.source for act, _ in acts} == {"terminal"}
    assert [act.outcome for act, _ in acts] == ["ok"] * (len(CALLS) - 1) + ["unknown_task"]
    assert acts[2][0].args["title"] == "sign the lease"
    (change,) = acts[2][1]
    assert (change.before["title"], change.after["title"]) == ("sign", "sign the lease")
    assert {act.name for act, changes in acts if not changes} == {
        *("list_tasks", "list_projects", "project_status", "list_meetings", "meeting_summary", "action_items"),
        *("search_meetings", "query", "list_reminders", "recall", "delete_task"),
    } and acts[22][1]


async def test_an_action_item_becomes_one_task(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        last = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if not last:
            return ModelResponse([ToolCallPart("import_meeting", {"transcript": KICKOFF})])
        content: Any = last[0].content
        if last[0].tool_name == "import_meeting":
            args = {"title": "book the venue", "action_item": content["action_items"][0]["id"]}
            return ModelResponse([ToolCallPart("create_task", args, "1"), ToolCallPart("create_task", args, "2")])
        return ModelResponse([TextPart("done")])

    async with Runtime(app_database, app_settings, model=FunctionModel(model)) as runtime:
        result = await runtime.ask(alice, "go")
    assert result.tools[2]["result"]["code"] == "already_a_task"
    assert await story.titles(alice) == ["book the venue"]


OLD_TRANSACTIONS = """select count(*) from pg_stat_activity
where datname = current_database() and state = 'idle in transaction' and xact_start < now() - interval '0.5 s'"""


async def test_a_transcript_that_waits_to_be_read_holds_no_transaction(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    asked = asyncio.Event()

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if any(isinstance(part, ToolReturnPart) for part in messages[-1].parts):
            return ModelResponse([TextPart("done")])
        asked.set()
        return ModelResponse(
            [ToolCallPart("import_meeting", args) for args in ({"transcript": KICKOFF}, {"attachment": str(alice)})]
        )

    async with Runtime(app_database, app_settings, model=FunctionModel(model)) as runtime:
        async with sandbox.slot("carol"), sandbox.slot("dave"):  # nothing is read for now
            asking = asyncio.create_task(runtime.ask(alice, "go"))
            await asked.wait()
            for _ in range(10):
                async with app_database.transaction() as session:
                    assert (await session.execute(text(OLD_TRANSACTIONS))).scalar_one() == 0
                await asyncio.sleep(0.1)
            assert not asking.done()
        kept, refused = (await asking).tools
    assert kept["result"]["meeting"]["title"] == "Meeting"
    assert refused["result"]["code"] == "unknown_file"
    async with app_database.transaction() as session:
        outcomes = [act.outcome for act, _ in await history.acts(session, alice)]
    assert outcomes == ["unknown_file", "ok"]
