"""Commands about one user's own things: access tokens, the audit, and the workspace as an MCP server."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from exponential.auth.users import User
    from exponential.core.database import Database
    from exponential.workspace.history import Entry

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Where data lives; by default EXPONENTIAL_DATA or a folder of this user."
    ),
]
Who = Annotated[
    str | None,
    typer.Option("--user", metavar="EMAIL", help="Whose: e-mail address, name or id; by default the local user."),
]
# What terminals obey, line breaks and tabs aside.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

tokens = typer.Typer(
    no_args_is_help=True,
    help="Access tokens for programs of yours: a meeting recorder's webhook, an MCP client, a script.",
)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(tokens, name="tokens")
    app.command()(audit)
    app.command()(mcp)


def say(text: str, *, err: bool = False) -> None:
    """Print what somebody may have written: control characters are shown as JSON escapes them, not obeyed."""
    typer.echo(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text), err=err)


@tokens.command("make")
def make_token(
    name: Annotated[str, typer.Argument(help="What it is for, such as the program's name.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it may do, once or more: meetings:write, mcp, audit:read; by default all.",
        ),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="DAYS", help="After how many days it expires, or never.")
    ] = "90",
    user: Who = None,
    data: Data = None,
) -> None:
    """Make a token and print it. It is shown this once.

    Example: exponential tokens make "meeting recorder" --scope meetings:write --expires 365
    """
    if expires != "never" and not (expires.isascii() and expires.isdecimal() and len(expires) < 6):
        raise typer.BadParameter("a number of days, or never", param_hint="--expires")
    days = None if expires == "never" else int(expires)

    async def work() -> str:
        from exponential.auth import access_tokens

        async with app_database(data) as database, database.transaction() as session:
            owner = await the_user(session, user)
            scopes = scope or [access_tokens.ALL]
            return (await access_tokens.make(session, owner.id, name, scopes=scopes, days=days))[1]

    say(asyncio.run(work()))


@tokens.command("list")
def list_tokens(user: Who = None, as_json: AsJson = False, data: Data = None) -> None:
    """List the tokens: id, when made, when last used, until when they are good, their scopes, what for."""

    async def work() -> list[dict[str, Any]]:
        from exponential.auth import access_tokens

        async with app_database(data) as database, database.transaction() as session:
            found = await access_tokens.of_user(session, (await the_user(session, user)).id)
        return [
            {
                "id": str(token.id),
                "createdAt": token.created_at.isoformat(timespec="seconds"),
                "usedAt": token.used_at.isoformat(timespec="seconds") if token.used_at else None,
                "expiresAt": token.expires_at.isoformat(timespec="seconds") if token.expires_at else None,
                "expired": token.expired,
                "scopes": token.scopes,
                "name": token.name,
            }
            for token in found
        ]

    for row in asyncio.run(work()):
        ends = "expired" if row["expired"] else "expires"
        until = f"{ends} {row['expiresAt']}" if row["expiresAt"] else "never expires"
        used = row["usedAt"] or "never used"
        words = "  ".join((row["id"], row["createdAt"], used, until, ",".join(row["scopes"]), row["name"]))
        say(json.dumps(row, ensure_ascii=False) if as_json else words)


@tokens.command("revoke")
def revoke_token(
    token_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `tokens list` shows it.")],
    user: Who = None,
    data: Data = None,
) -> None:
    """Make a token worthless, at once."""

    async def work() -> str:
        from exponential.auth import access_tokens

        async with app_database(data) as database, database.transaction() as session:
            return (await access_tokens.revoke(session, (await the_user(session, user)).id, token_id)).name

    say(f"Revoked: {asyncio.run(work())}")


def audit(
    limit: Annotated[int, typer.Option(help="How many acts, the latest first.")] = 20,
    changed: Annotated[bool, typer.Option("--changed", help="Only those that changed something.")] = False,
    undo: Annotated[UUID | None, typer.Option("--undo", metavar="ID", help="Take this act back.")] = None,
    user: Who = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show what was done in the workspace: when, by which tool, from where, with what; or take one act back.

    Examples: exponential audit --changed · exponential audit --undo 0199…
    """

    async def work() -> list[str]:
        from exponential.workspace import facts, history, queries  # noqa: F401  with them come all kinds of records

        async with app_database(data) as database, database.transaction() as session:
            who = await the_user(session, user)
            if undo is not None:
                await history.begin(session, who.id, history.UNDO, "terminal", {"act": str(undo)})
                act = await history.undo_act(session, who.id, undo)
                return [f"Undone: {act.name.replace('_', ' ')}"]
            lines: list[str] = []
            before: int | None = None
            while len(lines) < limit:
                wanted = history.ActFilter(changed=changed)
                page = await history.page(
                    session, who.id, limit=min(limit - len(lines), history.MAX_ACTS), before=before, wanted=wanted
                )
                lines += [_line(entry, as_json) for entry in page.entries]
                before = page.next
                if before is None:
                    break
            return lines

    if limit < 1:
        raise typer.BadParameter("at least 1", param_hint="--limit")
    for line in asyncio.run(work()):
        say(line)


def mcp(user: Who = None, data: Data = None) -> None:
    """Run the workspace as an MCP server on stdin and stdout, for an MCP client on this machine (docs/mcp.md).

    Example, in the client's configuration:

    ```
    {"mcpServers": {"exponential": {"command": "exponential", "args": ["mcp"]}}}
    ```
    """
    os.environ.setdefault("EXPONENTIAL_LOG_LEVEL", "error")

    async def work() -> None:
        from mcp.server.stdio import stdio_server

        from exponential.assistant.mcp import server as mcp_server

        async with app_database(data) as database:
            async with database.transaction() as session:
                user_id = (await the_user(session, user)).id

            async def always(_context: mcp_server.Context) -> mcp_server.McpCaller:
                return mcp_server.McpCaller(user_id)

            server = mcp_server.create(database, always)
            async with stdio_server() as (reading, writing):
                await server.run(reading, writing, server.create_initialization_options())

    asyncio.run(work())


@asynccontextmanager
async def app_database(data: Path | None) -> AsyncIterator["Database"]:
    """The app's database."""
    from exponential.cli import installation
    from exponential.core import key_check, log

    settings = await asyncio.to_thread(installation.app_settings, data)
    log.configure(settings.log_level, service="command")
    async with key_check.opened("app", settings.database_url, settings.encryption_keys) as db:
        yield db


async def the_user(session: "AsyncSession", who: str | None) -> "User":
    """By e-mail address, id or name; the local user when nobody is named. Raises NotFound, Conflict."""
    from exponential.auth import users

    return await (users.find_by_name(session, who) if who else users.local_user(session))


def _line(entry: "Entry", as_json: bool) -> str:
    act = entry.act
    if as_json:
        told = {
            "id": str(act.id),
            "createdAt": act.created_at.isoformat(),
            "name": act.name,
            "source": act.source,
            "program": act.program,
            "args": act.args,
            "outcome": act.outcome,
            "undoneAt": act.undone_at.isoformat() if act.undone_at else None,
            "undoable": entry.undoable,
        }
        return json.dumps(told, ensure_ascii=False)
    args = " ".join(f"{key}={_short(value)}" for key, value in act.args.items()) if isinstance(act.args, dict) else ""
    marks = [act.outcome] if act.outcome != "ok" else []
    marks += ["undone"] if act.undone_at else []
    marks += ["can be undone"] if entry.undoable else []
    source = f"{act.source}:{_short(act.program)}" if act.program else act.source
    words = [str(act.id), f"{act.created_at:%Y-%m-%d %H:%M:%S}", source, act.name, args]
    return "  ".join(word for word in [*words, f"({', '.join(marks)})" if marks else ""] if word)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return json.dumps(text if len(text) <= 60 else f"{text[:59]}…", ensure_ascii=False)
