"""Accounts in a running app: with a password, by an invite, of an admin."""

import httpx

from exponential.auth import invites, passwords, users
from exponential.auth.users import User
from support.app.running_app import House

GOOD = "correct horse battery staple"


async def with_password(house: House, email: str = "alice@example.org", name: str = "Alice") -> User:
    user = await house.user(email, name)
    async with house.database.transaction() as session:
        await passwords.change(session, user.id, await passwords.hash_password(GOOD, email, "somebody"))
    return user


async def try_password(client: httpx.AsyncClient, email: str, password: str, **more: str) -> httpx.Response:
    return await client.post("/sign-in", data={"email": email, "password": password, **more})


async def make_invite(house: House, **given: str) -> str:
    async with house.database.transaction() as session:
        admin = await users.local_user(session)
        return f"/invite/{await invites.make(session, admin, **given)}"  # type: ignore[arg-type]


async def an_admin(house: House, email: str = "root@example.org") -> User:
    user = await house.user(email, "Root")
    async with house.database.transaction() as session:
        await users.set_role(session, user.id, "admin")
    return user
