"""Signing in through a real OpenID Connect provider, over HTTP on loopback."""

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import func, select
from support.app.accounts import GOOD, make_invite, with_password
from support.app.running_app import House, MakeHouse
from support.oidc_provider import Provider, running, settings

from exponential.auth import users
from exponential.auth.users import User

PAGE = {"accept": "text/html"}


async def sign_in(browser: httpx.AsyncClient, **params: str) -> httpx.Response:
    """From our sign-in page to the provider and back, as a browser goes."""
    answer = await browser.get("/oidc/start", params=params)
    if answer.status_code != 302:
        return answer
    async with httpx.AsyncClient() as outside:
        back = await outside.get(answer.headers["location"])
    return await browser.get(back.headers["location"])


async def people(house: House) -> int:
    async with house.database.transaction() as session:
        return (await session.execute(select(func.count()).select_from(User))).scalar_one()


async def test_the_first_visit_makes_a_member_and_the_next_finds_them(make_house: MakeHouse) -> None:
    async with running() as provider, make_house(**settings(provider.url)) as house:
        async with house.client(**PAGE) as browser:
            assert "Sign in with 127.0.0.1" in (await browser.get("/sign-in")).text
            answer = await sign_in(browser, to="/tasks")
            assert (answer.status_code, answer.headers["location"]) == (303, "/tasks")
            assert "ada@example.org" in (await browser.get("/tasks")).text
        provider.person["email"] = "ada.lovelace@example.org"  # who it is hangs on the subject, not on the address
        async with house.client() as browser:
            assert (await sign_in(browser)).headers["location"] == "/chat"
            assert "ada@example.org" in (await browser.get("/tasks")).text
        assert await people(house) == 1
        assert {"openid", "email", "profile"} == set(provider.asked[0]["scope"].split())
        assert provider.asked[0]["redirect_uri"] == "http://app.test/oidc/callback"


async def test_whom_an_admin_invited_by_address_is_the_one_whom_the_provider_knows_by_it(make_house: MakeHouse) -> None:
    async with running(email="DANA@example.org") as provider, make_house(**settings(provider.url)) as house:
        link = await make_invite(house, email="dana@example.org")
        async with house.client() as browser:
            await browser.post(link, data={"name": "Dana", "password": GOOD})
        async with house.client() as browser:
            assert (await sign_in(browser)).status_code == 303
            assert "dana@example.org" in (await browser.get("/tasks")).text
        assert await people(house) == 2  # with the admin


async def test_an_address_that_somebody_typed_does_not_give_them_its_owners_sign_in(make_house: MakeHouse) -> None:
    async def in_settings(house: House) -> None:
        mallory = await with_password(house, "mallory@example.org", "Mallory")
        async with house.signed_in(mallory, **PAGE) as client:
            changed = {"name": "Mallory", "email": "ada@example.org"}
            assert (await client.post("/settings", data=changed)).status_code == 303

    async def on_an_invite_for_anybody(house: House) -> None:
        async with house.client() as client:
            account = {"email": "ada@example.org", "name": "Mallory", "password": GOOD}
            assert (await client.post(await make_invite(house), data=account)).status_code == 303

    async def over_an_address_that_was_verified(house: House) -> None:
        link = await make_invite(house, email="mallory@example.org")
        async with house.client(**PAGE) as client:
            await client.post(link, data={"name": "Mallory", "password": GOOD})
            changed = {"name": "Mallory", "email": "ada@example.org", "current": GOOD}
            assert (await client.post("/settings", data=changed)).status_code == 303

    for take in (in_settings, on_an_invite_for_anybody, over_an_address_that_was_verified):
        async with running() as provider, make_house(**settings(provider.url)) as house:
            await take(house)
            async with house.client(**PAGE) as ada:
                answer = await sign_in(ada)
                assert answer.status_code == 409, take.__name__
                assert "ada@example.org" in answer.text and "administrator" in answer.text
                assert (await ada.get("/tasks")).status_code == 401
            await free_address(house, "ada@example.org")
            async with house.client(**PAGE) as ada:
                assert (await sign_in(ada)).status_code == 303, take.__name__
                assert "ada@example.org" in (await ada.get("/settings")).text
            async with house.database.transaction() as session:
                assert (await users.find_by_name(session, "Mallory")).email.endswith(users.LOCAL_DOMAIN)
                await session.delete(await users.find(session, "ada@example.org"))
                await session.delete(await users.find_by_name(session, "Mallory"))


async def free_address(house: House, email: str) -> None:
    """As an admin does it, on the page of People."""
    async with house.database.transaction() as session:
        admin, person = await users.local_user(session), await users.find(session, email)
        assert person is not None
    async with house.signed_in(admin, **PAGE) as client:
        assert "not confirmed" in (await client.get("/settings/people")).text
        invited = await client.post("/settings/people/invites", data={"email": email})
        assert invited.status_code == 409 and "free it first" in invited.text
        assert (await client.post(f"/settings/people/{person.id}/free-address")).status_code == 303
        again = await client.post(f"/settings/people/{person.id}/free-address")
        assert again.status_code == 409 and "stays with its account" in again.text
        assert (await client.post("/settings/people/invites", data={"email": email})).status_code == 200


LOOKS_LIKE_KATE = ("\uff4bate@example.org", "\u212aate@example.org", "kate@\uff45xample.org", "kate@example\u2024org")


@pytest.mark.parametrize("email", LOOKS_LIKE_KATE)
async def test_an_address_that_looks_like_another_gives_nobody_its_account(make_house: MakeHouse, email: str) -> None:
    async with running(sub="mallory", email=email) as provider, make_house(**settings(provider.url)) as house:
        async with house.client() as mallory:
            await sign_in(mallory)  # before Kate was ever here
        provider.person.update(sub="kate", email="kate@example.org")
        async with house.client() as kate:
            assert (await sign_in(kate)).status_code == 303
            assert (await kate.post("/tasks", data={"title": "a secret"})).status_code == 303
        provider.person.update(sub="mallory", email=email)
        async with house.client() as mallory:
            await sign_in(mallory)
            assert "a secret" not in (await mallory.get("/tasks")).text


async def test_an_address_that_looks_like_anothers_confirms_none_that_was_typed(make_house: MakeHouse) -> None:
    async with running(email="mallory@example.org") as provider, make_house(**settings(provider.url)) as house:
        async with house.client() as mallory:
            await sign_in(mallory)
            await mallory.post("/settings", data={"name": "Mallory", "email": "kate@example.org"})
        provider.person["email"] = "\u212aate@example.org"
        async with house.client() as mallory:
            assert (await sign_in(mallory)).status_code == 303
        async with house.database.transaction() as session:
            user = await users.find(session, "kate@example.org")
            assert user is not None and user.has_typed_address


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("Ada\u200b Love\u00adlace", "Ada Lovelace"),
        ("Ada \uff20 home", "ada"),
        ("Ada <ada@example.org>", "ada"),
        ("\u200d", "ada"),
        ("x" * 300, "x" * 100),
    ],
)
async def test_whatever_the_provider_calls_them_they_get_an_account(
    make_house: MakeHouse, name: str, kept: str
) -> None:
    async with running(name=name) as provider, make_house(**settings(provider.url)) as house:
        async with house.client() as browser:
            assert (await sign_in(browser)).status_code == 303
        async with house.database.transaction() as session:
            assert [user.name for user in await users.list_all(session)] == [kept]


async def test_an_account_whose_address_nobody_verified_is_connected_by_its_password_once(
    make_house: MakeHouse,
) -> None:
    async with running(email="alice@example.org") as provider, make_house(**settings(provider.url)) as house:
        await with_password(house)
        async with house.client(**PAGE) as browser:
            assert "alice@example.org" in (await sign_in(browser, to="/tasks")).text
            wrong = await browser.post("/oidc/connect", data={"password": "a wrong one"})
            assert wrong.status_code == 401 and "password is not right" in wrong.text
            assert (await browser.get("/tasks")).status_code == 401
            answer = await browser.post("/oidc/connect", data={"password": GOOD})
            assert (answer.status_code, answer.headers["location"]) == (303, "/tasks")
            assert "alice@example.org" in (await browser.get("/tasks")).text
        async with house.client() as again:
            assert (await sign_in(again)).status_code == 303
        assert await people(house) == 1


async def test_a_connection_that_the_provider_did_not_begin_is_refused(make_house: MakeHouse) -> None:
    async with running(email="alice@example.org") as provider, make_house(**settings(provider.url)) as house:
        await with_password(house)
        async with house.client() as browser:
            assert (await browser.post("/oidc/connect", data={"password": GOOD})).status_code == 401
            await browser.get("/oidc/start")  # asked, but not back yet
            assert (await browser.post("/oidc/connect", data={"password": GOOD})).status_code == 401


async def test_an_address_that_the_provider_did_not_verify_opens_nobodys_account(make_house: MakeHouse) -> None:
    for claim in (False, None, "false", "yes", 1):
        person = {"email": "dana@example.org", "email_verified": claim}
        async with running(**person) as provider, make_house(**settings(provider.url)) as house:
            before = await people(house)
            if not before:
                link = await make_invite(house, email="dana@example.org")
                async with house.client() as dana:
                    await dana.post(link, data={"name": "Dana", "password": GOOD})
            async with house.client(**PAGE) as browser:
                answer = await sign_in(browser)
                assert answer.status_code == 401, claim
                assert "vouch for your e-mail address" in answer.text
                assert (await browser.get("/tasks")).status_code == 401
            assert await people(house) == 2


async def test_what_is_forged_or_refused_signs_nobody_in(make_house: MakeHouse) -> None:
    def another_key(provider: Provider) -> None:
        provider.key = rsa.generate_private_key(65537, 2048)

    def another_audience(provider: Provider) -> None:
        provider.audience = "somebody else"

    def another_nonce(provider: Provider) -> None:
        provider.nonce = "of another sign-in"

    def another_issuer(provider: Provider) -> None:
        provider.person["iss"] = "http://127.0.0.1:9"

    def a_refusal(provider: Provider) -> None:
        provider.refuses = True

    for spoil in (another_key, another_audience, another_nonce, another_issuer, a_refusal):
        async with running() as provider, make_house(**settings(provider.url)) as house, house.client() as browser:
            spoil(provider)
            answer = await sign_in(browser)
            assert (answer.status_code, "exponential_session" in browser.cookies) == (401, False), spoil.__name__


async def test_a_callback_that_nobody_began_is_refused(make_house: MakeHouse) -> None:
    async with running() as provider, make_house(**settings(provider.url)) as house:
        async with house.client() as browser, house.client() as thief:
            answer = await browser.get("/oidc/start")
            async with httpx.AsyncClient() as outside:
                back = (await outside.get(answer.headers["location"])).headers["location"]
            stolen = await thief.get(back, headers={"accept": "application/json"})
            assert (stolen.status_code, stolen.json()["code"]) == (401, "oidc_expired")
            forged = await browser.get("/oidc/callback?code=x&state=y")
            assert forged.status_code == 401
            assert (await browser.get(back)).status_code == 303  # whoever began it may finish it, once
            assert (await browser.get(back)).status_code == 401


async def test_without_a_provider_there_is_none_and_a_silent_one_is_told(make_house: MakeHouse, house: House) -> None:
    async with house.client(**PAGE) as browser:
        assert (await browser.get("/oidc/start")).status_code == 404
        assert "Sign in with" not in (await browser.get("/sign-in")).text
    async with make_house(**settings("http://127.0.0.1:9")) as lonely, lonely.client(**PAGE) as browser:
        answer = await browser.get("/oidc/start")
        assert answer.status_code == 503 and "sign in with your password" in answer.text
