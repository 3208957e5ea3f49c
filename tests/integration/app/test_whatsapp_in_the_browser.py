"""Every state of the WhatsApp Connection modal, in a real browser, against a gateway stand-in."""

from conftest import GatewayStandIn, House, MakeHouse
from playwright.async_api import Page, expect

ALICES_PHONE = "+4915110000001"


async def open_modal(page: Page) -> None:
    await page.get_by_role("button", name="WhatsApp", exact=True).click()
    await expect(page.get_by_role("heading", name="WhatsApp Connection")).to_be_visible()


async def test_without_a_gateway_the_modal_says_what_to_set(house: House) -> None:
    async with house.window(await house.user()) as (window, _):
        await open_modal(window.page)
        await expect(window.page.get_by_role("heading", name="Gateway Not Configured")).to_be_visible()
        await expect(window.page.get_by_text("WHATSAPP_GATEWAY_URL")).to_be_visible()
        await expect(window.page.get_by_text("Contact your administrator")).to_be_visible()
        await window.shots("whatsapp-not-configured")


async def test_a_gateway_that_is_down_is_told_apart(make_house: MakeHouse) -> None:
    async with make_house(gateway_url="http://127.0.0.1:9") as house, house.window(await house.user()) as (window, _):
        await open_modal(window.page)
        await expect(window.page.get_by_role("heading", name="The gateway does not answer")).to_be_visible()
        await window.shots("whatsapp-unreachable")


async def test_the_first_account_is_linked_after_the_warning(linked_house: House, gateway: GatewayStandIn) -> None:
    gateway.qr_ready = False
    async with linked_house.window(await linked_house.user()) as (window, _):
        page = window.page
        await open_modal(page)
        await expect(page.get_by_text("Security & Privacy Warning").first).to_be_visible()
        for risk in ("may suspend or ban your account", "impersonate your account", "use a separate WhatsApp account"):
            await expect(page.get_by_role("region", name="Security and privacy warning")).to_contain_text(risk)
        await window.shots("whatsapp-warning")

        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_text("Preparing code…")).to_be_visible()
        await window.shots("whatsapp-preparing")

        gateway.qr_ready = True
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await expect(page.locator("#seconds")).to_have_text("13")
        await window.shots("whatsapp-qr")
        before = gateway.codes
        await page.get_by_role("button", name="Refresh code").click()
        await expect(page.locator("#seconds")).to_have_text("15")
        assert gateway.codes == before + 1

        [session_id] = gateway.sessions
        gateway.set(session_id, "connected", ALICES_PHONE)
        await expect(page.get_by_text("WhatsApp is connected", exact=True)).to_be_visible()
        await expect(page.locator("#whatsapp-success")).to_contain_text(ALICES_PHONE)
        row = page.locator(".session", has_text=ALICES_PHONE)
        await expect(row.get_by_text("Connected", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="Connect Another Account")).to_be_visible()
        await window.shots("whatsapp-connected")

        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(page.get_by_role("button", name="WhatsApp", exact=True)).to_be_focused()


async def test_the_code_is_fetched_anew_every_15_seconds(linked_house: House, gateway: GatewayStandIn) -> None:
    async with linked_house.window(await linked_house.user()) as (window, url):
        page = window.page
        await page.clock.install()
        await page.goto(f"{url}/chat")
        await open_modal(page)
        await page.clock.run_for(100)
        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_text("Preparing code…")).to_be_visible()
        await page.clock.run_for(100)
        await expect(page.get_by_text("New code in 15 s")).to_be_visible()
        assert gateway.codes == 1
        for second in range(14, 0, -1):
            await page.clock.run_for(1000)
            await expect(page.locator("#seconds")).to_have_text(str(second))
        await page.clock.run_for(1000)
        await expect(page.locator("#seconds")).to_have_text("15")
        assert gateway.codes == 2


async def test_an_expired_code_gives_way_to_a_new_one(linked_house: House, gateway: GatewayStandIn) -> None:
    async with linked_house.window(await linked_house.user()) as (window, _):
        page = window.page
        await open_modal(page)
        await page.get_by_role("button", name="Connect WhatsApp").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        [session_id] = gateway.sessions
        gateway.set(session_id, "expired", reason="Nobody scanned the code.")
        await expect(page.get_by_text("The code has expired.")).to_be_visible()
        await window.shots("whatsapp-expired")
        await page.get_by_role("button", name="Get a new code").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        assert gateway.restarts == 1

        gateway.set(session_id, "error", reason="WhatsApp asks for a passkey on this account.")
        await expect(page.get_by_text("WhatsApp asks for a passkey on this account.")).to_be_visible()
        await window.shots("whatsapp-failed")


async def test_sessions_of_all_kinds_are_listed_and_removed(linked_house: House, gateway: GatewayStandIn) -> None:
    alice = await linked_house.user()
    me = str(alice.id)
    gateway.add(me, "connected", ALICES_PHONE)
    gateway.add(me, "reconnecting", "+4915110000002", "The connection dropped; trying again in 8 seconds.")
    gateway.add(me, "disconnected", "+4915110000003", "You unlinked this device on the phone.")
    gateway.add(me, "error", "+4915110000004", "WhatsApp banned this account.")
    gateway.add(me, "pending")
    gateway.add("somebody else", "connected", "+4915119999999")
    async with linked_house.window(alice) as (window, _):
        page = window.page
        await expect(page.locator("#whatsapp-dot")).to_be_visible()
        await open_modal(page)
        await expect(page.get_by_role("heading", name="Pending sessions")).to_be_visible()
        for word in ("Connected", "Reconnecting", "Disconnected", "Problem"):
            await expect(page.locator("#whatsapp-accounts").get_by_text(word, exact=True)).to_be_visible()
        await expect(page.get_by_text("You unlinked this device on the phone.")).to_be_visible()
        await expect(page.get_by_text("+4915119999999")).to_have_count(0)
        await window.shots("whatsapp-sessions")

        await page.get_by_role("button", name="Delete pending session").click()
        await expect(page.get_by_role("heading", name="Pending sessions")).to_be_hidden()

        await page.get_by_role("button", name=f"Disconnect {ALICES_PHONE}").click()
        await expect(page.get_by_text(f"Disconnect {ALICES_PHONE}?")).to_be_visible()
        await window.shots("whatsapp-confirm")
        await page.get_by_role("button", name="Keep").click()
        await expect(page.get_by_text(f"Disconnect {ALICES_PHONE}?")).to_be_hidden()
        await page.get_by_role("button", name=f"Disconnect {ALICES_PHONE}").click()
        await page.get_by_role("button", name="Disconnect", exact=True).click()
        await expect(page.locator("#whatsapp-accounts")).not_to_contain_text(ALICES_PHONE)
        await expect(page.locator("#whatsapp-announce")).to_have_text(f"{ALICES_PHONE} was disconnected.")
        await expect(page.locator("#whatsapp-dot")).to_be_hidden()
        assert len(gateway.sessions) == 4


async def test_a_pending_session_can_be_taken_up_again(linked_house: House, gateway: GatewayStandIn) -> None:
    alice = await linked_house.user()
    gateway.add(str(alice.id), "pending")
    async with linked_house.window(alice) as (window, _):
        page = window.page
        await open_modal(page)
        await page.get_by_role("button", name="Show code").click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await page.get_by_role("button", name="Back").click()
        await expect(page.get_by_role("heading", name="Pending sessions")).to_be_visible()


async def test_linking_again_needs_no_code_where_credentials_are_left(
    linked_house: House, gateway: GatewayStandIn
) -> None:
    alice = await linked_house.user()
    gateway.add(str(alice.id), "error", ALICES_PHONE, "This session was replaced by another client.")
    gateway.after_restart = "reconnecting"
    async with linked_house.window(alice) as (window, _):
        await open_modal(window.page)
        await window.page.get_by_role("button", name="Link again").click()
        await expect(window.page.get_by_text("Reconnecting", exact=True)).to_be_visible()


async def test_a_code_that_does_not_come_is_explained(linked_house: House, gateway: GatewayStandIn) -> None:
    alice = await linked_house.user()
    gateway.add(str(alice.id), "pending", reason="WhatsApp can't be reached from the gateway.")
    gateway.qr_ready = False
    async with linked_house.window(alice) as (window, url):
        page = window.page
        await page.clock.install()
        await page.goto(f"{url}/chat")
        await open_modal(page)
        await page.clock.run_for(100)
        await page.get_by_role("button", name="Show code").click()
        await expect(page.get_by_text("Preparing code…")).to_be_visible()
        await expect(page.get_by_text("This takes longer than usual.")).to_be_hidden()
        await page.clock.fast_forward(30_000)
        await expect(page.get_by_text("WhatsApp can't be reached from the gateway.")).to_be_visible()
        await expect(page.get_by_text("This takes longer than usual.")).to_be_visible()
        await window.shots("whatsapp-slow")


async def test_the_session_limit_is_told_in_the_specifications_words(
    linked_house: House, gateway: GatewayStandIn
) -> None:
    alice = await linked_house.user()
    gateway.add(str(alice.id), "connected", ALICES_PHONE)
    gateway.limit = 1
    async with linked_house.window(alice) as (window, _):
        window.expect_complaint("409 (Conflict)")
        page = window.page
        await open_modal(page)
        await page.get_by_role("button", name="Connect Another Account").click()
        await expect(page.get_by_text("Maximum sessions reached")).to_be_visible()
        await expect(page.get_by_text("contact your administrator to increase the limit")).to_be_visible()
        await window.shots("whatsapp-limit")


async def test_loopback_mode_shows_on_every_page_and_stays(linked_house: House, gateway: GatewayStandIn) -> None:
    gateway.mode = "loopback"
    banner = "Loopback mode: a simulated WhatsApp on this machine. Nothing here reaches the real one."
    async with linked_house.window(await linked_house.user()) as (window, url):
        window.expect_complaint("404 (Not Found)")
        for path in ("/chat", "/tasks", "/no-such-page"):
            await window.page.goto(url + path)
            await expect(window.page.get_by_text(banner)).to_be_visible()
        await window.page.goto(f"{url}/chat")
        await window.shots("loopback-banner")
