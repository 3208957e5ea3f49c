"""A session's status is what is true: broken and deaf connections, dead workers, and what WhatsApp itself ends."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from support.gateways import ADA, App, Gateway, StartGateway, is_status, link, shown, workers
from support.waiting import until

from exponential.auth.service_tokens import Identity
from exponential.gateway.client import GatewayClient
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import Device
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone


@pytest.fixture
def adas_phone(phone: NewPhone) -> Phone:
    return phone("Ada", number="+4915112345678")


async def reason(gateway: Gateway, session: str) -> str:
    return (await gateway.client.login_status(ADA, session)).status_reason or ""


async def told(client: GatewayClient, words: str) -> None:
    """Wait until Ada's only session has a reason with these words. It is not asked for: it is told."""
    async with aclosing(client.follow(ADA)) as lists:
        async for [session] in lists:
            if words in (session.status_reason or ""):
                return


async def test_a_deaf_connection_is_noticed_and_replaced_within_ninety_seconds(
    start_real_gateway: StartGateway, whatsapp: Loopback, adas_phone: Phone, app: App
) -> None:
    async with start_real_gateway() as gateway, gateway.served() as client:
        session, device = await link(gateway, adas_phone)
        whatsapp.faults.deafen(device)
        adas_phone.send_text("me", "into the void")
        started = time.monotonic()
        async with asyncio.timeout(60):
            await told(client, "doesn't answer")
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


@dataclass(frozen=True)
class Scene:
    """A user of its own in a gateway that several scenarios share; `app` takes this user's messages."""

    whatsapp: Loopback
    app: App
    gateway: Gateway
    phone: NewPhone
    user: Identity

    async def link(self, name: str = "Ada") -> tuple[str, Device, Phone]:
        phone = self.phone(name)
        return *await link(self.gateway, phone, who=self.user), phone

    async def becomes(self, session: str, status: str) -> str:
        """Wait until this is the session's status; its reason."""
        await until(lambda: is_status(self.gateway, session, status, who=self.user))
        return (await self.gateway.client.login_status(self.user, session)).status_reason or ""

    async def restart(self, session: str) -> None:
        await self.gateway.client.restart(self.user, session)


REFUSALS = {
    402: ("error", "banned"),
    405: ("error", "no longer accepts this version"),
    403: ("error", "locked this account"),
    406: ("error", "banned this account"),
    409: ("error", "refused the connection"),
    401: ("disconnected", "unlinked on the phone"),
}


async def what_whatsapp_refuses_at_login_is_told_and_not_tried_again(scene: Scene) -> None:
    """Each refusal to a session of its own."""
    linked = {refusal: await scene.link(f"Phone {refusal}") for refusal in REFUSALS}
    for refusal, (_, device, _) in linked.items():
        scene.whatsapp.faults.refuse(refusal, device, times=100, code="101", expire="3600")
        scene.whatsapp.faults.drop(device)
    for refusal, (status, words) in REFUSALS.items():
        session, device, _ = linked[refusal]
        assert words in await scene.becomes(session, status)
        assert scene.whatsapp.connection(device) is None


async def an_unlink_on_the_phone_is_told(scene: Scene) -> None:
    session, device, phone = await scene.link()
    phone.unlink(device)
    assert "unlinked on the phone" in await scene.becomes(session, "disconnected")
    await scene.restart(session)
    await phone.scan(await shown(scene.gateway, session, who=scene.user))
    await scene.becomes(session, "connected")
    phone.send_text("me", "again")
    await until(lambda: scene.app.texts == ["again"])


async def whatsapp_asks_for_a_new_connection(scene: Scene) -> None:
    for code in (503, 515):
        session, device, phone = await scene.link(f"Phone {code}")
        before = scene.whatsapp.connection(device)
        scene.whatsapp.faults.stream_error(code, device)
        phone.send_text("me", f"in between, {code}")
        await scene.becomes(session, "reconnecting")
        began = time.monotonic()
        await until(lambda code=code: scene.app.texts[-1:] == [f"in between, {code}"])
        assert scene.whatsapp.connection(device) not in (None, before)
        await scene.becomes(session, "connected")
        print(f"{code}: back after {time.monotonic() - began:.1f} s")
    assert len(scene.app.texts) == 2


async def replaced_by_another_client_means_stop(scene: Scene) -> None:
    session, device, _ = await scene.link()
    scene.whatsapp.faults.stream_error(440, device)
    assert "Another program" in await scene.becomes(session, "error")
    await scene.restart(session)
    await scene.becomes(session, "connected")


async def an_outage_of_whatsapp_heals_by_itself(scene: Scene) -> None:
    session, device, _ = await scene.link()
    scene.whatsapp.faults.refuse(503, device, times=2)
    scene.whatsapp.faults.drop(device)
    await scene.becomes(session, "reconnecting")
    await scene.becomes(session, "connected")


async def a_first_login_that_fails_is_tried_again_soon(scene: Scene) -> None:
    session = await scene.gateway.client.login(scene.user)
    code = await shown(scene.gateway, session, who=scene.user)
    scene.whatsapp.faults.refuse(503)  # the library tries once by itself, and doesn't tell that it failed
    await scene.phone("Ada").scan(code)
    async with asyncio.timeout(30):  # a hanging client is found after 60 s
        await scene.becomes(session, "connected")


SIDE_BY_SIDE = (
    what_whatsapp_refuses_at_login_is_told_and_not_tried_again,
    an_unlink_on_the_phone_is_told,
    whatsapp_asks_for_a_new_connection,
    replaced_by_another_client_means_stop,
    an_outage_of_whatsapp_heals_by_itself,
)


@pytest.mark.parametrize("hang_up", ["later", "at once", "after the stream's end"])
async def test_what_whatsapp_says_before_it_hangs_up(
    start_real_gateway: StartGateway, whatsapp: Loopback, phone: NewPhone, app: App, hang_up: str
) -> None:
    """The scenarios share a gateway, each with a user of its own."""
    if hang_up != "later":
        whatsapp.faults.hang_up(stream_end=hang_up != "at once")
    async with start_real_gateway(max_sessions_per_user=len(REFUSALS)) as gateway, asyncio.TaskGroup() as group:

        def begin(scenario: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
            user = Identity(scenario.__name__)
            group.create_task(scenario(Scene(whatsapp, app.of(user), gateway, phone, user)))

        begin(a_first_login_that_fails_is_tried_again_soon)
        await until(lambda: whatsapp.stanzas("out", "failure"))  # nobody else may log in before
        for scenario in SIDE_BY_SIDE:
            begin(scenario)


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
