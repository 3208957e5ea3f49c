"""The gateway with its real client against the loopback WhatsApp server and simulated phones."""

import asyncio
import fcntl
import io
import os
import random
import signal
import stat
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import pytest
import zxingcpp
from PIL import Image
from support.gateways import ADA, App, Gateway, StartGateway, workers
from support.waiting import until

from exponential.core.errors import ExponentialError
from exponential.gateway.credentials.checkouts import Checkouts
from exponential.gateway.worker import protocol
from exponential.gateway.worker.supervisor import Supervisor
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback

NUMBER = "+4915112345678"
ADAS_CHAT = "4915112345678@s.whatsapp.net"
Folder = Callable[[str], Path]
Start = Callable[[], AbstractAsyncContextManager[Gateway]]


@pytest.fixture
def phone(whatsapp: Loopback) -> Phone:
    return whatsapp.add_phone(NUMBER, "Ada")


@pytest.fixture
def start(start_gateway: StartGateway, whatsapp: Loopback, app: App) -> Start:
    """Start (or restart) a gateway that talks to the loopback server."""
    return lambda: start_gateway(
        None,
        app_url=app.url,
        mode="loopback",
        proxy_url=whatsapp.proxy_url,
        loopback_ca=whatsapp.ca_path,
        loopback_noise_root=whatsapp.noise_root,
    )


async def scan(gateway: Gateway, phone: Phone) -> str:
    """Link `phone` by scanning the picture that the gateway shows; the session's id."""
    session = await gateway.client.login(ADA)
    picture = Image.open(io.BytesIO(await until(lambda: code(gateway, session))))
    await phone.scan(zxingcpp.read_barcodes(picture)[0].text)
    await until(lambda: status_is(gateway, session, "connected"))
    return session


async def code(gateway: Gateway, session: str) -> bytes | None:
    try:
        return await gateway.client.qr(ADA, session)
    except ExponentialError:
        return None


async def status_is(gateway: Gateway, session: str, status: str) -> bool:
    return (await gateway.client.login_status(ADA, session)).status == status


async def message_is(gateway: Gateway, session: str, message: str, status: str) -> bool:
    return await gateway.client.message(ADA, session, message) == status


async def test_what_whatsapp_only_tells_of_the_phone_is_asked_for(
    start: Start, phone: Phone, app: App, whatsapp: Loopback
) -> None:
    async with start() as gateway:
        await scan(gateway, phone)
        phone.send_text("me", "first")
        await until(lambda: app.texts == ["first"])
        whatsapp.faults.withhold(times=1)
        line = phone.send_text("me", "only the phone has this")
        await until(lambda: len(app.texts) == 2)
        phone.send_text("me", "last")
        await until(lambda: app.texts == ["first", "only the phone has this", "last"])
        assert app.taken[1]["messageId"] == line.id


async def test_scan_talk_restart_talk_and_unlink(start: Start, phone: Phone, app: App, session_folder: Folder) -> None:
    async with start() as gateway:
        session = await scan(gateway, phone)
        status = await gateway.client.login_status(ADA, session)
        assert status.phone_number == NUMBER
        kept = [session_folder(session), *session_folder(session).iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in kept} == {0}
        assert (await gateway.client.health()).mode == "loopback"

        phone.send_text("me", "Add a task: buy milk tomorrow")
        await until(lambda: app.texts == ["Add a task: buy milk tomorrow"])
        assert app.taken[0]["chat"] == ADAS_CHAT
        message = await gateway.client.send(ADA, session, ADAS_CHAT, "🤖 *Paddy:* Noted.", key="1")
        line = await phone.wait_for("Noted.")
        assert line.device != 0
        await until(lambda: message_is(gateway, session, message, "delivered"))

    phone.send_text("me", "said while the gateway was down")
    async with start() as gateway:
        await until(lambda: "said while the gateway was down" in app.texts)
        await until(lambda: status_is(gateway, session, "connected"))
        await gateway.client.send(ADA, session, ADAS_CHAT, "🤖 *Paddy:* I am back.", key="2")
        await phone.wait_for("I am back.")
        assert len(phone.linked_devices) == 1

        await gateway.client.disconnect(ADA, session)
        assert phone.linked_devices == []
        await until(lambda: not session_folder(session).exists())
    assert len(app.texts) == 2  # and never Paddy's own words


async def test_the_own_chat_is_one_chat_whether_addressed_by_number_or_lid(
    start: Start, phone: Phone, app: App
) -> None:
    async with start() as gateway:
        await scan(gateway, phone)
        for by_lid in (False, True):
            phone.self_chat_by_lid = by_lid
            phone.send_text("me", f"by lid: {by_lid}")
        await until(lambda: len(app.taken) == 2)
        assert {message["chat"] for message in app.taken} == {ADAS_CHAT}


async def test_strangers_and_friends_are_neither_heard_nor_kept(
    start: Start, whatsapp: Loopback, phone: Phone, app: App, session_folder: Folder
) -> None:
    friend = whatsapp.add_phone("+4915187654321", "Bob")
    async with start() as gateway:
        session = await scan(gateway, phone)
        friend.send_text(phone, "hello Ada, a secret for you")
        phone.send_text(friend, "hello Bob")
        phone.send_text("me", "only this")
        await until(lambda: app.texts)
        await until(lambda: friend.messages(phone)[0].status == "delivered")
        assert app.texts == ["only this"]
        assert (session_folder(session) / "spool").stat().st_size == 0
        assert [line.text for line in friend.messages(phone)] == ["hello Ada, a secret for you", "hello Bob"]


async def test_an_unlink_on_the_phone_is_noticed_and_a_new_scan_mends_it(start: Start, phone: Phone, app: App) -> None:
    async with start() as gateway:
        session = await scan(gateway, phone)
        phone.unlink(phone.linked_devices[0])
        await until(lambda: status_is(gateway, session, "disconnected"))
        assert "unlinked on the phone" in (await gateway.client.login_status(ADA, session)).status_reason

        await gateway.client.restart(ADA, session)
        picture = Image.open(io.BytesIO(await until(lambda: code(gateway, session))))
        await phone.scan(zxingcpp.read_barcodes(picture)[0].text)
        await until(lambda: status_is(gateway, session, "connected"))
        phone.send_text("me", "again")
        await until(lambda: app.texts == ["again"])


async def test_nothing_is_started_while_the_credentials_of_before_are_deleted(
    start: Start, phone: Phone, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened = []
    opened, forgotten = Supervisor.open, Checkouts.forget

    async def noted(supervisor: Supervisor, session_id: UUID) -> None:
        happened.append("opened")
        await opened(supervisor, session_id)

    async def slowly(stores: Checkouts, session_id: UUID) -> None:
        happened.append("forgetting")
        await asyncio.sleep(3)  # a busy database; several beats of the node
        await forgotten(stores, session_id)
        happened.append("forgotten")

    async with start() as gateway:
        session = await scan(gateway, phone)
        phone.unlink(phone.linked_devices[0])
        await until(lambda: status_is(gateway, session, "disconnected"))
        monkeypatch.setattr(Supervisor, "open", noted)
        monkeypatch.setattr(Checkouts, "forget", slowly)
        await gateway.client.restart(ADA, session)
        picture = Image.open(io.BytesIO(await until(lambda: code(gateway, session))))
        assert happened == ["forgetting", "forgotten", "opened"]
        await phone.scan(zxingcpp.read_barcodes(picture)[0].text)
        await until(lambda: status_is(gateway, session, "connected"))


async def test_codes_can_be_renewed_again_and_again(start: Start, phone: Phone, app: App) -> None:
    async with start() as gateway:
        session = await gateway.client.login(ADA)
        seen = set()
        for _ in range(4):
            picture = await until(lambda: code(gateway, session))
            text = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))[0].text
            seen.add(text)
            await gateway.client.restart(ADA, session)
        assert len(seen) == 4
        picture = await until(lambda: code(gateway, session))
        await phone.scan(zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))[0].text)
        await until(lambda: status_is(gateway, session, "connected"))
        phone.send_text("me", "hello")
        await until(lambda: app.texts == ["hello"])


async def test_a_broken_connection_shows_and_heals(start: Start, whatsapp: Loopback, phone: Phone, app: App) -> None:
    async with start() as gateway:
        session = await scan(gateway, phone)
        since = (await gateway.client.session(ADA, session)).connected_at
        connection = whatsapp.connection(phone.linked_devices[0])
        assert connection is not None
        connection.drop()
        phone.send_text("me", "in the gap")
        await until(lambda: app.texts == ["in the gap"])
        await until(lambda: status_is(gateway, session, "connected"))
        assert (await gateway.client.session(ADA, session)).connected_at == since


async def test_workers_killed_in_mid_burst_lose_nothing_and_deliver_nothing_twice(
    start: Start, phone: Phone, app: App
) -> None:
    count = 120
    async with start() as gateway:
        session = await scan(gateway, phone)
        for number in range(count):
            phone.send_text("me", str(number))
            if number % 10 == 0:
                await asyncio.sleep(0.01)
            if number in (40, 80):
                at = min(number, len(app.taken) + random.randint(3, 20))
                await until(lambda at=at: len(app.taken) >= at)
                [worker] = await until(workers)
                os.kill(worker, signal.SIGKILL)
        await until(lambda: len(app.taken) >= count, within=40)
        await until(lambda: status_is(gateway, session, "connected"))
    assert app.texts == [str(number) for number in range(count)]


async def test_whatsapp_hears_of_no_message_that_is_not_kept(
    start: Start, phone: Phone, app: App, whatsapp: Loopback, session_folder: Folder
) -> None:
    async with start() as gateway:
        session = await scan(gateway, phone)
        before = len(acknowledged(whatsapp))
        with open(session_folder(session) / "spool", "rb") as spool_file:
            fcntl.flock(spool_file, fcntl.LOCK_EX)  # nothing can be kept
            sent = [phone.send_text("me", f"number {number}") for number in range(20)]
            await until(lambda: {line.id for line in sent} <= delivered(whatsapp))
            await until(lambda: is_waited_for(spool_file))
            assert len(acknowledged(whatsapp)) == before
            assert app.texts == []
        await until(lambda: {line.id for line in sent} <= set(acknowledged(whatsapp)))
        await until(lambda: app.texts == [f"number {number}" for number in range(20)])


def is_waited_for(file: BinaryIO) -> bool:
    """Whether somebody waits for the lock of this file (Linux's proc_locks(5))."""
    inode = os.fstat(file.fileno()).st_ino
    locks = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    return any("->" in lock and f":{inode} " in lock for lock in locks)


def delivered(whatsapp: Loopback) -> set[str]:
    return {stanza.text("id") for stanza in whatsapp.stanzas("out", "message")}


def acknowledged(whatsapp: Loopback) -> list[str]:
    return [stanza.text("id") for stanza in whatsapp.stanzas("in", "receipt")]


async def test_the_id_of_a_message_is_recorded_before_it_leaves(start: Start, phone: Phone, whatsapp: Loopback) -> None:
    async with start() as gateway:
        session = await scan(gateway, phone)
        told = asyncio.Event()

        async def not_recorded(leaving: protocol.Leaving) -> bool:
            told.set()
            return False

        gateway.operations.supervisor.ids_to(not_recorded)
        message = await gateway.client.send(ADA, session, ADAS_CHAT, "🤖 *Paddy:* Noted.", key="1")
        await told.wait()
        await until(lambda: status_is(gateway, session, "reconnecting"))  # it can only be kept back with its connection
        assert whatsapp.stanzas("in", "message") == []
        gateway.operations.supervisor.ids_to(gateway.operations.outbox.leaving)
        await until(lambda: message_is(gateway, session, message, "delivered"))
        assert len([line for line in phone.messages("me") if "Noted" in line.text]) == 1
