"""Access through the API: what is refused, whose it is, and what happens to replies that may not be sent any more."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from support.gateways import ADA, BOB, SECRET, Gateway, StartGateway, scan
from support.waiting import until

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.core import clock
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.gateway.access import policies, rules
from exponential.gateway.access.policy import OwnNumber
from exponential.gateway.messages import inbox, outbox
from exponential.gateway.sessions.contacts import Contact
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.protocol import Inbound

ADAS_CHAT = "4915112345678@s.whatsapp.net"
CARL, CARLS_LID = "4915187654321@s.whatsapp.net", "88001122@lid"
GROUP = "120363000000000000@g.us"


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> AsyncIterator[Gateway]:
    async with start_gateway() as gateway:
        yield gateway


@pytest.fixture
async def session(gateway: Gateway, session_folder: Callable[[str], Path]) -> str:
    session = await gateway.client.login(ADA)
    await scan(gateway, session_folder(session), session)
    return session


async def patch(gateway: Gateway, session: str, body: Any, who: Identity = ADA) -> tuple[int, Any]:
    token = service_tokens.issue(who, secret=SECRET, audience=service_tokens.GATEWAY)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await gateway.http.patch(f"/sessions/{session}", json=body, headers=headers)
    return answer.status_code, answer.json()


async def hear(gateway: Gateway, session: str, *messages: Inbound) -> int:
    """As if these had come through the session's spool."""
    async with gateway.operations.database.transaction() as db:
        row = await db.get_one(Session, session)
        return await inbox.record(db, row, list(messages))


def said(text: str, number: int, chat: str = CARL, **more: Any) -> Inbound:
    at = int(clock.now().timestamp() * 1000)
    return Inbound(
        f"M{number}", chat, more.pop("sender", chat), "Carl", more.pop("me", False), "text", text, at, **more
    )


NONSENSE: tuple[dict[str, Any], ...] = (
    {"mode": "nobody"},
    {"mode": None},
    {"people": ["4915112345678"]},
    {"people": ["+49 151 1234567"]},
    {"people": ["+0151123456"]},
    {"people": ["+49151x"]},
    {"people": ["+1234567890123456"]},
    {"people": ["+491511234567\n"]},
    {"people": "+4915112345678"},
    {"people": [f"+49151{number:08}" for number in range(1001)]},
    {"groups": True},
    {"reactions": "yes"},
    {"read_receipts": True},
    {"own_numbers": [{"jid": ADAS_CHAT}]},
    {"per_contact": 10_000},
)


async def test_what_makes_no_sense_is_refused_and_changes_nothing(gateway: Gateway, session: str) -> None:
    before = await gateway.client.access(ADA, session)
    for body in (*({"access": access} for access in NONSENSE), {}, {"access": None}, {"access": {}, "owner": "bob"}):
        status, answer = await patch(gateway, session, body)
        assert (status, answer["code"]) == (422, "bad_input"), body
        assert await gateway.client.access(ADA, session) == before, body


async def test_a_sessions_access_is_its_owners(gateway: Gateway, session: str) -> None:
    assert (await patch(gateway, session, {"access": {"mode": "everyone"}}, BOB))[0] == 404
    for attempt in (
        gateway.client.access(BOB, session),
        gateway.client.prove(BOB, session),
        gateway.client.proved(BOB, session),
        gateway.client.disown(BOB, session, "1"),
        gateway.client.disown(ADA, session, "1"),
        gateway.client.read(BOB, session, ADAS_CHAT, ["M1"]),
        gateway.client.react(BOB, session, ADAS_CHAT, "M1", "👀"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_session_that_is_not_linked_proves_nothing(gateway: Gateway) -> None:
    pending = await gateway.client.login(ADA)
    with pytest.raises(Conflict, match="not linked"):
        await gateway.client.prove(ADA, pending)


async def test_the_database_holds_no_readable_number_of_anybody(gateway: Gateway, session: str) -> None:
    await gateway.client.change_access(ADA, session, mode="people", people=["+4915187654321"], groups="mentions")
    code, _ = await gateway.client.prove(ADA, session)
    assert await hear(gateway, session, said("a private word", 1, CARLS_LID, alt=CARL)) == 1
    async with gateway.operations.database.transaction() as db:
        for table in ("policies", "contacts", "origins", "inbox"):
            dump = str([tuple(row) for row in await db.execute(text(f"select * from {table}"))])
            for secret in ("4915187654321", "88001122", "private", code.replace("-", ""), "mentions"):
                assert secret not in dump, (table, secret)


async def test_number_and_lid_met_apart_become_one_contact(gateway: Gateway, session: str) -> None:
    await gateway.client.change_access(ADA, session, mode="everyone")
    assert await hear(gateway, session, said("by LID", 1, CARLS_LID), said("by number", 2, CARL)) == 2
    assert await hear(gateway, session, said("both", 3, CARLS_LID, alt=CARL), said("LID", 4, CARLS_LID)) == 2
    async with gateway.operations.database.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(Contact)) == 1


async def test_replies_that_wait_fail_when_a_human_writes_there(gateway: Gateway, session: str) -> None:
    await gateway.client.change_access(ADA, session, mode="people", people=["+4915187654321"])
    await hear(gateway, session, said("hello", 1))
    worker = gateway.operations.supervisor
    worker._online.discard(session)  # WhatsApp is away: replies wait
    waiting = await gateway.client.send(ADA, session, CARL, "hello Carl", key="1")
    own = await gateway.client.send(ADA, session, ADAS_CHAT, "to myself", key="2")
    by_hand = said("", 2, me=True, sender=ADAS_CHAT)
    assert await hear(gateway, session, Inbound(**{**vars(by_hand), "kind": rules.BY_HAND})) == 0
    with pytest.raises(Conflict) as caught:
        await gateway.client.send(ADA, session, CARL, "more", key="3")
    assert caught.value.code == "chat_paused"
    assert await hear(gateway, session, said("hi Ada", 3)) == 0
    worker._online.add(session)
    await gateway.operations.outbox.sweep()
    await until(lambda: is_(gateway, session, own, "sent"))
    assert await is_(gateway, session, waiting, "failed")
    with clock.frozen(clock.now() + timedelta(minutes=31)):
        assert await hear(gateway, session, said("still there?", 4)) == 1


async def test_replies_that_wait_fail_when_the_owner_narrows_access(gateway: Gateway, session: str) -> None:
    await gateway.client.change_access(ADA, session, mode="everyone", groups="mentions")
    meant = said("@Paddy", 2, GROUP, sender=CARL, addressed=[ADAS_CHAT])
    assert await hear(gateway, session, said("hello", 1), meant) == 2
    gateway.operations.supervisor._online.discard(session)
    waiting = [await gateway.client.send(ADA, session, chat, "hello", key=chat) for chat in (CARL, GROUP)]
    await gateway.client.change_access(ADA, session, mode="only_me", groups="off")
    gateway.operations.supervisor._online.add(session)
    await gateway.operations.outbox.sweep()
    for message in waiting:
        await until(lambda message=message: is_(gateway, session, message, "failed"))
    with pytest.raises(BadInput):
        await gateway.client.typing(ADA, session, CARL, True)


async def test_what_is_for_the_owner_goes_to_no_contact(gateway: Gateway, session: str) -> None:
    await gateway.client.change_access(ADA, session, mode="everyone", groups="mentions")
    meant = said("@Paddy", 2, GROUP, sender=CARL, addressed=[ADAS_CHAT])
    assert await hear(gateway, session, said("hello", 1), meant) == 2
    for chat in (CARL, GROUP):
        with pytest.raises(BadInput) as caught:
            await gateway.client.send(ADA, session, chat, "a private word", key=chat, owner_only=True)
        assert caught.value.code == "chat_not_allowed"
        await gateway.client.send(ADA, session, chat, "hello", key=chat)
    await gateway.client.send(ADA, session, ADAS_CHAT, "a private word", key="own", owner_only=True)


async def test_what_waits_for_a_number_that_is_taken_back_is_not_sent_to_it(gateway: Gateway, session: str) -> None:
    await gateway.client.change_access(ADA, session, mode="everyone")
    assert await hear(gateway, session, said("hello", 1, CARLS_LID, alt=CARL)) == 1
    number = OwnNumber("1", CARL, CARLS_LID, clock.now().isoformat())
    async with gateway.operations.database.transaction() as db:
        await policies.change(db, (await row_of(gateway, session)).id, own_numbers=(number,))
    gateway.operations.supervisor._online.discard(session)
    send = gateway.client.send
    waiting = await send(ADA, session, CARL, "take the pills", key="1", owner_only=True)
    own = await send(ADA, session, ADAS_CHAT, "to myself", key="2", owner_only=True)
    assert await send(ADA, session, CARLS_LID, "take the pills", key="1", owner_only=True) == waiting
    await gateway.client.disown(ADA, session, "1")
    assert await is_(gateway, session, waiting, "failed") and await is_(gateway, session, own, "queued")
    with pytest.raises(BadInput):
        await send(ADA, session, CARL, "take the pills", key="1", owner_only=True)


async def test_a_message_that_was_taken_is_found_by_its_key_when_its_chat_is_closed(
    gateway: Gateway, session: str
) -> None:
    await gateway.client.change_access(ADA, session, mode="everyone")
    assert await hear(gateway, session, said("hello", 1)) == 1
    message = await gateway.client.send(ADA, session, CARL, "hello Carl", key="1")
    await until(lambda: is_(gateway, session, message, "sent"))
    await gateway.client.change_access(ADA, session, mode="only_me")
    assert await gateway.client.send(ADA, session, CARL, "hello Carl", key="1") == message
    for text_, key in (("hello Carl", "2"), ("something else", "1")):
        with pytest.raises(BadInput):
            await gateway.client.send(ADA, session, CARL, text_, key=key)


async def test_of_all_who_text_a_code_only_the_first_is_proved(gateway: Gateway, session: str) -> None:
    await gateway.client.prove(ADA, session)
    async with gateway.operations.database.transaction() as db:
        proof = (await policies.load(db, (await row_of(gateway, session)).id)).proof
    assert proof is not None
    claims = [said(proof.id, number, f"{number}@lid") for number in range(5)]
    for claim in claims:
        await hear(gateway, session, Inbound(**{**vars(claim), "kind": "proved"}))
    assert len(await gateway.client.proved(ADA, session)) == 1


async def row_of(gateway: Gateway, session: str) -> Session:
    async with gateway.operations.database.transaction() as db:
        return await db.get_one(Session, session)


async def is_(gateway: Gateway, session: str, message: str, state: str) -> bool:
    async with gateway.operations.database.transaction() as db:
        return (await outbox.get(db, (await row_of(gateway, session)).id, message)).state == state
