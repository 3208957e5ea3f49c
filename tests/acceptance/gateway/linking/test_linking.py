"""Linking phones, through the gateway, its real client and the loopback server: once, again, by several, at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gateways import ADA, BOB, App, Gateway, StartGateway, is_status, link, scan, shown
from support.waiting import until

from exponential.core import clock, phone_numbers
from exponential.core.errors import BadInput, Conflict, NotFound, Unavailable
from exponential.gateway.schema import PairingCode
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.testing import NewPhone

NUMBER = "+4915112345678"


@pytest.fixture
def adas_phone(phone: NewPhone) -> Phone:
    return phone("Ada", number=NUMBER)


async def removed(gateway: Gateway, session: str) -> bool:
    return session not in {info.session_id for info in await gateway.client.sessions(ADA)}


async def test_a_phone_that_is_linked_again_has_one_session_and_one_device(
    start_real_gateway: StartGateway, adas_phone: Phone, app: App, session_folder: Callable[[str], Path]
) -> None:
    async with start_real_gateway() as gateway:
        first, _ = await link(gateway, adas_phone)
        second, device = await link(gateway, adas_phone)
        await until(lambda: adas_phone.linked_devices == [device])
        assert [info.session_id for info in await gateway.client.sessions(ADA)] == [second]
        with pytest.raises(NotFound):
            await gateway.client.session(ADA, first)
        await until(lambda: not session_folder(first).exists())

        adas_phone.send_text("me", "hello")
        await until(lambda: app.texts)
        await until(lambda: is_status(gateway, second, "connected"))
        assert [message["sessionId"] for message in app.taken] == [second]


async def test_another_user_who_scans_the_same_phone_takes_it_over_and_the_first_is_told(
    start_real_gateway: StartGateway, adas_phone: Phone, app: App
) -> None:
    async with start_real_gateway() as gateway:
        first, _ = await link(gateway, adas_phone, who=BOB)
        second, device = await link(gateway, adas_phone)
        await until(lambda: adas_phone.linked_devices == [device])
        told = await gateway.client.session(BOB, first)
        assert (told.status, told.connected) == ("disconnected", False)
        assert "linked again by another user" in (told.status_reason or "")
        adas_phone.send_text("me", "hello")
        await until(lambda: app.texts)
        assert [message["sessionId"] for message in app.taken] == [second]

        await until(lambda: restarts(gateway, first))  # its credentials are gone: new codes, as for any other
        await gateway.client.disconnect(BOB, first)
        assert adas_phone.linked_devices == [device]
        assert await is_status(gateway, second, "connected")


async def restarts(gateway: Gateway, session: str) -> bool:
    try:
        await gateway.client.restart(BOB, session)
    except Conflict as error:
        assert error.code == "unlinking"
        return False
    return True


async def test_linking_again_after_a_disconnect_works_at_once(
    start_real_gateway: StartGateway, adas_phone: Phone, app: App, session_folder: Callable[[str], Path]
) -> None:
    async with start_real_gateway() as gateway:
        for turn in ("one", "two"):
            session, _ = await link(gateway, adas_phone)
            adas_phone.send_text("me", turn)
            await until(lambda turn=turn: turn in app.texts)
            await gateway.client.disconnect(ADA, session)
            assert adas_phone.linked_devices == []
            assert not session_folder(session).exists()
        assert await gateway.client.sessions(ADA) == []


async def test_an_unlink_that_fails_is_tried_again_with_a_new_client(
    start_gateway: StartGateway, session_folder: Callable[[str], Path]
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        folder = session_folder(session)
        await scan(gateway, folder, session)
        (folder / "unreached").touch()
        disconnecting = asyncio.create_task(gateway.client.disconnect(ADA, session))
        await until(lambda: not (folder / "unreached").exists())
        while folder.exists():
            await gateway.operations.unlinker.sweep()
            await asyncio.sleep(0.05)
        assert await disconnecting


async def test_what_whatsapp_can_not_be_told_at_once_it_is_told_later(
    start_real_gateway: StartGateway, adas_phone: Phone, session_folder: Callable[[str], Path]
) -> None:
    async with start_real_gateway() as gateway:
        session, _ = await link(gateway, adas_phone)
    async with start_real_gateway(proxy_url="http://127.0.0.1:9") as gateway:  # nothing listens there
        answer = await gateway.http.delete(f"/sessions/{session}", headers=gateway.headers(ADA))
        assert answer.json() == {"success": True, "unlinked": False}
        assert await gateway.client.sessions(ADA) == []
        assert session_folder(session).exists()
        assert len(adas_phone.linked_devices) == 1
    async with start_real_gateway() as gateway:
        await until(lambda: adas_phone.linked_devices == [])
        await until(lambda: not session_folder(session).exists())
        await link(gateway, adas_phone)


async def test_both_limits_hold_under_fifty_logins_at_once(start_gateway: StartGateway) -> None:
    async with start_gateway(max_sessions=12, max_sessions_per_user=8) as gateway:
        callers = [ADA if number % 2 else BOB for number in range(50)]
        answers = await asyncio.gather(*(gateway.client.login(who) for who in callers), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Conflict)]
        assert len(refused) == 50 - 12
        assert all(str(error).startswith("Maximum sessions reached") for error in refused)
        assert {error.code for error in refused} <= {"session_limit", "user_session_limit"}
        counts = [len(await gateway.client.sessions(who)) for who in (ADA, BOB)]
        assert sum(counts) == 12 and max(counts) <= 8

    async with start_gateway(max_sessions=50, max_sessions_per_user=8) as gateway:
        await asyncio.gather(*(gateway.client.login(ADA) for _ in range(50)), return_exceptions=True)
        assert len(await gateway.client.sessions(ADA)) == 8
        with pytest.raises(Conflict, match="you have 8 of the 8") as caught:
            await gateway.client.login(ADA)
        assert caught.value.code == "user_session_limit"


async def test_linking_by_a_code_typed_on_the_phone(
    start_real_gateway: StartGateway, adas_phone: Phone, phone: NewPhone, app: App
) -> None:
    stranger = phone("Charlie", number="+4915187654321")
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        asked = [gateway.client.pairing_code(ADA, session, "+49 (1511) 2345-678") for _ in range(20)]
        [made] = set(answer.code for answer in await asyncio.gather(*asked))
        assert len(made) == 9 and made[4] == "-"
        assert 100 < ((await asked_again(gateway, session)).expires_at - clock.now()).total_seconds() <= 160
        with pytest.raises(LinkError):
            await stranger.enter_code(made)
        assert await is_status(gateway, session, "pending")
        await adas_phone.enter_code(made)
        await until(lambda: is_status(gateway, session, "connected"))
        assert (await gateway.client.session(ADA, session)).phone_number == NUMBER
        adas_phone.send_text("me", "hello")
        await until(lambda: app.texts == ["hello"])
        with pytest.raises(Conflict) as caught:
            await gateway.client.pairing_code(ADA, session, NUMBER)
        assert caught.value.code == "already_connected"


async def asked_again(gateway: Gateway, session: str) -> PairingCode:
    return await gateway.client.pairing_code(ADA, session, NUMBER)


async def test_a_number_without_whatsapp_is_refused_and_the_qr_code_still_links(
    start_real_gateway: StartGateway, adas_phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        code = await shown(gateway, session)
        with pytest.raises(BadInput, match="WhatsApp doesn't accept") as caught:
            await gateway.client.pairing_code(ADA, session, "+49 30 1234567")
        assert caught.value.code == "whatsapp_refused"
        await adas_phone.scan(code)
        await until(lambda: is_status(gateway, session, "connected"))


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("", "is missing"),
        ("hello", "characters that no phone number has"),
        ("0151 12345678", "begins with 0"),
        ("+49", "2 digits"),
        ("+1234567890123456", "16 digits"),
        ("+49 151 1234\u0665678", "characters that no phone number has"),
        ("4915112345678@s.whatsapp.net", "characters"),
    ],
)
def test_malformed_phone_numbers_are_told_what_is_wrong(number: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        phone_numbers.to_e164(number)
    assert caught.value.code == "phone_invalid"


async def test_the_groups_of_an_account(start_real_gateway: StartGateway, adas_phone: Phone, phone: NewPhone) -> None:
    bob = phone("Bob", number="+4915110000002")
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        with pytest.raises(Unavailable) as caught:
            await gateway.client.groups(ADA, session)
        assert caught.value.code == "not_connected"
        await adas_phone.scan(await shown(gateway, session))
        await until(lambda: is_status(gateway, session, "connected"))
        assert await gateway.client.groups(ADA, session) == []
        bob.create_group("Alpha", [adas_phone])
        [group] = await gateway.client.groups(ADA, session)
        assert (group.subject, group.participants) == ("Alpha", 2)
        assert group.jid.endswith("@g.us")
