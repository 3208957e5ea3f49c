"""Messages through the gateway: inbox to the app, outbox to WhatsApp, and what survives when either side is away."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from support.gateways import ADA, BOB, App, Gateway, StartGateway, scan
from support.waiting import until

from exponential.auth.service_tokens import Identity
from exponential.core import clock, log
from exponential.core.database import Database
from exponential.core.errors import Conflict
from exponential.gateway.messages import inbox, outbox
from exponential.gateway.messages.delivery import Delivery
from exponential.gateway.messages.inbox import InboxMessage
from exponential.gateway.messages.outbox import OutboxMessage
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session, SessionLimits
from exponential.gateway.timing import Timing
from exponential.gateway.worker import protocol
from exponential.gateway.worker.protocol import Account, Inbound

ADAS_CHAT, ADAS_LID = "4915112345678@s.whatsapp.net", "77001122@lid"
Folder = Callable[[str], Path]
SECRET = "a secret of more than thirty-two characters"
PLENTY = SessionLimits(100, 100)
QUICK = Timing(first_pause=0.01, max_pause=0.05)


async def linked(db: Database, owner: Identity = ADA, *, number: str = "4915112345678") -> Session:
    async with db.transaction() as transaction:
        session = await sessions.create(transaction, owner.user_id, limits=PLENTY)
    async with db.transaction() as transaction:
        await sessions.online(transaction, str(session.id), Account(f"{number}@s.whatsapp.net", ADAS_LID))
    async with db.transaction() as transaction:
        return await sessions.owned(transaction, owner.user_id, str(session.id))


def typed(message_id: str, text: str, chat: str = ADAS_CHAT) -> Inbound:
    return Inbound(message_id, chat, ADAS_CHAT, "Ada", True, "text", text, 1_700_000_000_000)


async def record(db: Database, session: Session, *messages: Inbound) -> int:
    async with db.transaction() as transaction:
        return await inbox.record(transaction, session, list(messages))


async def test_the_app_gets_what_the_contract_says(gateway_database: Database, app: App) -> None:
    session = await linked(gateway_database)
    await record(gateway_database, session, typed("A1", "buy milk", chat=ADAS_LID))
    pushing = Delivery(gateway_database, app.url, SECRET)
    await pushing.sweep()
    await until(lambda: app.taken)
    assert app.taken == [
        {
            "sessionId": str(session.id),
            "messageId": "A1",
            "chat": ADAS_CHAT,
            "sender": ADAS_CHAT,
            "senderPhone": "+4915112345678",
            "senderName": "Ada",
            "role": "owner",
            "type": "text",
            "text": "buy milk",
            "timestamp": "2023-11-14T22:13:20+00:00",
        }
    ]
    assert app.owners == ["ada"]
    await pushing.close()


async def test_a_message_is_recorded_once_and_only_where_it_may_be(gateway_database: Database) -> None:
    session = await linked(gateway_database)
    friend = "4915187654321@s.whatsapp.net"
    assert await record(gateway_database, session, typed("A1", "one"), typed("A1", "one"), typed("A2", "two")) == 2
    assert await record(gateway_database, session, typed("A1", "one")) == 0
    assert await record(gateway_database, session, typed("A3", "hi friend", chat=friend)) == 0
    stranger = Inbound("A4", friend, friend, "Bob", False, "text", "hi Ada", 0)
    assert await record(gateway_database, session, stranger) == 0


async def test_paddy_never_hears_what_any_session_of_the_gateway_sent(gateway_database: Database) -> None:
    first, second = await linked(gateway_database), await linked(gateway_database, BOB)
    async with gateway_database.transaction() as db:
        message = await outbox.enqueue(db, first.id, "turn-1", ADAS_CHAT, "Done.")
        message.state, message.whatsapp_id = outbox.SENT, "3EB0"
    assert await record(gateway_database, second, typed("3EB0", "Done.")) == 0
    assert await record(gateway_database, second, typed("3EB1", "Done.")) == 1


async def test_the_database_holds_no_readable_text_or_number(gateway_database: Database) -> None:
    session = await linked(gateway_database)
    await record(gateway_database, session, typed("A1", "buy milk"))
    async with gateway_database.transaction() as db:
        await outbox.enqueue(db, session.id, "k", ADAS_CHAT, "Milk it is")
        await sessions.restart(db, "bob", str((await sessions.create(db, "bob", limits=PLENTY)).id), limits=PLENTY)
    async with await psycopg.AsyncConnection.connect(gateway_database.libpq) as connection:
        for table in ("sessions", "inbox", "outbox"):
            rows = await (await connection.execute(f"select * from {table}")).fetchall()
            everything = repr([[bytes(cell) if isinstance(cell, memoryview) else cell for cell in row] for row in rows])
            assert rows
            for secret in ("milk", "Milk", "4915112345678", "77001122"):
                assert secret not in everything


async def test_messages_wait_for_an_app_that_is_down_and_keep_their_order(gateway_database: Database, app: App) -> None:
    session = await linked(gateway_database)
    down = True

    async def answer(_message: dict[str, Any]) -> int:
        return 503 if down else 202

    app.answer = answer
    pushing = Delivery(gateway_database, app.url, SECRET, timing=QUICK)
    await record(gateway_database, session, *(typed(f"A{number}", f"{number}") for number in range(20)))
    await pushing.sweep()
    await until(lambda: len(app.offered) >= 3)
    assert set(app.offered) == {(ADAS_CHAT, "0")}
    down = False
    await until(lambda: len(app.taken) == 20)
    assert app.texts == [str(number) for number in range(20)]
    await pushing.close()


async def test_a_delivered_message_is_kept_no_longer_than_needed(gateway_database: Database, app: App) -> None:
    session = await linked(gateway_database)
    await record(gateway_database, session, typed("A1", "buy milk"))
    pushing = Delivery(gateway_database, app.url, SECRET)
    await pushing.sweep()

    async def settled() -> InboxMessage | None:
        async with gateway_database.transaction() as db:
            row = await db.get(InboxMessage, 1)
        return row if row and row.state == inbox.DELIVERED else None

    row = await until(settled)
    assert row.payload is None
    assert await record(gateway_database, session, typed("A1", "buy milk")) == 0  # still known: not taken twice
    await pushing.close()


async def test_one_chat_never_waits_for_another(gateway_database: Database, app: App) -> None:
    slow, quick_one = await linked(gateway_database), await linked(gateway_database, BOB)
    hang = asyncio.Event()

    async def answer(message: dict[str, Any]) -> int:
        if message["sessionId"] == str(slow.id):
            await hang.wait()
        return 202

    app.answer = answer
    await record(gateway_database, slow, typed("A1", "slow"))
    await record(gateway_database, quick_one, *(typed(f"B{number}", f"quick {number}") for number in range(5)))
    pushing = Delivery(gateway_database, app.url, SECRET)
    await pushing.sweep()
    await until(lambda: len(app.taken) == 5)
    assert "slow" not in app.texts
    hang.set()
    await until(lambda: "slow" in app.texts)
    await pushing.close()


@pytest.mark.parametrize(("status", "parked"), [(422, True), (413, True), (401, False), (404, False), (429, False)])
async def test_a_message_the_app_can_not_take_is_parked_and_the_chat_goes_on(
    gateway_database: Database, app: App, status: int, parked: bool
) -> None:
    session = await linked(gateway_database)
    refused = 0

    async def answer(message: dict[str, Any]) -> int:
        nonlocal refused
        if message["text"] == "odd" and refused < 3:
            refused += 1
            return status
        return 202

    app.answer = answer
    await record(gateway_database, session, typed("A1", "odd"), typed("A2", "fine"))
    pushing = Delivery(gateway_database, app.url, SECRET, timing=QUICK)
    await pushing.sweep()
    await until(lambda: "fine" in app.texts)
    assert app.texts == (["fine"] if parked else ["odd", "fine"])
    async with gateway_database.transaction() as db:
        row = await db.get(InboxMessage, 1)
        assert row is not None
        if parked:
            assert (row.state, row.reason) == (inbox.PARKED, f"the app answered with HTTP {status}")
    await pushing.close()


# --- with the whole gateway around a paper worker


async def hear(gateway: Gateway, session: str, text: str) -> None:
    await gateway.client.send(ADA, session, ADAS_CHAT, f"hear {text}", key=text)


async def state(gateway: Gateway, session: str, message: str) -> str:
    return await gateway.client.message(ADA, session, message)


async def test_from_the_spool_to_the_app(start_gateway: StartGateway, session_folder: Folder, app: App) -> None:
    async with start_gateway(app_url=app.url) as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        for text in ("one", "two", "three"):
            await hear(gateway, session, text)
        await until(lambda: len(app.taken) == 3)
        assert app.texts == ["one", "two", "three"]
        await until(lambda: (session_folder(session) / "spool").stat().st_size == 0)


async def test_messages_that_came_while_the_app_was_down_arrive_after_the_gateways_restart(
    start_gateway: StartGateway, session_folder: Folder, app: App
) -> None:
    async with start_gateway(app_url="http://127.0.0.1:9") as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        await hear(gateway, session, "while you were away")
        await until(lambda: (session_folder(session) / "spool").is_file())
    async with start_gateway(app_url=app.url) as gateway:
        await until(lambda: app.texts == ["while you were away"])
        status = await gateway.client.login_status(ADA, session)
        assert status.status in ("connected", "reconnecting")


async def test_replies_go_out_in_order_once_each(start_gateway: StartGateway, session_folder: Folder) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        messages = [await gateway.client.send(ADA, session, ADAS_CHAT, f"{n}", key=f"{n}") for n in range(10)]
        await asyncio.gather(*(gateway.client.send(ADA, session, ADAS_CHAT, "3", key="3") for _ in range(10)))
        await until(lambda: all_sent(gateway, session, messages))
        sent = (session_folder(session).parent / "sent").read_text(encoding="utf-8").splitlines()
        assert sent == [f"{ADAS_CHAT} {number}" for number in range(10)]


async def all_sent(gateway: Gateway, session: str, messages: list[str]) -> bool:
    return all([await state(gateway, session, message) == "sent" for message in messages])


async def test_what_became_of_a_message_is_asked_at_once_while_the_session_stays_online(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        sent = [
            await gateway.client.send(ADA, session, ADAS_CHAT, text, key=text)
            for text in ("unknown once", "afterwards")
        ]
        await until(lambda: all_sent(gateway, session, sent))
        assert said(session_folder(session)) == ["unknown once", "unknown once", "afterwards"]


async def test_a_worker_that_dies_while_sending_is_replaced_and_the_message_is_sent_again(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        fatal = await gateway.client.send(ADA, session, ADAS_CHAT, "die while sending", key="1")
        after = await gateway.client.send(ADA, session, ADAS_CHAT, "afterwards", key="2")
        await until(lambda: all_sent(gateway, session, [fatal, after]))
        assert said(session_folder(session)) == ["die while sending"] * 2 + ["afterwards"]
        await until(lambda: in_state(gateway, session, "connected"))


async def test_a_worker_that_is_worn_out_is_replaced_at_once_and_that_is_no_death(
    start_gateway: StartGateway, session_folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("info")
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        fatal = await gateway.client.send(ADA, session, ADAS_CHAT, "wear out", key="1")
        await until(lambda: all_sent(gateway, session, [fatal]))
        assert said(session_folder(session)) == ["wear out"] * 2
        await until(lambda: in_state(gateway, session, "connected"))
    assert "worker_died" not in capsys.readouterr().err


@pytest.mark.parametrize("timing", [Timing(receipt=600)])  # the receipt itself ends the doubt
async def test_a_message_that_left_before_its_worker_died_is_not_sent_twice(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        (session_folder(session) / "arrived").touch()
        fatal = await gateway.client.send(ADA, session, ADAS_CHAT, "die after leaving", key="1")
        after = await gateway.client.send(ADA, session, ADAS_CHAT, "afterwards", key="2")
        await until(lambda: all_sent(gateway, session, [after]))
        assert await state(gateway, session, fatal) == "delivered"
        assert said(session_folder(session)) == ["die after leaving", "afterwards"]


@pytest.mark.parametrize("timing", [Timing(receipt=0.5)])
async def test_a_message_that_may_have_left_is_sent_again_when_no_receipt_comes(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        fatal = await gateway.client.send(ADA, session, ADAS_CHAT, "die after leaving", key="1")
        await until(lambda: all_sent(gateway, session, [fatal]))
        assert said(session_folder(session)) == ["die after leaving"] * 2


def said(folder: Path) -> list[str]:
    """What the worker was asked to send."""
    return [line.split(" ", 1)[1] for line in (folder.parent / "sent").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("timing", [Timing(doubt=0.01)])
async def test_what_died_on_its_way_does_not_count_as_refused(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        unlucky = await gateway.client.send(ADA, session, ADAS_CHAT, "unknown often, refused once", key="1")
        await until(lambda: all_sent(gateway, session, [unlucky]))
        assert len(said(session_folder(session))) == 6


async def test_a_message_that_whatsapp_refuses_fails_with_its_reason_and_holds_nobody_up(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        refused = await gateway.client.send(ADA, session, ADAS_CHAT, "refuse", key="1")
        after = await gateway.client.send(ADA, session, ADAS_CHAT, "afterwards", key="2")
        await until(lambda: all_sent(gateway, session, [after]))
        assert await state(gateway, session, refused) == "failed"


@pytest.mark.parametrize(
    ("cause", "status", "words"),
    [
        ("logged_out", "disconnected", "unlinked on the phone"),
        ("banned", "error", "banned"),
        ("replaced", "error", "took over"),
        ("outdated", "error", "update"),
    ],
)
async def test_why_whatsapp_ended_a_session_is_told_and_it_can_be_started_again(
    start_gateway: StartGateway, session_folder: Folder, cause: str, status: str, words: str
) -> None:
    async with start_gateway(max_sessions=1) as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        await gateway.client.send(ADA, session, ADAS_CHAT, f"end as {cause}", key="1")
        told = await until(lambda: in_state(gateway, session, status))
        assert words in told.status_reason
        assert told.phone_number == "+4915112345678"
        await gateway.client.restart(ADA, session)
        await until(lambda: in_state(gateway, session, "connected"))


async def in_state(gateway: Gateway, session: str, status: str) -> Any:
    told = await gateway.client.login_status(ADA, session)
    return told if told.status == status else None


async def test_what_nobody_scanned_expires_and_is_cleared_away(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway(max_sessions=1) as gateway:
        session = await gateway.client.login(ADA)
        await until(lambda: session_folder(session).is_dir())
        operations = gateway.operations
        with clock.frozen(clock.now() + sessions.PENDING_LIFETIME * 1.1):
            await operations.tidy()
        assert (await gateway.client.login_status(ADA, session)).status == "expired"
        other = await gateway.client.login(BOB)  # the place is free again
        with clock.frozen(clock.now() + sessions.EXPIRED_LIFETIME * 1.1):
            await operations.tidy()
        assert await gateway.client.sessions(ADA) == []

        async def cleared() -> bool:
            await operations.tidy()  # its worker may have been about to begin when it was cleared away
            return not session_folder(session).exists()

        await until(cleared)
        assert [info.session_id for info in await gateway.client.sessions(BOB)] == [other]


async def test_what_was_queued_for_an_unlinked_session_fails(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        async with gateway.operations.database.transaction() as db:
            late = {"key": "late", "chat": ADAS_CHAT, "chat_key": b"a chat", "text": "late", "state": "queued"}
            waiting = OutboxMessage(session_id=UUID(session), **late)
            db.add(waiting)  # without the notice that would have it sent at once
        await gateway.operations.reports.apply(protocol.Ended(session, "logged_out"))
        assert await state(gateway, session, str(waiting.id)) == "failed"


async def test_an_ended_session_gives_its_place_to_another(start_gateway: StartGateway, session_folder: Folder) -> None:
    async with start_gateway(max_sessions=1) as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        await gateway.client.send(ADA, session, ADAS_CHAT, "end as logged_out", key="1")
        await until(lambda: in_state(gateway, session, "disconnected"))
        await gateway.client.login(BOB)
        with pytest.raises(Conflict, match="Maximum sessions reached"):
            await gateway.client.restart(ADA, session)
