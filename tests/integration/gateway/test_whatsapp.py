"""The gateway with its real client against the loopback WhatsApp server and simulated phones."""

import asyncio
import fcntl
import os
import random
import signal
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import pytest
from support.gateway.linked_gateway import World, linked_within
from support.gateways import ADA, App, Gateway, SharedGateway, StartGateway, is_status, link, shown, workers
from support.waiting import until

from exponential.auth.service_tokens import Identity
from exponential.gateway.credentials.checkouts import Checkouts
from exponential.gateway.worker import protocol
from exponential.gateway.worker.supervisor import Supervisor
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone

NUMBER = "+4915112345678"
ADAS_CHAT = "4915112345678@s.whatsapp.net"


@pytest.fixture
async def linked(shared_gateway: SharedGateway, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with linked_within(shared_gateway, request) as world:
        yield world


@pytest.fixture
def folder(shared_gateway: SharedGateway, linked: World) -> Path:
    return shared_gateway.sessions / linked.session


async def message_is(gateway: Gateway, who: Identity, session: str, message: str, status: str) -> bool:
    return await gateway.client.message(who, session, message) == status


async def test_what_whatsapp_only_tells_of_the_phone_is_asked_for(linked: World) -> None:
    linked.ada.send_text("me", "first")
    await until(lambda: linked.app.texts == ["first"])
    linked.whatsapp.faults.withhold(times=1)
    line = linked.ada.send_text("me", "only the phone has this")
    await until(lambda: len(linked.app.texts) == 2)
    linked.ada.send_text("me", "last")
    await until(lambda: linked.app.texts == ["first", "only the phone has this", "last"])
    assert linked.app.taken[1]["messageId"] == line.id


async def test_scan_talk_restart_talk_and_unlink(
    start_real_gateway: StartGateway, phone: NewPhone, app: App, session_folder: Callable[[str], Path]
) -> None:
    adas_phone = phone("Ada", number=NUMBER)
    async with start_real_gateway() as gateway:
        session, _ = await link(gateway, adas_phone)
        status = await gateway.client.login_status(ADA, session)
        assert status.phone_number == NUMBER
        kept = [session_folder(session), *session_folder(session).iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in kept} == {0}
        assert (await gateway.client.health()).mode == "loopback"

        adas_phone.send_text("me", "Add a task: buy milk tomorrow")
        await until(lambda: app.texts == ["Add a task: buy milk tomorrow"])
        assert app.taken[0]["chat"] == ADAS_CHAT
        message = await gateway.client.send(ADA, session, ADAS_CHAT, "🤖 *Paddy:* Noted.", key="1")
        line = await adas_phone.wait_for("Noted.")
        assert line.device != 0
        await until(lambda: message_is(gateway, ADA, session, message, "delivered"))

    adas_phone.send_text("me", "said while the gateway was down")
    async with start_real_gateway() as gateway:
        await until(lambda: "said while the gateway was down" in app.texts)
        await until(lambda: is_status(gateway, session, "connected"))
        await gateway.client.send(ADA, session, ADAS_CHAT, "🤖 *Paddy:* I am back.", key="2")
        await adas_phone.wait_for("I am back.")
        assert len(adas_phone.linked_devices) == 1

        await gateway.client.disconnect(ADA, session)
        assert adas_phone.linked_devices == []
        await until(lambda: not session_folder(session).exists())
    assert len(app.texts) == 2  # and never Paddy's own words


async def test_the_own_chat_is_one_chat_whether_addressed_by_number_or_lid(linked: World) -> None:
    for by_lid in (False, True):
        linked.ada.self_chat_by_lid = by_lid
        linked.ada.send_text("me", f"by lid: {by_lid}")
    await until(lambda: len(linked.app.taken) == 2)
    assert {message["chat"] for message in linked.app.taken} == {linked.adas_chat}


async def test_strangers_and_friends_are_neither_heard_nor_kept(linked: World, folder: Path) -> None:
    friend = linked.bob
    friend.send_text(linked.ada, "hello Ada, a secret for you")
    linked.ada.send_text(friend, "hello Bob")
    linked.ada.send_text("me", "only this")
    await until(lambda: linked.app.texts)
    await until(lambda: friend.messages(linked.ada)[0].status == "delivered")
    assert linked.app.texts == ["only this"]
    await until(lambda: (folder / "spool").stat().st_size == 0)  # emptied once all that was heard is recorded
    assert [line.text for line in friend.messages(linked.ada)] == ["hello Ada, a secret for you", "hello Bob"]


async def test_nothing_is_started_while_the_credentials_of_before_are_deleted(
    linked: World, monkeypatch: pytest.MonkeyPatch
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

    linked.ada.unlink(linked.ada.linked_devices[0])
    await until(lambda: is_status(linked.gateway, linked.session, "disconnected", who=linked.user))
    monkeypatch.setattr(Supervisor, "open", noted)
    monkeypatch.setattr(Checkouts, "forget", slowly)
    await linked.gateway.client.restart(*linked.ids)
    code = await shown(linked.gateway, linked.session, who=linked.user)
    assert happened == ["forgetting", "forgotten", "opened"]
    await linked.ada.scan(code)
    await until(lambda: is_status(linked.gateway, linked.session, "connected", who=linked.user))


async def test_codes_can_be_renewed_again_and_again(linked: World) -> None:
    session = await linked.gateway.client.login(linked.user)
    seen = set()
    for _ in range(4):
        seen.add(await shown(linked.gateway, session, who=linked.user))
        await linked.gateway.client.restart(linked.user, session)
    assert len(seen) == 4
    await linked.bob.scan(await shown(linked.gateway, session, who=linked.user))
    await until(lambda: is_status(linked.gateway, session, "connected", who=linked.user))
    linked.bob.send_text("me", "hello")
    await until(lambda: linked.app.texts == ["hello"])
    await linked.gateway.client.disconnect(linked.user, session)


async def test_a_broken_connection_shows_and_heals(linked: World) -> None:
    since = (await linked.gateway.client.session(*linked.ids)).connected_at
    connection = linked.whatsapp.connection(linked.ada.linked_devices[0])
    assert connection is not None
    connection.drop()
    linked.ada.send_text("me", "in the gap")
    await until(lambda: linked.app.texts == ["in the gap"])
    await until(lambda: is_status(linked.gateway, linked.session, "connected", who=linked.user))
    assert (await linked.gateway.client.session(*linked.ids)).connected_at == since


async def test_workers_killed_in_mid_burst_lose_nothing_and_deliver_nothing_twice(linked: World) -> None:
    count = 120
    for number in range(count):
        linked.ada.send_text("me", str(number))
        if number % 10 == 0:
            await asyncio.sleep(0.01)
        if number in (40, 80):
            at = min(number, len(linked.app.taken) + random.randint(3, 20))
            await until(lambda at=at: len(linked.app.taken) >= at)
            [worker] = await until(workers)
            os.kill(worker, signal.SIGKILL)
    await until(lambda: len(linked.app.taken) >= count, within=40)
    await until(lambda: is_status(linked.gateway, linked.session, "connected", who=linked.user))
    assert linked.app.texts == [str(number) for number in range(count)]


async def test_whatsapp_hears_of_no_message_that_is_not_kept(linked: World, folder: Path) -> None:
    before = len(acknowledged(linked))
    with open(folder / "spool", "rb") as spool_file:
        fcntl.flock(spool_file, fcntl.LOCK_EX)  # nothing can be kept
        sent = [linked.ada.send_text("me", f"number {number}") for number in range(20)]
        await until(lambda: {line.id for line in sent} <= delivered(linked.whatsapp))
        await until(lambda: is_waited_for(spool_file))
        assert len(acknowledged(linked)) == before
        assert linked.app.texts == []
    await until(lambda: {line.id for line in sent} <= set(acknowledged(linked)))
    await until(lambda: linked.app.texts == [f"number {number}" for number in range(20)])


def is_waited_for(file: BinaryIO) -> bool:
    """Whether somebody waits for the lock of this file (Linux's proc_locks(5))."""
    inode = os.fstat(file.fileno()).st_ino
    locks = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    return any("->" in lock and f":{inode} " in lock for lock in locks)


def delivered(whatsapp: Loopback) -> set[str]:
    return {stanza.text("id") for stanza in whatsapp.stanzas("out", "message")}


def acknowledged(world: World) -> list[str]:
    return [stanza.text("id") for stanza in world.tap.stanzas if stanza.tag == "receipt"]


async def test_the_id_of_a_message_is_recorded_before_it_leaves(linked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = asyncio.Event()

    async def not_recorded(leaving: protocol.Leaving) -> bool:
        told.set()
        return False

    with monkeypatch.context() as patched:
        patched.setattr(linked.gateway.operations.outbox, "leaving", not_recorded)
        message = await linked.gateway.client.send(*linked.ids, linked.adas_chat, "🤖 *Paddy:* Noted.", key="1")
        await told.wait()  # it can only be kept back with its connection
        await until(lambda: is_status(linked.gateway, linked.session, "reconnecting", who=linked.user))
        assert not [stanza for stanza in linked.tap.stanzas if stanza.tag == "message"]
    await until(lambda: message_is(linked.gateway, *linked.ids, message, "delivered"))
    assert len([line for line in linked.ada.messages("me") if "Noted" in line.text]) == 1
