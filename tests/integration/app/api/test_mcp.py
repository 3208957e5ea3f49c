"""The workspace over MCP and HTTP, with the official client against a running app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from support.app.running_app import House

from exponential.auth import access_tokens
from exponential.auth.users import User
from exponential.core import sandbox
from exponential.workspace import facts, history, reminders, tasks


@pytest.fixture
async def url(house: House) -> AsyncIterator[str]:
    async with house.served() as url:
        yield f"{url}/mcp"


async def token_of(house: House, user: User) -> str:
    async with house.database.transaction() as session:
        return (await access_tokens.make(session, user.id, "client"))[1]


@asynccontextmanager
async def connected(house: House, url: str, user: User) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {await token_of(house, user)}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def call(client: Client, tool: str, **args: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, args)
    return {**(result.structured_content or {}), **({"refused": True} if result.is_error else {})}


async def test_each_user_has_their_own_workspace(house: House, url: str) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with connected(house, url, alice) as hers, connected(house, url, bob) as his:
        tools = {tool.name: tool for tool in (await hers.list_tools()).tools}
        assert "leave_note" not in tools and "Bob" not in str(tools)
        listing, deleting = tools["list_tasks"].annotations, tools["delete_task"].annotations
        assert listing is not None and listing.read_only_hint and not listing.destructive_hint
        assert deleting is not None and deleting.destructive_hint and not deleting.read_only_hint
        made = await call(hers, "create_task", title="buy milk", due="2026-12-01")
        assert made["task"]["title"] == "buy milk"
        assert (await call(hers, "list_tasks"))["count"] == 1
        assert (await call(his, "list_tasks"))["count"] == 0
        refused = await call(his, "complete_task", task=made["task"]["id"])
        assert refused["refused"] and refused["code"] == "unknown_task"
    async with house.database.transaction() as session:
        assert [task.title for task in await tasks.list_tasks(session, alice.id)] == ["buy milk"]
        entries = (await history.page(session, alice.id)).entries
        assert [(entry.act.name, entry.act.source, entry.act.program) for entry in entries] == [
            ("list_tasks", "mcp", "client"),
            ("create_task", "mcp", "client"),
        ]
        (refusal,) = (await history.page(session, bob.id, wanted=history.ActFilter(name="complete_task"))).entries
        assert (refusal.act.outcome, refusal.changes) == ("unknown_task", [])


async def test_what_is_wrong_is_said_and_changes_nothing(house: House, url: str) -> None:
    alice = await house.user()
    async with connected(house, url, alice) as client:
        wrong = await call(client, "create_task", title="x", due="whenever")
        assert wrong["refused"] and wrong["code"] == "bad_input" and "due" in wrong["error"]
        assert (await call(client, "create_task"))["code"] == "bad_input"
        assert (await call(client, "leave_note", text="x"))["code"] == "unknown_tool"
        await call(client, "create_task", title="milk")
        assert (await call(client, "undo"))["undone"] == "create_task"
        assert (await call(client, "list_tasks"))["count"] == 0


async def test_reminders_and_meetings_work_without_a_conversation(house: House, url: str) -> None:
    alice = await house.user()
    talk = "Anna: We decided to wait.\nBob: I'll call them by Friday."
    async with connected(house, url, alice) as client:
        assert (await call(client, "remind", text="tea", at="2100-01-01T09:00"))["reminder"]["text"] == "tea"
        assert (await call(client, "import_meeting", transcript=talk, title="Sync"))["meeting"]["title"] == "Sync"
        assert (await call(client, "search_meetings", query="wait"))["count"] == 1
    async with house.database.transaction() as session:
        assert len(await reminders.list_reminders(session, alice.id)) == 1


async def test_a_list_of_any_length_comes_up_to_a_bound(house: House, url: str) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        session.add_all([facts.Fact(user_id=alice.id, text=f"{number:04} {'x' * 990}") for number in range(400)])
    async with connected(house, url, alice) as client:
        recalled = await call(client, "recall")
        assert recalled["count"] == 400 and len(str(recalled)) < 110_000
        assert len((await call(client, "recall", about="0399"))["facts"]) == 1


async def test_many_transcripts_at_once_wait_and_leave_the_app_to_others(house: House, url: str) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    headers = {"Authorization": f"Bearer {await token_of(house, alice)}", "Accept": "application/json"}
    args = {"name": "import_meeting", "arguments": {"transcript": "Anna: We decided to wait."}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": args}
    limits = httpx2.Limits(max_connections=100)
    async with httpx2.AsyncClient(headers=headers, limits=limits, timeout=120) as http:
        async with sandbox.slot("carol"), sandbox.slot("dave"):  # nothing is read for now
            sent = [asyncio.create_task(http.post(url, json=request)) for _ in range(40)]
            async with asyncio.timeout(20), connected(house, url, bob) as client:
                for _ in range(20):
                    assert (await http.get(url.replace("/mcp", "/health"))).status_code == 200
                    assert (await call(client, "list_tasks"))["count"] == 0
            assert not any(task.done() for task in sent)
            for task in sent[:30]:
                task.cancel()
        answers = await asyncio.gather(*sent[30:])
    assert {answer.json()["result"]["isError"] for answer in answers} == {False}


async def test_who_has_no_token_or_another_method_is_refused(house: House, url: str) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(headers=accept, timeout=60) as http:
        for headers in ({}, {"Authorization": "Bearer exp_wrong"}):
            refused = await http.post(url, json=request, headers=headers)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "error" in refused.json()
        assert (await http.get(url)).status_code == 405
        alice = await house.user()
        evil = {"Authorization": f"Bearer {await token_of(house, alice)}", "Origin": "https://evil.example"}
        assert (await http.post(url, json=request, headers=evil)).status_code == 403
