"""A session's status is what is true: broken and deaf connections, dead workers, and what WhatsApp itself ends."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from support.gateways import ADA, App, Gateway, StartGateway, is_status, link, shown, workers
from support.waiting import until

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone


@pytest.fixture
def adas_phone(phone: NewPhone) -> Phone:
    return phone("Ada", number="+4915112345678")


async def reason(gateway: Gateway, session: str) -> str:
    return (await gateway.client.login_status(ADA, session)).status_reason or ""


def says(gateway: Gateway, session: str, words: str) -> Callable[[], Awaitable[bool]]:
    async def said() -> bool:
        return words in await reason(gateway, session)

    return said


async def test_a_deaf_connection_is_noticed_and_replaced_within_ninety_seconds(
    start_real_gateway: StartGateway, whatsapp: Loopback, adas_phone: Phone, app: App
) -> None:
    async with start_real_gateway() as gateway:
        session, device = await link(gateway, adas_phone)
        whatsapp.faults.deafen(device)
        adas_phone.send_text("me", "into the void")
        started = time.monotonic()
        await until(says(gateway, session, "doesn't answer"), within=60)
        noticed = time.monotonic() - started
        assert await is_status(gateway, session, "reconnecting")
        await until(lambda: app.texts == ["into the void"], within=90 - noticed)
        await until(lambda: is_status(gateway, session, "connected"))
        print(f"deaf: noticed after {noticed:.0f} s, replaced after {time.monotonic() - started:.0f} s")


async def test_sessions_that_drop_at_once_come_back_one_after_the_other(
    start_real_gateway: StartGateway, whatsapp: Loopback, phone: NewPhone
) -> None:
    phones = [phone(f"Phone {number}", number=f"+49151100001{number:02}") for number in range(12)]
    async with start_real_gateway(max_sessions_per_user=20) as gateway:
        linked = [await link(gateway, each) for each in phones]
        dropped = time.time()
        whatsapp.faults.drop()

        def back() -> list[float]:
            """When, after that, they logged in again."""
            again = (each for each in whatsapp.wire if each.at > dropped and each.direction == "out")
            return [each.at for each in again if each.stanza.tag == "success"]

        await until(lambda: len(back()) == len(linked))
        for session, _ in linked:
            await until(lambda session=session: is_status(gateway, session, "connected"))
        first, *_, last = back()
        assert last - first > 1  # a storm would be over in a moment


async def test_a_dead_worker_takes_no_other_with_it_and_its_sessions_come_back(
    start_real_gateway: StartGateway, phone: NewPhone
) -> None:
    phones = [phone(f"Phone {number}", number=f"+491511000020{number}") for number in range(4)]
    async with start_real_gateway(sessions_per_worker=2) as gateway:
        sessions = [(await link(gateway, each))[0] for each in phones]
        first, second = sorted(workers())
        changed: list[str] = []

        async def watch() -> None:
            while True:
                for session in sessions:
                    if not await is_status(gateway, session, "connected") and session not in changed:
                        changed.append(session)
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        os.kill(first, signal.SIGABRT)  # as a panic in the client's library does
        killed = time.monotonic()
        await until(lambda: len(changed) == 2)
        for session in sessions:
            await until(lambda session=session: is_status(gateway, session, "connected"))
        print(f"sessions of a dead worker back after {time.monotonic() - killed:.1f} s")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert second in workers() and first not in workers()
        assert len(changed) == 2


@pytest.fixture(params=["later", "at once", "after the stream's end"])
def hanging_up(request: pytest.FixtureRequest, whatsapp: Loopback) -> None:
    """How WhatsApp hangs up after its last word."""
    if request.param != "later":
        whatsapp.faults.hang_up(stream_end=request.param != "at once")


REFUSALS = {
    402: ("error", "banned"),
    405: ("error", "no longer accepts this version"),
    403: ("error", "locked this account"),
    406: ("error", "banned this account"),
    409: ("error", "refused the connection"),
    401: ("disconnected", "unlinked on the phone"),
}


@pytest.mark.usefixtures("hanging_up")
async def test_what_whatsapp_refuses_at_login_is_told_and_not_tried_again(
    start_real_gateway: StartGateway, whatsapp: Loopback, phone: NewPhone
) -> None:
    """Each refusal to a session of its own, in one gateway."""
    async with start_real_gateway(max_sessions_per_user=len(REFUSALS)) as gateway:
        linked = {refusal: await link(gateway, phone(f"Phone {refusal}")) for refusal in REFUSALS}
        for refusal, (_, device) in linked.items():
            whatsapp.faults.refuse(refusal, device, times=100, code="101", expire="3600")
            whatsapp.faults.drop(device)
        for refusal, (status, words) in REFUSALS.items():
            session, device = linked[refusal]
            await until(lambda session=session, status=status: is_status(gateway, session, status))
            assert words in await reason(gateway, session)
            assert whatsapp.connection(device) is None


@pytest.mark.usefixtures("hanging_up")
async def test_an_unlink_on_the_phone_is_told(
    start_real_gateway: StartGateway, whatsapp: Loopback, adas_phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        session, device = await link(gateway, adas_phone)
        adas_phone.unlink(device)
        await until(lambda: is_status(gateway, session, "disconnected"))
        assert "unlinked on the phone" in await reason(gateway, session)
        await gateway.client.restart(ADA, session)
        await adas_phone.scan(await shown(gateway, session))
        await until(lambda: is_status(gateway, session, "connected"))


@pytest.mark.usefixtures("hanging_up")
async def test_whatsapp_asks_for_a_new_connection(
    start_real_gateway: StartGateway, whatsapp: Loopback, phone: NewPhone, app: App
) -> None:
    async with start_real_gateway() as gateway:
        for code in (503, 515):
            adas_phone = phone(f"Phone {code}")
            session, device = await link(gateway, adas_phone)
            before = whatsapp.connection(device)
            whatsapp.faults.stream_error(code, device)
            adas_phone.send_text("me", f"in between, {code}")
            await until(lambda session=session: is_status(gateway, session, "reconnecting"))
            began = time.monotonic()
            await until(lambda code=code: app.texts[-1:] == [f"in between, {code}"])
            assert whatsapp.connection(device) not in (None, before)
            await until(lambda session=session: is_status(gateway, session, "connected"))
            print(f"{code}: back after {time.monotonic() - began:.1f} s")
        assert len(app.texts) == 2


@pytest.mark.usefixtures("hanging_up")
async def test_replaced_by_another_client_means_stop(
    start_real_gateway: StartGateway, whatsapp: Loopback, adas_phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        session, device = await link(gateway, adas_phone)
        whatsapp.faults.stream_error(440, device)
        await until(lambda: is_status(gateway, session, "error"))
        assert "Another program" in await reason(gateway, session)
        await gateway.client.restart(ADA, session)
        await until(lambda: is_status(gateway, session, "connected"))


@pytest.mark.usefixtures("hanging_up")
async def test_an_outage_of_whatsapp_heals_by_itself(
    start_real_gateway: StartGateway, whatsapp: Loopback, adas_phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        session, device = await link(gateway, adas_phone)
        whatsapp.faults.refuse(503, device, times=2)
        whatsapp.faults.drop(device)
        await until(lambda: is_status(gateway, session, "reconnecting"))
        await until(lambda: is_status(gateway, session, "connected"), within=60)


@pytest.mark.usefixtures("hanging_up")
async def test_a_first_login_that_fails_is_tried_again_soon(
    start_real_gateway: StartGateway, whatsapp: Loopback, adas_phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        code = await shown(gateway, session)
        whatsapp.faults.refuse(503)  # the library tries once by itself, and doesn't tell that it failed
        await adas_phone.scan(code)
        await until(lambda: is_status(gateway, session, "connected"), within=30)  # a hanging client is found after 60 s


async def test_an_account_with_a_passkey_and_an_outdated_client_are_told_while_linking(
    start_real_gateway: StartGateway, whatsapp: Loopback, adas_phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        adas_phone.account.passkey = True
        session = await gateway.client.login(ADA)
        with pytest.raises(LinkError):
            await adas_phone.scan(await shown(gateway, session))
        await shown(gateway, session)
        assert "uses a passkey" in await reason(gateway, session)
        await gateway.client.disconnect(ADA, session)

        whatsapp.faults.refuse(405, times=5)
        session = await gateway.client.login(ADA)
        await until(lambda: is_status(gateway, session, "error"))
        assert "no longer accepts this version" in await reason(gateway, session)
