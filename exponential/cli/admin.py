"""Commands of whoever runs the installation: who has an account here, and who is an admin."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from exponential.cli.user import AsJson, Data, app_database, say

if TYPE_CHECKING:
    from exponential.auth.users import Role, User

Named = Annotated[str, typer.Argument(metavar="WHO", help="E-mail address, name or id.")]

users = typer.Typer(no_args_is_help=True, help="The accounts here, and which of them are admins.")


@users.command("list")
def list_users(as_json: AsJson = False, data: Data = None) -> None:
    """List the accounts: e-mail address, role, since when, name."""

    async def work() -> "list[User]":
        from exponential.auth import users

        async with app_database(data) as database, database.transaction() as session:
            return await users.list_all(session)

    for user in asyncio.run(work()):
        row = {
            "id": str(user.id),
            "email": user.email,
            "name": user.name,
            "role": user.role,
            "createdAt": user.created_at.isoformat(timespec="seconds"),
        }
        words = "  ".join((user.email, user.role, f"since {user.created_at:%Y-%m-%d}", user.name))
        say(json.dumps(row, ensure_ascii=False) if as_json else words)


@users.command()
def promote(who: Named, data: Data = None) -> None:
    """Make somebody an admin, also when there is none any more.

    Example: exponential users promote ada@example.org
    """
    say(f"{asyncio.run(_give(who, 'admin', data))} is an admin now.")


@users.command()
def demote(who: Named, data: Data = None) -> None:
    """Make an admin a member. The only admin stays one."""
    say(f"{asyncio.run(_give(who, 'member', data))} is a member now.")


async def _give(who: str, role: "Role", data: Data) -> str:
    from exponential.auth import users

    async with app_database(data) as database, database.transaction() as session:
        user = await users.find_by_name(session, who)
        await users.set_role(session, user.id, role)
    return f"{user.name} ({user.email})"
