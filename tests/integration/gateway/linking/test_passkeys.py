"""Linking an account that wants a passkey, through the whole gateway: the library's client notices, ours goes on."""

import asyncio
import os
import signal
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from support.gateways import ADA, BOB, PAPER, App, Gateway, StartGateway, shown, workers
from support.waiting import until

from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.gateway.schema import Passkey as Asked
from exponential.gateway.worker.loopback_trust import NOISE_ROOT
from exponential.gateway.worker.process import Launch
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.linking.webauthn import Passkey
from exponential.loopback.server.server import Loopback

NUMBER = "+4915112345678"
CHAT = "4915112345678@s.whatsapp.net"


@pytest.fixture
def phone(whatsapp: Loopback) -> Phone:
    phone = whatsapp.add_phone(NUMBER, "Ada")
    phone.account.passkey, phone.account.key = True, Passkey.make()
    return phone


async def reaches(gateway: Gateway, session: str, status_code: str) -> None:
    async def reached() -> bool:
        return (await gateway.client.login_status(ADA, session)).status_code == status_code

    await until(reached)


async def asked(gateway: Gateway, session: str) -> Asked:
    await reaches(gateway, session, "passkey_asked")
    return await gateway.client.passkey(ADA, session)


def answer(phone: Phone, question: Asked, **how: Any) -> dict[str, Any]:
    assert question.options is not None and phone.account.key is not None
    return phone.account.key.sign(**{"challenge": question.options["challenge"], **how})


async def scanned(gateway: Gateway, phone: Phone, session: str) -> asyncio.Task[Any]:
    """The account has been told that it wants a passkey, and was scanned again; the phone waits."""
    with pytest.raises(LinkError):
        await phone.scan(await shown(gateway, session))
    await reaches(gateway, session, "passkey_scan")
    return asyncio.create_task(phone.scan(await shown(gateway, session)))


async def linked(gateway: Gateway, phone: Phone, session: str) -> None:
    scanning = await scanned(gateway, phone, session)
    await gateway.client.answer_passkey(ADA, session, answer(phone, await asked(gateway, session)))
    await scanning
    await reaches(gateway, session, "online")


def launch(whatsapp: Loopback, module: str) -> Launch:
    """A worker with all that a loopback worker finds in its environment."""
    trusting = {
        "HTTPS_PROXY": whatsapp.proxy_url,
        "SSL_CERT_FILE": str(whatsapp.ca_path),
        NOISE_ROOT: whatsapp.noise_root,
    }
    return replace(PAPER, module=module, environment={**PAPER.environment, **trusting})


def hurried(whatsapp: Loopback) -> Launch:
    return launch(whatsapp, "support.gateway.hurried_worker")


async def test_scan_confirm_talk_restart_unlink_and_link_again(
    start_real_gateway: StartGateway, phone: Phone, app: App
) -> None:
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await linked(gateway, phone, session)
        status = await gateway.client.login_status(ADA, session)
        assert (status.connected, status.phone_number, status.passkey_required) == (True, NUMBER, False)
        assert gateway.operations.supervisor._own_linking == set()  # it is the library's from now on
        phone.send_text("me", "hello")
        await until(lambda: app.texts == ["hello"])
        await gateway.client.send(ADA, session, CHAT, "Noted.", key="1")
        await phone.wait_for("Noted.")

    async with start_real_gateway() as gateway:
        await reaches(gateway, session, "online")
        assert gateway.operations.supervisor._own_linking == set()
        phone.send_text("me", "still there?")
        await until(lambda: app.texts == ["hello", "still there?"])

        phone.unlink(phone.linked_devices[0])
        await reaches(gateway, session, "logged_out")
        await gateway.client.restart(ADA, session)
        scanning = asyncio.create_task(phone.scan(await shown(gateway, session)))  # once: it is known to want a passkey
        await gateway.client.answer_passkey(ADA, session, answer(phone, await asked(gateway, session)))
        await scanning
        await reaches(gateway, session, "online")
        phone.send_text("me", "again")
        await until(lambda: app.texts[-1] == "again")
        await gateway.client.disconnect(ADA, session)
        assert phone.linked_devices == []


@pytest.mark.parametrize("by", ["qr code", "pairing code"])
@pytest.mark.parametrize("passkey", [True, False])
async def test_our_client_can_link_all_accounts(
    start_real_gateway: StartGateway, phone: Phone, app: App, by: str, passkey: bool
) -> None:
    phone.account.passkey = passkey
    async with start_real_gateway(linking="own") as gateway:
        session = await gateway.client.login(ADA)
        picture = await shown(gateway, session)
        if by == "pairing code":
            typed = await gateway.client.pairing_code(ADA, session, NUMBER)
            linking: Awaitable[Any] = asyncio.create_task(phone.enter_code(typed.code))
        else:
            linking = asyncio.create_task(phone.scan(picture))
        if passkey:
            await gateway.client.answer_passkey(ADA, session, answer(phone, await asked(gateway, session)))
        await linking
        await reaches(gateway, session, "online")
        phone.send_text("me", "hello")
        await until(lambda: app.texts == ["hello"])


async def test_what_is_not_the_answer_is_told_apart_and_changes_nothing(
    start_real_gateway: StartGateway, phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        with pytest.raises(Conflict) as early:
            await gateway.client.passkey(ADA, session)
        assert early.value.code == "passkey_not_asked"
        scanning = await scanned(gateway, phone, session)
        question = await asked(gateway, session)
        assert question.step == "sign" and question.expires_at is not None
        for who in (gateway.client.passkey(BOB, session), gateway.client.answer_passkey(BOB, session, {})):
            with pytest.raises(NotFound):
                await who
        good = answer(phone, question)
        for credential, why in (
            (answer(phone, question, challenge="AAAA"), "passkey_stale"),
            (answer(phone, question, origin="https://web.whatsapp.com.example"), "passkey_wrong_site"),
            ("text", "passkey_invalid"),
            ({**good, "response": {}}, "passkey_invalid"),
        ):
            with pytest.raises(BadInput) as refused:
                await gateway.client.answer_passkey(ADA, session, credential)
            assert refused.value.code == why
        with pytest.raises(Conflict):
            await gateway.client.confirm_codes(ADA, session)
        with pytest.raises(Conflict) as forged:
            await gateway.client.answer_passkey(
                ADA, session, {**good, "response": answer(phone, question, flags=1)["response"]}
            )
        assert forged.value.code == "passkey_refused"
        await gateway.client.answer_passkey(ADA, session, good)
        with pytest.raises(Conflict):
            await gateway.client.answer_passkey(ADA, session, good)
        await scanning
        await reaches(gateway, session, "online")


async def test_whatsapp_may_want_two_codes_compared(
    start_real_gateway: StartGateway, phone: Phone, whatsapp: Loopback
) -> None:
    async with start_real_gateway(launch=hurried(whatsapp)) as gateway:
        session = await gateway.client.login(ADA)
        scanning = await scanned(gateway, phone, session)
        await gateway.client.answer_passkey(ADA, session, answer(phone, await asked(gateway, session)))
        await reaches(gateway, session, "passkey_compare")
        question = await gateway.client.passkey(ADA, session)
        exchange = phone.exchange()
        assert exchange is not None and (question.step, question.code) == ("compare", exchange.code)
        await gateway.client.confirm_codes(ADA, session)
        with pytest.raises(Conflict):
            await gateway.client.confirm_codes(ADA, session)
        await scanning
        await reaches(gateway, session, "online")


async def test_a_killed_worker_and_a_silent_whatsapp_lead_back_to_a_code(
    start_real_gateway: StartGateway, phone: Phone, whatsapp: Loopback
) -> None:
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        scanning = await scanned(gateway, phone, session)
        question = await asked(gateway, session)
        os.kill(workers()[0], signal.SIGKILL)
        with pytest.raises(LinkError):
            await scanning
        await shown(gateway, session)
        with pytest.raises(Conflict):
            await gateway.client.answer_passkey(ADA, session, answer(phone, question))
        whatsapp.faults.spoil_passkey("silent")
        scanning = asyncio.create_task(phone.scan(await shown(gateway, session)))
        await gateway.client.answer_passkey(ADA, session, answer(phone, await asked(gateway, session)))
        await reaches(gateway, session, "passkey_sent")
        whatsapp.faults.clear()
        await gateway.client.restart(ADA, session)  # start over at any moment
        with pytest.raises(LinkError):
            await scanning
        scanning = asyncio.create_task(phone.scan(await shown(gateway, session)))
        await gateway.client.answer_passkey(ADA, session, answer(phone, await asked(gateway, session)))
        await scanning
        await reaches(gateway, session, "online")


@pytest.mark.parametrize("linking", ["library", "own"])
async def test_each_qr_code_is_shown_for_as_long_as_it_says_and_then_another_one(
    start_real_gateway: StartGateway, whatsapp: Loopback, linking: str
) -> None:
    seen: list[str] = []
    async with start_real_gateway(launch=hurried(whatsapp), linking=linking) as gateway, gateway.served() as client:
        session = await gateway.client.login(ADA)
        async with asyncio.timeout(60), aclosing(client.follow(ADA)) as changes:
            async for _ in changes:
                if (text := await shown(gateway, session)) not in seen:
                    seen.append(text)
                if len(seen) == 6:
                    break
        await reaches(gateway, session, "not_scanned")
        assert len({text.split(",", 1)[1] for text in seen}) == 1
        await gateway.client.restart(ADA, session)
        assert await shown(gateway, session) not in seen


async def test_a_normal_worker_takes_nobody_else_for_whatsapp_whatever_its_environment_says(
    start_real_gateway: StartGateway, whatsapp: Loopback
) -> None:
    normal = launch(whatsapp, "exponential.gateway.worker.main")
    async with start_real_gateway(launch=normal, linking="own") as gateway:
        session = await gateway.client.login(ADA)

        async def refused() -> bool:
            return "isn't WhatsApp" in ((await gateway.client.login_status(ADA, session)).status_reason or "")

        await until(refused)
        assert whatsapp.registrations == {}


@pytest.mark.parametrize("linking", ["library", "own"])
@pytest.mark.parametrize("passkey", [False, True])
async def test_a_code_that_whatsapp_wants_renewed_is_renewed_at_once_and_scanned_again(
    start_real_gateway: StartGateway, phone: Phone, whatsapp: Loopback, linking: str, passkey: bool
) -> None:
    phone.account.passkey = passkey
    async with start_real_gateway(linking=linking) as gateway:
        session = await gateway.client.login(ADA)
        if linking == "library" and passkey:
            with pytest.raises(LinkError):
                await phone.scan(await shown(gateway, session))
            await reaches(gateway, session, "passkey_scan")
        whatsapp.faults.refresh_registration()
        first = await shown(gateway, session)
        with pytest.raises(LinkError, match="Scan the code that it shows now"):
            await phone.scan(first)

        async def another() -> str | None:
            text = await shown(gateway, session)
            return text if text != first else None

        renewed = await until(another)
        assert renewed.split(",")[:3] == first.split(",")[:3]  # the same ref and keys, another secret
        with pytest.raises(LinkError):
            await phone.scan(first)
        scanning = asyncio.create_task(phone.scan(renewed))
        if passkey:
            await gateway.client.answer_passkey(ADA, session, answer(phone, await asked(gateway, session)))
        await scanning
        await reaches(gateway, session, "online")


async def test_a_phone_that_does_not_go_on_is_told(
    start_real_gateway: StartGateway, phone: Phone, whatsapp: Loopback
) -> None:
    async with start_real_gateway(launch=hurried(whatsapp), linking="own") as gateway:
        whatsapp.faults.spoil_passkey("silent")
        session = await gateway.client.login(ADA)
        scanning = asyncio.create_task(phone.scan(await shown(gateway, session)))
        good = answer(phone, await asked(gateway, session))
        await gateway.client.answer_passkey(ADA, session, good)
        await reaches(gateway, session, "passkey_silent")
        with pytest.raises(LinkError):
            await scanning
