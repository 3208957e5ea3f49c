"""The commands about one user's own things: tokens, audit, and the MCP server over stdio."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from exponential.auth import access_tokens, users
from exponential.auth.users import User
from exponential.cli import main
from exponential.core import database, encryption
from exponential.core.database import Database
from exponential.core.settings import AppSettings, read, with_secrets
from exponential.workspace import history, tasks

T = TypeVar("T")


class Place:
    """An installation in a folder of its own, on a database of the test's."""

    def __init__(self, folder: Path, app: str, gateway: str) -> None:
        self.url = app
        self.environment = {
            "EXPONENTIAL_DATA": str(folder),
            "DATABASE_URL": app,
            "GATEWAY_DATABASE_URL": gateway,
            "EXPONENTIAL_LOG_LEVEL": "error",  # commands set it for themselves where it isn't set, here for all tests
        }

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What a command prints, or the sentence with which it fails."""
        result = CliRunner().invoke(main.app, arguments, env=self.environment)
        assert bool(result.exception) == fails, result.exception
        return str(result.exception) if fails else result.stdout.strip()

    def do(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """In a transaction."""

        async def inside() -> T:
            db = Database(self.url, pool_size=1)
            async with db.transaction() as session:
                done = await work(session)
            await db.close()
            return done

        return asyncio.run(inside())


@pytest.fixture
def place(tmp_path: Path, database_url: Callable[[str], str]) -> Place:
    settings = with_secrets(read(AppSettings, data_dir=tmp_path))
    encryption.use_keys(settings.encryption_keys)
    place = Place(tmp_path, database_url("app"), database_url("gateway"))
    database.prepare("app", place.url)
    place.do(_bob)
    return place


async def _bob(session: AsyncSession) -> None:
    session.add(User(email="bob@example.org", name="Bob", timezone="Europe/Berlin"))


def test_an_admin_is_made_again_and_one_always_stays(place: Place) -> None:
    (bob,) = [json.loads(line) for line in place.run("users", "list", "--json").splitlines()]
    assert (bob["email"], bob["name"], bob["role"]) == ("bob@example.org", "Bob", "member")
    assert place.run("users", "promote", "Bob") == "Bob (bob@example.org) is an admin now."
    assert "bob@example.org  admin" in place.run("users", "list")
    assert "only admin" in place.run("users", "demote", "BOB@example.org", fails=True)
    place.do(_another_bob)
    assert "2 accounts" in place.run("users", "promote", "Bob", fails=True)
    place.run("users", "promote", "bob@example.net")
    assert place.run("users", "demote", bob["id"]) == "Bob (bob@example.org) is a member now."
    assert "no account" in place.run("users", "promote", "Nobody", fails=True)


async def _another_bob(session: AsyncSession) -> None:
    session.add(User(email="bob@example.net", name="Bob"))


def test_tokens_are_made_listed_and_revoked(place: Place) -> None:
    assert place.run("tokens", "make", "recorder").startswith("exp_")
    (token,) = [json.loads(line) for line in place.run("tokens", "list", "--json").splitlines()]
    assert (token["name"], token["usedAt"]) == ("recorder", None)
    assert token["scopes"] == ["all"] and token["expiresAt"][:4] and not token["expired"]
    assert place.run("tokens", "list").endswith(f"never used  expires {token['expiresAt']}  all  recorder")
    assert place.run("tokens", "list", "--user", "BOB@example.org") == ""
    assert "no such access token" in place.run("tokens", "revoke", token["id"], "--user", "bob@example.org", fails=True)
    assert place.run("tokens", "revoke", token["id"]) == "Revoked: recorder"
    place.run("tokens", "make", "hook", "--scope", "meetings:write", "--scope", "audit:read", "--expires", "never")
    assert place.run("tokens", "list").endswith("never used  never expires  meetings:write,audit:read  hook")
    assert "Choose what the token may do" in place.run("tokens", "make", "x", "--scope", "nothing", fails=True)
    assert place.run("tokens", "make", "x", "--expires", "soon", fails=True)
    assert "no account" in place.run("tokens", "list", "--user", "carol@example.org", fails=True)


ESCAPES = "\x1b]0;evil\x07\x1b[2J\x9b2J\r"


def test_what_is_printed_commands_no_terminal(place: Place) -> None:
    async def as_earlier_versions_took_it(session: AsyncSession) -> None:
        bob = await users.find_by_name(session, "bob@example.org")
        bob.name = f"Bob{ESCAPES}"
        token, _ = await access_tokens.make(session, bob.id, f"new{ESCAPES}")
        assert token.name == "new]0;evil[2J2J"
        token.name = f"old{ESCAPES}"
        act = await history.begin(session, bob.id, "create_task", "web", {"title": f"milk{ESCAPES}"})
        act.program = f"recorder{ESCAPES}"

    place.do(as_earlier_versions_took_it)
    bobs = ("--user", "bob@example.org")
    (row,) = [json.loads(line) for line in place.run("tokens", "list", *bobs, "--json").splitlines()]
    assert row["name"] == f"old{ESCAPES}"
    commands = [
        *(("tokens", "list", *bobs), ("tokens", "list", *bobs, "--json"), ("tokens", "revoke", row["id"], *bobs)),
        *(("users", "list"), ("users", "list", "--json"), ("users", "promote", "bob@example.org")),
        *(("audit", *bobs), ("audit", *bobs, "--json"), ("ask", "Add a task: \x1b]0;evil\x07 milk")),
    ]
    for command in commands:
        printed = place.run(*command)
        assert printed and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", printed), (command, printed)


def test_the_audit_is_shown_and_one_act_taken_back(place: Place) -> None:
    async def act(session: AsyncSession) -> str:
        user = await users.local_user(session)
        act = await history.begin(session, user.id, "create_task", "whatsapp", {"title": "buy milk"})
        await tasks.create_task(session, user.id, "buy milk")
        return str(act.id)

    async def look(session: AsyncSession) -> None:
        await history.begin(session, (await users.local_user(session)).id, "list_tasks", "web", {})

    async def left(session: AsyncSession) -> int:
        return len(await tasks.list_tasks(session, (await users.local_user(session)).id))

    act_id = place.do(act)
    place.do(look)
    shown = place.run("audit").splitlines()
    assert len(shown) == 2 and 'create_task  title="buy milk"  (can be undone)' in shown[1] and "whatsapp" in shown[1]
    (changed,) = [json.loads(line) for line in place.run("audit", "--changed", "--json").splitlines()]
    assert (changed["id"], changed["undoable"]) == (act_id, True)
    assert place.run("audit", "--limit", "1").endswith("list_tasks")
    assert "no such act" in place.run("audit", "--undo", act_id, "--user", "bob@example.org", fails=True)
    assert place.run("audit", "--undo", act_id) == "Undone: create task"
    assert "undone already" in place.run("audit", "--undo", act_id, fails=True)
    assert place.do(left) == 0


def test_the_workspace_over_stdio(place: Place) -> None:
    environment = {**place.environment, "PATH": os.environ["PATH"]}
    arguments = ["-m", "exponential", "mcp", "--user", "bob@example.org"]
    server = StdioServerParameters(command=sys.executable, args=arguments, env=environment)

    async def talk() -> tuple[set[str], dict[str, Any]]:
        async with Client(server) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            made = await client.call_tool("create_task", {"title": "buy milk", "due": "2026-12-01T17:00"})
            return names, (made.structured_content or {})["task"]

    async def acts(session: AsyncSession) -> list[tuple[str, str, bool]]:
        bob = await session.get_one(User, (await _id_of(session, "bob@example.org")))
        entries = (await history.page(session, bob.id)).entries
        return [(entry.act.name, entry.act.source, entry.undoable) for entry in entries]

    names, task = asyncio.run(asyncio.wait_for(talk(), 60))
    assert {"create_task", "query", "import_meeting", "undo"} <= names and "leave_note" not in names
    assert (task["title"], task["due"]) == ("buy milk", "2026-12-01T17:00:00+01:00")
    assert place.do(acts) == [("create_task", "mcp", True)]


async def _id_of(session: AsyncSession, email: str) -> Any:
    found = await users.find(session, email)
    assert found
    return found.id
