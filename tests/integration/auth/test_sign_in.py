import asyncio
from datetime import timedelta

import pytest

from exponential.auth import sign_in, users
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import Database
from exponential.core.errors import BadInput, NotFound, Unauthorized


async def test_a_link_signs_in_once(app_database: Database) -> None:
    async with app_database.transaction() as session:
        user = await users.local_user(session)
        link = await sign_in.make_link(session, user)
    async with app_database.transaction() as session:
        token = await sign_in.open_session(session, link)
    async with app_database.transaction() as session:
        assert (await sign_in.user_of(session, token)).id == user.id
        with pytest.raises(Unauthorized, match="used already"):
            await sign_in.open_session(session, link)


async def test_two_who_open_a_link_at_once_are_one_too_many(app_database: Database) -> None:
    async with app_database.transaction() as session:
        link = await sign_in.make_link(session, await users.local_user(session))

    async def open_it() -> None:
        async with app_database.transaction() as session:
            await sign_in.open_session(session, link)

    outcomes = await asyncio.gather(*(open_it() for _ in range(4)), return_exceptions=True)
    assert outcomes.count(None) == 1 and all(isinstance(each, Unauthorized) for each in outcomes if each)


async def test_a_link_expires(app_database: Database) -> None:
    async with app_database.transaction() as session:
        link = await sign_in.make_link(session, await users.local_user(session))
    with clock.frozen(clock.now() + timedelta(hours=2)):
        async with app_database.transaction() as session:
            with pytest.raises(Unauthorized, match="expired"):
                await sign_in.open_session(session, link)


async def test_signing_out_ends_the_session(app_database: Database) -> None:
    async with app_database.transaction() as session:
        token = await sign_in.open_session(session, await sign_in.make_link(session, await users.local_user(session)))
        await sign_in.close_session(session, token)
        with pytest.raises(Unauthorized, match="not signed in"):
            await sign_in.user_of(session, token)


@pytest.mark.parametrize(
    "email",
    [
        "you@exponential.local",
        "a\u200b@example.org",
        "a\x9b1m@example.org",
        "a@b@c",
        "a b@c",
        "a\uff20b@c.org",
        "ada\uff20example.org",
    ],
)
async def test_addresses_that_nobody_may_take(app_database: Database, email: str) -> None:
    async with app_database.transaction() as session:
        with pytest.raises(BadInput):
            await users.add(session, email=email, name="Eve")


async def test_addresses_as_version_0_1_0_stored_them_are_found_each_its_own(app_database: Database) -> None:
    """It lower-cased them, and no more."""
    typed = [
        "Ada@Example.org",
        "\uff41da@example.org",
        "JOS\u00c9@example.org",
        "JOSE\u0301@example.org",
        "\u017fam@example.org",
    ]
    async with app_database.transaction() as session:
        for number, email in enumerate(typed):
            session.add(User(email=email.strip().lower(), name=str(number), timezone="UTC"))
        await session.flush()
        found = [await users.find(session, email) for email in typed]
        assert [user and user.name for user in found] == [str(number) for number in range(len(typed))]
        for user in found:
            assert user is not None
            await users.update(session, user.id, email=user.email, name="New")
        assert [await users.find(session, email) for email in typed] == found


async def test_a_name_is_no_address(app_database: Database) -> None:
    async with app_database.transaction() as session:
        boss = await users.add(session, email="boss@example.org", name="Boss")
        eve = await users.add(session, email="eve@example.org", name="Eve")
        with pytest.raises(BadInput, match="no @"):
            await users.update(session, eve.id, email=eve.email, name="boss@example.org")
        eve.name = "boss@example.org"  # as earlier versions took it
        await session.flush()
        assert await users.find_by_name(session, "Boss@example.org") is boss
        assert await users.find_by_name(session, " boss ") is boss
        with pytest.raises(NotFound):
            await users.find_by_name(session, "nobody@example.org")


async def test_there_is_a_local_user_whoever_has_its_address(app_database: Database) -> None:
    async with app_database.transaction() as session:
        eve = await users.add(session, email="eve@example.org", name="Eve")
        eve.email = users.LOCAL_EMAIL  # as earlier versions took it
        await session.flush()
        local = await users.local_user(session)
        assert local.is_admin and local.id != eve.id and local.email.endswith(users.LOCAL_DOMAIN)
        assert (await users.local_user(session)).id == local.id
