"""Passwords, invites, roles: who gets in, who doesn't, and what guessing costs."""

import asyncio
import threading
import time
import unicodedata
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from support.app.accounts import GOOD, make_invite, try_password, with_password
from support.app.running_app import House, MakeHouse
from support.waiting import until

from exponential.auth import invites, passwords, sign_in_attempts, users
from exponential.auth.invites import Invite
from exponential.auth.sign_in_attempts import Attempt
from exponential.core import clock
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database

PAGE = {"accept": "text/html"}


async def test_a_password_signs_in_and_leads_to_the_page_that_was_asked_for(house: House) -> None:
    await with_password(house)
    async with house.client(**PAGE) as client:
        asked = await client.get("/tasks?filter=open")
        assert asked.status_code == 401
        assert '<input type="hidden" name="to" value="/tasks?filter=open">' in asked.text
        answer = await try_password(client, " Alice@Example.org", GOOD, to="/tasks?filter=open")
        assert (answer.status_code, answer.headers["location"]) == (303, "/tasks?filter=open")
        assert (await client.get("/tasks")).status_code == 200
        assert (await client.get("/sign-in")).headers["location"] == "/chat"


@pytest.mark.parametrize(
    "email", ["Jose\u0301@Example.org", "\uff41da@example.org", "ada@\uff45xample.org", "\u017fam@example.org"]
)
async def test_an_address_signs_in_as_it_was_registered(house: House, email: str) -> None:
    link = await make_invite(house)
    async with house.client() as client:
        assert (await client.post(link, data={"email": email, "name": "Ada", "password": GOOD})).status_code == 303
    async with house.client() as client:
        assert (await try_password(client, f" {email} ", GOOD)).status_code == 303
        plain = unicodedata.normalize("NFKC", email)
        assert (await try_password(client, plain, GOOD)).status_code == 401


async def test_addresses_that_look_alike_are_two_accounts(house: House) -> None:
    await with_password(house, "ada@example.org", "Ada")
    link = await make_invite(house)
    other = {"email": "\uff41da@example.org", "name": "Other", "password": f"{GOOD} 2"}
    async with house.client() as client:
        assert (await client.post(link, data=other)).status_code == 303
        for email, password in (("ada@example.org", GOOD), (other["email"], other["password"])):
            assert (await try_password(client, email, password)).status_code == 303
        assert (await try_password(client, "ada@example.org", other["password"])).status_code == 401


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/x", "/\\evil.example", "javascript:x", ""])
async def test_signing_in_leads_to_no_other_site(house: House, to: str) -> None:
    await with_password(house)
    async with house.client() as client:
        assert (await try_password(client, "alice@example.org", GOOD, to=to)).headers["location"] == "/chat"


async def test_nobody_learns_who_has_an_account(house: House) -> None:
    await with_password(house)
    await house.user("bob@example.org", "Bob")  # has no password
    answers = []
    async with house.client(**PAGE) as client:
        for email in ("alice@example.org", "bob@example.org", "nobody@example.org"):
            answer = await try_password(client, email, "wrong password")
            answers.append((answer.status_code, answer.text.replace(email, "EMAIL")))
    assert answers[0][0] == 401 and "The e-mail address or the password is not right." in answers[0][1]
    assert len(set(answers)) == 1


async def test_guessing_ends_after_five_attempts_and_goes_on_a_quarter_of_an_hour_later(
    house: House, make_house: MakeHouse
) -> None:
    await with_password(house)
    async with house.client(**PAGE) as client:
        for _ in range(sign_in_attempts.MAX_FROM_ONE_ADDRESS_FOR_ONE_USER):
            assert (await try_password(client, "alice@example.org", "guess")).status_code == 401
        refused = await try_password(client, "alice@example.org", GOOD)
        assert refused.status_code == 429 and "Wait 15 minutes" in refused.text
        assert 800 < int(refused.headers["retry-after"]) <= 901
        assert (await try_password(client, "bob@example.org", "guess")).status_code == 401  # of somebody else
    async with make_house() as restarted, restarted.client() as client:
        assert (await try_password(client, "alice@example.org", GOOD)).status_code == 429
        with clock.frozen(clock.now() + sign_in_attempts.WINDOW + timedelta(seconds=1)):
            assert (await try_password(client, "alice@example.org", GOOD)).status_code == 303


async def test_guesses_at_once_are_counted_one_by_one(house: House) -> None:
    await with_password(house)
    async with house.client() as client:
        guesses = [try_password(client, "alice@example.org", f"guess {number}") for number in range(20)]
        codes = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert (
        codes.count(401) == sign_in_attempts.MAX_FROM_ONE_ADDRESS_FOR_ONE_USER
        and codes.count(429) + codes.count(503) == 15
    )


async def guess_from(house: House, address: str, email: str, password: str = "a wrong guess") -> httpx.Response:
    transport = httpx.ASGITransport(app=house.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test", timeout=60) as client:
        return await try_password(client, email, password)


def slowly(_password: str, _stored: str) -> bool:
    """As Argon2 is on a machine with much to do."""
    time.sleep(0.5)
    return False


class Gate:
    """Checks of passwords begin, and end when they may `go` on."""

    def __init__(self) -> None:
        self.begun: list[str] = []  # the passwords
        self.go = threading.Event()

    def verify(self, password: str, _stored: str) -> bool:
        self.begun.append(password)
        self.go.wait(60)
        return False


async def counted(house: House) -> int:
    """Attempts that count."""
    async with house.database.transaction() as session:
        return len(list(await session.scalars(select(Attempt.what)))) // 3


async def test_a_guess_counts_when_it_is_tried(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guesses that wait, or find no place in the queue, don't keep out whose account they are at."""
    await with_password(house)
    gate = Gate()
    monkeypatch.setattr(passwords, "_verify", gate.verify)
    many = range(passwords.MAX_CONCURRENT_HASHES + passwords.MAX_WAITING + 20)
    guesses = [
        asyncio.create_task(guess_from(house, f"10.0.{number // 200}.{number % 200}", "alice@example.org"))
        for number in many
    ]
    await until(lambda: sum(guess.done() for guess in guesses) == 20)
    busy = [guess.result() for guess in guesses if guess.done()]
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in busy} == {(503, "5")}
    assert "Very many passwords are being checked right now." in busy[0].text
    await until(lambda: len(gate.begun) == passwords.MAX_CONCURRENT_HASHES)
    assert await counted(house) == passwords.MAX_CONCURRENT_HASHES
    gate.go.set()
    codes = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert codes.count(401) == await counted(house) == sign_in_attempts.FROM_ANYWHERE
    assert codes.count(429) == len(many) - 20 - sign_in_attempts.FROM_ANYWHERE


async def test_networks_take_turns(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes waits for one guess of each other network, however many these have waiting."""
    gate = Gate()
    monkeypatch.setattr(passwords, "_verify", gate.verify)
    flood = [
        asyncio.create_task(guess_from(house, f"203.0.113.{network}", f"{network}-{number}@example.org"))
        for network in range(12)
        for number in range(20)
    ]
    await until(lambda: sum(guess.done() for guess in flood) == 12 * (20 - passwords.MAX_PER_NETWORK))
    honest = asyncio.create_task(guess_from(house, "198.51.100.1", "alice@example.org", "mistyped"))
    await until(lambda: passwords._places["198.51.100.1"] == 1)
    gate.go.set()
    assert (await honest).status_code == 401
    assert gate.begun.index("mistyped") <= 12 + passwords.MAX_CONCURRENT_HASHES
    assert {(await guess).status_code for guess in flood} == {401, 503}


async def test_a_flood_from_one_address_keeps_nobody_else_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_verify", slowly)
    codes = []

    async def flood(number: int) -> None:
        while True:
            codes.append((await guess_from(house, "203.0.113.1", f"{number}@example.org")).status_code)

    flooding = [asyncio.create_task(flood(number)) for number in range(40)]
    await until(lambda: codes)
    for number in range(4):
        assert (await guess_from(house, f"198.51.100.{number}", "alice@example.org")).status_code == 401
    await cancel_and_wait(*flooding)
    assert codes.count(401) <= sign_in_attempts.OF_ONE_ADDRESS and set(codes) <= {401, 429, 503}


async def test_a_network_of_ipv6_is_one_address(house: House) -> None:
    for number in range(sign_in_attempts.OF_ONE_ADDRESS):
        answer = await guess_from(house, f"2001:db8:0:1:{number:x}::1", f"{number}@example.org")
        assert answer.status_code == 401
    assert (await guess_from(house, "2001:db8:0:1:ffff::1", "another@example.org")).status_code == 429
    assert (await guess_from(house, "2001:db8:0:2::1", "another@example.org")).status_code == 401
    for number in range(sign_in_attempts.MAX_FROM_ONE_ADDRESS_FOR_ONE_USER):
        assert (await guess_from(house, f"::ffff:203.0.113.{number}", "third@example.org")).status_code == 401


async def test_success_forgives_mistypes_but_an_address_that_tries_many_accounts_is_stopped(house: House) -> None:
    await with_password(house)
    async with house.client() as client:
        for _ in range(3):
            for _ in range(4):
                assert (await try_password(client, "alice@example.org", "mistyped")).status_code == 401
            assert (await try_password(client, "alice@example.org", GOOD)).status_code == 303
        for number in range(sign_in_attempts.OF_ONE_ADDRESS - 12):
            assert (await try_password(client, f"person{number}@example.org", "guess")).status_code == 401
        assert (await try_password(client, "another@example.org", "guess")).status_code == 429


async def test_an_office_behind_one_address_signs_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_verify", lambda password, _stored: password == GOOD)  # as fast as can be
    await with_password(house)
    async with house.client() as client:
        for _ in range(sign_in_attempts.OF_ONE_ADDRESS + 5):
            assert (await try_password(client, "alice@example.org", GOOD)).status_code == 303


class SlowHasher:
    """Hashes when it may `go` on."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def hash(self, password: str) -> str:
        self.go.wait(60)
        return f"a hash of {len(password)} characters"


async def test_new_passwords_in_masses_keep_nobody_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long holds no connection to the database, and one person has two places in the queue."""
    hasher = SlowHasher()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    new = {"password": f"{GOOD} 2", "again": f"{GOOD} 2"}
    async with house.signed_in(alice) as flooding, house.signed_in(bob) as waiting:
        changes = [asyncio.create_task(flooding.post("/settings/password", data=new)) for _ in range(40)]
        await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)  # one that finds no place
        assert (await asyncio.wait_for(waiting.get("/tasks"), 20)).status_code == 200
        hasher.go.set()
        codes = [answer.status_code for answer in await asyncio.gather(*changes)]
    assert (codes.count(303), codes.count(503)) == (2, 38)


async def test_attempts_name_nobody_and_are_forgotten(house: House) -> None:
    async with house.client() as client:
        await try_password(client, "alice@example.org", "guess")
    async with house.database.transaction() as session:
        stored = list(await session.scalars(select(Attempt.what)))
        assert len(stored) == 3 and not any("alice" in what or "127.0" in what for what in stored)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        async with house.database.transaction() as session:
            await sign_in_attempts.delete_expired(session)
            assert list(await session.scalars(select(Attempt.what))) == []


async def test_an_invite_makes_one_account_once(house: House) -> None:
    link = await make_invite(house)
    account = {"email": "bob@example.org", "name": " Bob  Builder ", "password": GOOD}
    async with house.client(**PAGE) as bob, house.client(**PAGE) as charlie:
        assert "Make your account" in (await bob.get(link)).text
        weak = await bob.post(link, data={**account, "password": "short"})
        assert weak.status_code == 422 and "10 to 200 characters" in weak.text and "bob@example.org" in weak.text
        assert (await bob.post(link, data=account)).headers["location"] == "/chat"
        assert "Bob Builder" in (await bob.get("/tasks")).text
        for answer in (await charlie.get(link), await charlie.post(link, data={**account, "email": "c@example.org"})):
            assert answer.status_code == 404 and "This invite no longer works" in answer.text
        assert (await try_password(charlie, "bob@example.org", GOOD)).status_code == 303
    async with house.database.transaction() as session:
        bobs = await users.find(session, "bob@example.org")
        assert bobs is not None and bobs.role == "member"
        assert bobs.password_hash is not None and GOOD not in bobs.password_hash


async def test_an_invite_for_an_address_is_for_nobody_else(house: House) -> None:
    link = await make_invite(house, email="Dana@Example.org", role="admin")
    async with house.client() as client:
        await client.post(link, data={"email": "mallory@example.org", "name": "Dana", "password": GOOD})
    async with house.database.transaction() as session:
        dana = await users.find(session, "dana@example.org")
        assert dana is not None and dana.is_admin
        assert await users.find(session, "mallory@example.org") is None


async def test_an_invite_ends_when_who_made_it_is_no_admin_any_more(house: House) -> None:
    async with house.database.transaction() as session:
        await users.local_user(session)
        second = await users.add(session, email="second@example.org", name="Second", role="admin")
        links = [f"/invite/{await invites.make(session, second, role=role)}" for role in ("admin", "member")]  # type: ignore[arg-type]
        await users.set_role(session, second.id, "member")
        assert await invites.list_open(session) == []
    async with house.client(**PAGE) as eve:
        for link in links:
            account = {"email": "eve@example.org", "name": "Eve", "password": GOOD}
            for answer in (await eve.get(link), await eve.post(link, data=account)):
                assert answer.status_code == 404 and "This invite no longer works" in answer.text
    async with house.database.transaction() as session:
        assert await users.find(session, "eve@example.org") is None


@pytest.mark.parametrize("name", ["علی\u200cرضا", "Ada 👩\u200d💻", "क्\u200d", "Ada \U0001fadf"])
async def test_a_name_may_be_joined_by_what_is_not_seen(house: House, name: str) -> None:
    async with house.client(**PAGE) as client:
        account = {"email": "ada@example.org", "name": f"\u200f{name}\u200b", "password": GOOD}
        assert (await client.post(await make_invite(house), data=account)).status_code == 303
    async with house.database.transaction() as session:
        ada = await users.find(session, "ada@example.org")
        assert ada is not None and ada.name == name


async def test_two_people_can_not_share_an_invite_or_an_address(house: House) -> None:
    link = await make_invite(house)
    names = [{"email": f"{name}@example.org", "name": name, "password": GOOD} for name in ("eve", "mallory")]
    async with house.client() as one, house.client() as two:
        answers = await asyncio.gather(one.post(link, data=names[0]), two.post(link, data=names[1]))
        assert sorted(answer.status_code for answer in answers) == [303, 404]
        taken = await make_invite(house)
        first = names[[answer.status_code for answer in answers].index(303)]
        answer = await two.post(taken, data={**first, "name": "Somebody else"})
        assert answer.status_code == 409 and "used by another account" in answer.text


async def test_an_invite_is_stored_as_a_hash_and_ends_after_a_week(house: House, app_database: Database) -> None:
    link = await make_invite(house)
    token = link.rsplit("/", 1)[1]
    async with app_database.transaction() as session:
        [invite] = await invites.list_open(session)
        assert token.encode() not in invite.token_hash and len(invite.token_hash) == 32
    with clock.frozen(clock.now() + timedelta(days=8)):
        async with house.client() as client:
            assert (await client.get(link)).status_code == 404
        async with app_database.transaction() as session:
            await invites.delete_expired(session)
            assert (await session.scalars(select(Invite))).all() == []
