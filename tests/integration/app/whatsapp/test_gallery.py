"""Every state of the WhatsApp Connection window against the real gateway, real clients and the loopback WhatsApp.

Leaves screenshots of each in test-results/screenshots, light and dark, 1280 and 390 px wide.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, Route, expect
from sqlalchemy import select
from support.app.whole_product import PER_USER, Living, open_whatsapp, running
from support.axe import violations
from support.browser import Window
from support.waiting import until

from exponential.auth.consents import WHATSAPP_VERSION, Consent
from exponential.core.postgres.embedded import EmbeddedPostgres
from exponential.loopback.server.linking.qr_code import LinkError

OPENING = """() => new Promise((done) => {
  const box = document.getElementById("whatsapp"), began = performance.now();
  const seen = () => done(performance.now() - began);
  const look = () => box.open ? requestAnimationFrame(seen) : setTimeout(look, 1);
  document.getElementById("open-whatsapp").click();
  look();
})"""  # ms from the click to a frame in which the window is open


@pytest.fixture(scope="module")
async def living(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Living]:
    async with running(postgres, tmp_path_factory.mktemp("data")) as made:
        yield made


async def shot(window: Window, name: str, of: Locator | None = None) -> None:
    """Four screenshots of a state, and nothing in it that WCAG forbids."""
    await window.shots(f"whatsapp-{name}", of)
    found = await violations(window.page)
    assert not found, f"{name}: " + "\n".join(found)


async def slowly(route: Route) -> None:
    await asyncio.sleep(1)
    await route.continue_()


async def test_from_the_warning_by_qr_code_to_paddy(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(), living.phone()
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        text = page.get_by_role("region", name="Security and privacy warning")
        for risk in ("may suspend or ban your account", "impersonate your account", "use a separate WhatsApp account"):
            await expect(text).to_contain_text(risk)
        await shot(window, "warning")
        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        async with living.database.transaction() as session:
            [consent] = await session.scalars(select(Consent).where(Consent.user_id == user.id))
        assert (consent.what, consent.version) == ("whatsapp-warning", WHATSAPP_VERSION)
        await expect(page.locator("[data-seconds]")).to_have_text("12 s")
        first = await page.locator("#qr-image").get_attribute("src")
        await page.get_by_role("button", name="Refresh code").click()
        await expect(page.locator("#qr-image")).not_to_have_attribute("src", first or "")
        await shot(window, "qr")

        [told] = await living.client.sessions(user.identity)
        await living.scan(user, told.session_id, phone)
        await expect(page.locator("#whatsapp-success")).to_contain_text(phone.number)
        await expect(page.locator("#whatsapp-announce")).to_have_text(f"Success: {phone.number} is linked.")
        await expect(page.get_by_role("heading", name=phone.number)).to_be_focused()
        await shot(window, "success")
        await page.get_by_role("link", name="All accounts").click()
        await expect(
            page.locator(".session", has_text=phone.number).get_by_text("Connected", exact=True)
        ).to_be_visible()
        await shot(window, "sessions")
        await page.get_by_role("link", name="Security & Privacy Warning").click()
        await expect(page.get_by_text(f"Version {WHATSAPP_VERSION}, accepted on")).to_be_visible()


async def test_by_a_code_typed_on_the_phone(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(consented=True), living.phone()
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        await expect(page.get_by_role("heading", name="Talk to Paddy from your phone")).to_be_visible()
        await shot(window, "none")
        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await page.get_by_role("link", name="Use a phone number").click()
        number = page.get_by_label("Phone number of the WhatsApp account")
        await number.fill("0151 12345")
        window.expect_complaint("422")
        await page.get_by_role("button", name="Get a code").click()
        await expect(page.get_by_role("alert")).to_contain_text("begins with 0")
        await expect(number).to_have_value("0151 12345")
        await shot(window, "number")
        await number.fill(phone.number)
        await page.get_by_role("button", name="Get a code").click()
        await expect(page.locator(".big-code")).to_be_visible()
        code = await page.locator(".big-code").inner_text()
        await shot(window, "code")
        await phone.enter_code(code)
        await expect(page.locator("#whatsapp-success")).to_contain_text(phone.number)


async def test_codes_that_expire_passkeys_and_outdated_clients_are_explained(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(consented=True), living.phone()
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        living.whatsapp.code_clock = 160
        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_role("heading", name="The code has expired.")).to_be_visible()
        living.whatsapp.code_clock = 1
        await shot(window, "expired")
        await page.get_by_role("link", name="To the overview").click()
        await expect(page.get_by_text("Code expired")).to_be_visible()
        await shot(window, "pending-expired")
        await page.get_by_role("button", name="New code").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()

        phone.account.passkey = True
        [told] = await living.client.sessions(user.identity)
        with pytest.raises(LinkError):
            await living.scan(user, told.session_id, phone)
        await expect(page.get_by_text("This account uses a passkey")).to_be_visible()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await shot(window, "passkey-scan")

        living.whatsapp.faults.refuse(405, times=5)
        await page.get_by_role("button", name="Refresh code").click()
        await expect(page.get_by_role("heading", name="Exponential needs an update")).to_be_visible()
        await shot(window, "outdated")
        living.whatsapp.faults.clear()


async def test_the_steps_with_a_passkey_and_what_goes_wrong_there(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(consented=True), living.phone()
    phone.account.passkey = True
    living.whatsapp.faults.spoil_passkey("silent")
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        await page.get_by_role("button", name="Connect WhatsApp").click()
        [told] = await until(lambda: living.client.sessions(user.identity))
        with pytest.raises(LinkError):
            await living.scan(user, told.session_id, phone)
        await expect(page.get_by_text("This account uses a passkey")).to_be_visible()
        scanning = asyncio.create_task(living.scan(user, told.session_id, phone))
        await expect(page.get_by_role("heading", name="Confirm with your passkey")).to_be_visible()
        answer, confirm = (
            page.get_by_label("The answer is on your"),
            page.get_by_role("button", name="Confirm", exact=True),
        )
        window.expect_complaint("422")
        await answer.fill('{"error": "NotAllowedError"}')
        await confirm.click()
        await expect(page.get_by_role("alert")).to_contain_text("Use a phone or tablet")
        async with page.expect_response("**/whatsapp/link/*"):
            pass  # another look
        await expect(page.get_by_role("alert")).to_contain_text("Use a phone or tablet")
        await shot(window, "passkey-cancelled")
        exchange = phone.exchange()
        assert exchange is not None
        await answer.fill(json.dumps(exchange.sign()))
        await confirm.click()
        await expect(page.get_by_role("heading", name="Waiting for your phone…")).to_be_visible()
        await expect(page.get_by_role("alert")).to_be_hidden()
        await shot(window, "passkey-sent")
        await living.compare(told.session_id, "ABCD-EFGH")
        await expect(page.get_by_role("heading", name="Does the phone show the same code?")).to_be_visible()
        await shot(window, "passkey-code")
        window.expect_complaint("409")
        await page.get_by_role("button", name="They are the same").click()
        await expect(page.get_by_role("alert")).to_contain_text("Start over")  # WhatsApp has asked for nothing
        await page.get_by_role("button", name="They differ: start over").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        with pytest.raises(LinkError):
            await scanning
    living.whatsapp.faults.clear()


async def test_a_code_that_does_not_come_and_a_login_that_takes_its_time(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(consented=True), living.phone()
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        [told] = await living.client.sessions(user.identity)
        await living.between_codes(told.session_id, 0)
        await expect(page.get_by_text("Preparing code…")).to_be_visible()
        await shot(window, "preparing")
        await living.between_codes(told.session_id, 60)
        await expect(page.get_by_text("This takes longer than usual.")).to_be_visible()
        await page.get_by_text("The code does not come?").click()
        await shot(window, "preparing-slow")
        await living.client.restart(user.identity, told.session_id)
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        living.whatsapp.faults.refuse(503, times=100)
        await living.scan(user, told.session_id, phone)
        await expect(page.get_by_role("heading", name="Connecting…")).to_be_visible()
        await shot(window, "connecting")
        living.whatsapp.faults.clear()
        await expect(page.locator("#whatsapp-success")).to_contain_text(phone.number, timeout=90_000)


async def test_who_may_talk_to_paddy_and_own_numbers(living: Living, chromium: Browser) -> None:
    user, phone, second = await living.user(consented=True), living.phone(), living.phone("Alice’s own")
    session, _ = await living.linked(user, phone)
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        await page.get_by_role("link", name=f"Settings of {phone.number}: who may talk to Paddy").click()
        people = page.get_by_role("textbox", name="People I choose")
        await expect(people).to_be_hidden()
        await page.get_by_role("radio", name="People I choose").check()
        await people.fill("not a number")
        window.expect_complaint("422")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("alert")).to_contain_text("“not a number” is not a phone number")
        await people.fill("+49 1511 2345678\n0049 (1511) 2345679")
        await page.get_by_role("checkbox", name="Answer in groups").check()
        await page.get_by_role("checkbox", name="Send read receipts").uncheck()
        await page.get_by_role("checkbox", name="React with").check()
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("This holds from the next message on.")).to_be_visible()
        await shot(window, "access")
        assert await living.client.access(user.identity, session) == {
            "mode": "people",
            "people": ["+4915112345678", "+4915112345679"],
            "groups": "mentions",
            "readReceipts": False,
            "reactions": True,
        }

        await page.get_by_role("radio", name="People I choose").check()
        await people.fill("half a numb")
        await page.get_by_role("radio", name="Only me").check()
        await expect(people).to_be_hidden()
        await page.route("**/access", slowly)
        async with page.expect_response("**/access") as answer:
            await page.get_by_role("button", name="Save").click()
            await page.get_by_role("radio", name="People I choose").check()  # only once the answer is there
        assert (await answer.value).status == 303
        saved = await living.client.access(user.identity, session)
        assert (saved["mode"], saved["people"]) == ("only_me", ["+4915112345678", "+4915112345679"])
        await expect(people).to_have_value("+4915112345678\n+4915112345679")

        await page.get_by_role("button", name="Prove a number").click()
        code = page.locator(".big-code")
        await expect(code).to_be_visible()
        await shot(window, "proof")
        second.send_text(phone, await code.inner_text())
        await expect(page.get_by_text("The number is yours", exact=True)).to_be_visible()
        await expect(page.get_by_text(second.number)).to_be_visible()
        await shot(window, "proved")
        await page.get_by_role("button", name=f"Remove {second.number}").click()
        await expect(page.get_by_text(second.number)).to_be_hidden()
        assert await living.client.proved(user.identity, session) == []


async def test_messages_that_paddy_could_not_take_are_shown_and_tried_again(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(consented=True), living.phone()
    session, _ = await living.linked(user, phone)
    await living.park(session)
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        await expect(page.get_by_text("1 message could not be handed to Paddy.")).to_be_visible()
        await shot(window, "sessions-parked")
        await page.get_by_role("link", name="who may talk to Paddy").click()
        await expect(page.get_by_text("The app answered with HTTP 422.")).to_be_visible()
        await shot(window, "parked")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("are being handed to Paddy again")).to_be_visible()


async def test_what_ends_a_session_is_told_with_the_cure_and_linked_again(living: Living, chromium: Browser) -> None:
    user = await living.user(consented=True)
    phones = [living.phone() for _ in range(PER_USER)]
    linked = [await living.linked(user, phone) for phone in phones]
    faults = living.whatsapp.faults
    async with living.window(chromium, user) as window:
        page = window.page
        await expect(page.locator("#whatsapp-dot")).to_be_visible()
        await open_whatsapp(page)
        await expect(page.locator(".session")).to_have_count(PER_USER)
        await page.get_by_role("button", name="Connect Another Account").click()
        await expect(page.get_by_text("Maximum sessions reached", exact=True)).to_be_visible()
        await expect(page.get_by_text("contact your administrator to increase the limit")).to_be_visible()
        await shot(window, "limit")

        rows = [page.locator(".session", has_text=phone.number) for phone in phones]
        await expect(rows[0].get_by_text("Connected", exact=True)).to_be_visible()
        began = time.monotonic()
        phones[0].unlink(linked[0][1])
        await rows[0].get_by_text("Logged out", exact=True).wait_for()
        took = time.monotonic() - began
        print(f"a log-out on the phone was shown after {took:.2f} s")
        await expect(page.locator("#whatsapp-announce")).to_contain_text("unlinked on the phone")

        faults.stream_error(409, linked[1][1])
        await expect(rows[1].get_by_text("Replaced", exact=True)).to_be_visible()
        faults.refuse(503, linked[2][1], times=100)
        faults.drop(linked[2][1])
        await expect(rows[2].get_by_text("Reconnecting", exact=True)).to_be_visible()
        for row in rows:
            await row.get_by_text("What can I do?").click()
        await expect(rows[0].get_by_text("Choose Link again and scan the new code.")).to_be_visible()
        await page.locator(".dialog-body").evaluate("(body) => body.scrollTo(0, 0)")
        await shot(window, "ended")
        await shot(window, "reconnecting", rows[2])

        faults.clear()
        await expect(rows[2].get_by_text("Connected", exact=True)).to_be_visible(timeout=90_000)
        faults.refuse(402, linked[2][1], times=100, code="101", expire="3600")
        faults.drop(linked[2][1])
        await expect(rows[2].get_by_text("Banned", exact=True)).to_be_visible()
        await shot(window, "banned", rows[2])
        faults.clear()

        await page.get_by_role("button", name=f"Link {phones[1].number} again").click()  # its credentials are good
        await expect(rows[1].get_by_text("Connected", exact=True)).to_be_visible()
        await page.get_by_role("button", name=f"Link {phones[0].number} again").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await living.scan(user, linked[0][0], phones[0])
        await expect(page.locator("#whatsapp-success")).to_contain_text(phones[0].number)


async def test_disconnecting_asks_first_and_takes_the_device_off_the_phone(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(consented=True), living.phone()
    await living.linked(user, phone)
    await living.client.login(user.identity)
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        await expect(page.get_by_role("heading", name="Pending sessions")).to_be_visible()
        await shot(window, "pending")
        await page.get_by_role("button", name="Delete pending session").click()
        await expect(page.get_by_text("The pending session is gone.")).to_be_visible()
        await expect(page.get_by_role("heading", name="Pending sessions")).to_be_hidden()

        await page.get_by_role("link", name=f"Disconnect {phone.number}").click()
        await expect(page.locator("#whatsapp-view").get_by_text("This can’t be undone.")).to_be_visible()
        await shot(window, "disconnect")
        await page.get_by_role("link", name="Keep").click()
        assert len(phone.linked_devices) == 1
        await page.get_by_role("link", name=f"Disconnect {phone.number}").click()
        await page.get_by_role("button", name="Disconnect", exact=True).click()
        await expect(page.get_by_text("The device is off your phone’s list")).to_be_visible()
        await shot(window, "disconnected")
        assert phone.linked_devices == []
        assert await living.client.sessions(user.identity) == []


async def test_the_keyboard_is_enough_and_never_leaves_the_window(living: Living, chromium: Browser) -> None:
    user = await living.user(consented=True)
    async with living.window(chromium, user) as window:
        page = window.page
        opener = page.get_by_role("button", name="WhatsApp", exact=True)
        await page.evaluate("() => document.fonts.ready")
        await opener.focus()
        tries = []
        for _ in range(3):  # the machine may be busy just then
            tries.append(await page.evaluate(OPENING))
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_be_hidden()
            await expect(opener).to_be_focused()
            await page.wait_for_url("**/chat")
        print(f"the window was open after {min(tries):.0f} ms")
        await opener.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.wait_for_url("**/chat#whatsapp")
        for _ in range(12):
            await page.keyboard.press("Tab")
            inside = "document.activeElement === document.body || !!document.activeElement.closest('#whatsapp')"
            assert await page.evaluate(inside)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(opener).to_be_focused()
        await page.wait_for_url("**/chat")

        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        connect = page.get_by_role("button", name="Connect WhatsApp")
        await expect(connect).to_be_visible()
        while not await connect.evaluate("(button) => button === document.activeElement"):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Scan with your phone")).to_be_focused()
        await page.go_back()
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await page.wait_for_url("**/chat")
        await page.go_forward()
        await expect(page.get_by_role("heading", name="Pending sessions")).to_be_visible()


async def test_without_script_it_is_pages_to_read_and_use(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(), living.phone()
    async with living.window(chromium, user, "/whatsapp", java_script_enabled=False) as window:
        page = window.page
        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        [told] = await living.client.sessions(user.identity)
        await living.scan(user, told.session_id, phone)
        await living.until(user, told.session_id, "connected")
        await page.reload()
        await expect(page.locator("#whatsapp-success")).to_contain_text(phone.number)
        await page.get_by_role("radio", name="Everyone").check()
        await page.get_by_role("button", name="Save").click()
        assert (await living.client.access(user.identity, told.session_id))["mode"] == "everyone"
    async with living.window(chromium, user, "/whatsapp") as window:
        await expect(window.page.get_by_text(phone.number)).to_be_visible()
        await shot(window, "page")


async def test_bob_sees_and_does_nothing_in_alices_sessions(living: Living, chromium: Browser) -> None:
    alice, bob = await living.user(consented=True), await living.user("Bob", consented=True)
    session, _ = await living.linked(alice, living.phone())
    async with living.window(chromium, bob) as window:
        window.expect_complaint("404")
        for path in (
            f"link/{session}",
            f"link/{session}/code",
            f"sessions/{session}",
            f"sessions/{session}/disconnect",
        ):
            answer = await window.page.request.get(f"{living.url}/whatsapp/{path}")
            assert answer.status in (200, 404) and "Connected" not in await answer.text()
        for path in ("disconnect", "delete", "access", "proof", "parked"):
            answer = await window.page.request.post(
                f"{living.url}/whatsapp/sessions/{session}/{path}", form={"mode": "everyone"}
            )
            assert answer.status == 404, path
    assert (await living.client.login_status(alice.identity, session)).connected
    assert (await living.client.access(alice.identity, session))["mode"] == "only_me"


async def test_a_gateway_that_hangs_is_told_with_what_it_said_last(living: Living, chromium: Browser) -> None:
    user, phone = await living.user(consented=True), living.phone()
    await living.linked(user, phone)
    process = living.gateway._process
    assert process is not None
    async with living.window(chromium, user) as window:
        page = window.page
        await open_whatsapp(page)
        await expect(page.locator("#whatsapp-accounts")).to_contain_text("Connected")
        process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        await expect(page.get_by_role("heading", name="The gateway does not answer")).to_be_visible()
        print(f"told after {time.monotonic() - stopped:.1f} s")
        await expect(page.locator("#whatsapp-view")).to_contain_text("hangs")
        await expect(page.get_by_role("heading", name="What it said last, at ")).to_be_visible()
        await expect(page.locator(".session")).to_contain_text(phone.number)
        await expect(page.locator("#whatsapp-dot")).to_be_hidden()
        await shot(window, "silent")
        process.send_signal(signal.SIGCONT)
        await expect(page.locator("#whatsapp-accounts")).to_contain_text("Connected")


async def test_a_gateway_that_is_away_is_told_and_comes_back_by_itself(living: Living, chromium: Browser) -> None:
    user = await living.user(consented=True)
    async with living.window(chromium, user) as window:
        page = window.page
        await expect(page.locator("#composer-error")).to_be_hidden()
        await living.gateway.stop()
        await open_whatsapp(page)
        await expect(page.get_by_role("heading", name="The gateway does not answer")).to_be_visible()
        await shot(window, "unreachable")
        await living.gateway.start()
        await expect(page.get_by_role("heading", name="Talk to Paddy from your phone")).to_be_visible()
