"""The ways to link a device, and the ways it doesn't work, through the real client."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.server import Loopback


@pytest.fixture
async def unlinked(new_client: Callable[[str], Any]) -> Any:
    client = new_client("unlinked")
    await client.start()
    return client


async def shown_code(client: Any, phone: Phone) -> str:
    await client.until("qr")
    await client.say(f"pair {phone.number}")
    return str(await client.until("pair-code"))


async def test_six_codes_live_one_after_the_other(whatsapp: Loopback, unlinked: Any, alice: Phone) -> None:
    first = await unlinked.until("qr")
    registration = next(iter(whatsapp.registrations.values()))
    ends = list(registration.refs.values())
    assert [round(end - ends[0]) for end in ends] == [0, 20, 40, 60, 80, 100]
    assert 50 < ends[0] - whatsapp.loop.time() <= 60
    ref = first.rpartition("#")[2].split(",")[0]
    last = first.replace(ref, list(registration.refs)[5])
    registration.refs[ref] -= 60
    with pytest.raises(LinkError, match=r"expired. Show a new code"):
        await alice.scan(first)
    await alice.scan(last)
    await unlinked.until("connected")


async def test_when_the_sixth_has_expired_the_client_is_hung_up_on(
    whatsapp: Loopback, new_client: Callable[[str], Any], alice: Phone
) -> None:
    whatsapp.code_clock = 160
    client = new_client("slow")
    await client.start()
    code = await client.until("qr")
    assert await client.until("Login") == "event: timeout"
    with pytest.raises(LinkError, match="expired"):
        await alice.scan(code)


@pytest.mark.parametrize("wrong", ["", "https://example.org/menu", "2@abc,def", "WIFI:S:home;P:secret;;"])
async def test_what_is_no_linking_code_is_called_that(alice: Phone, wrong: str) -> None:
    with pytest.raises(LinkError, match="not a WhatsApp linking code"):
        await alice.scan(wrong)


async def test_a_code_links_once(unlinked: Any, alice: Phone, bob: Phone) -> None:
    code = await unlinked.until("qr")
    await alice.scan(code)
    await unlinked.until("connected")
    with pytest.raises(LinkError, match="expired"):
        await bob.scan(code)
    assert bob.linked_devices == []


async def test_by_pairing_code(unlinked: Any, alice: Phone, bob: Phone) -> None:
    code = await shown_code(unlinked, alice)
    device = await alice.enter_code(code.lower())
    await unlinked.until("connected")
    assert alice.linked_devices == [device]
    bob.send_text(alice, "ping")
    await bob.wait_for("pong", chat=alice)


async def test_pairing_codes_that_do_not_link(unlinked: Any, alice: Phone, bob: Phone) -> None:
    code = await shown_code(unlinked, alice)
    for text in ("", "1234", "ABCD-EFG0"):
        with pytest.raises(LinkError, match="not a pairing code"):
            await alice.enter_code(text)
    with pytest.raises(LinkError, match="No device waits"):
        await bob.enter_code(code)
    other = ("1" if code[0] != "1" else "2") + code[1:]
    with pytest.raises(LinkError, match="not the code that the device shows"):
        await alice.enter_code(other)
    await alice.enter_code(code)
    await unlinked.until("connected")


async def test_an_account_with_a_passkey_asks_for_it_and_links_nothing(unlinked: Any, alice: Phone) -> None:
    alice.account.passkey = True
    scanning = asyncio.create_task(alice.scan(await unlinked.until("qr")))
    assert await unlinked.until("Login") == "event: passkey-request"
    assert alice.exchange() is not None and not scanning.done()
    await unlinked.kill()  # the library can't answer
    with pytest.raises(LinkError, match="protected by a passkey"):
        await scanning
    assert alice.linked_devices == [] and alice.exchange() is None
