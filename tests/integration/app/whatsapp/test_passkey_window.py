"""Linking an account with a passkey, whole: a real browser with a passkey, web.whatsapp.com on loopback, up to Paddy's
answer on the phone. With the browser extension, and with the line for the console.
"""

import asyncio
import base64
import hashlib
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import BrowserContext, Page, async_playwright, expect
from support.app.whole_product import Living, open_whatsapp, running
from support.axe import violations
from support.browser import PATIENT, SCREENSHOTS, Window, chromium_path
from support.waiting import until

from exponential.app.whatsapp import passkeys
from exponential.auth.users import User
from exponential.core.postgres.embedded import EmbeddedPostgres
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.linking.webauthn import Passkey
from exponential.loopback.server.server import Loopback


@pytest.fixture(scope="module")
async def living(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Living]:
    async with running(postgres, tmp_path_factory.mktemp("data")) as made:
        yield made


def trusted_key(whatsapp: Loopback) -> str:
    """The loopback server's own key, as Chromium is told to trust it: the base64 of its hash."""
    leaf = x509.load_pem_x509_certificate((whatsapp.ca_path.parent / "server.pem").read_bytes())
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@asynccontextmanager
async def chromium_with_extension(living: Living, profile: Path) -> AsyncIterator[BrowserContext]:
    """A browser with our extension, whose web.whatsapp.com is the loopback server."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium_path(extensions=True),
            proxy={"server": living.whatsapp.proxy_url, "bypass": "127.0.0.1"},
            ignore_default_args=["--disable-extensions"],
            args=[
                "--no-sandbox",
                "--enable-unsafe-extension-debugging",
                f"--load-extension={passkeys.EXTENSION}",
                f"--ignore-certificate-errors-spki-list={trusted_key(living.whatsapp)}",
            ],
            viewport={"width": 1280, "height": 800},
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        context.set_default_timeout(PATIENT)
        yield context
        await context.close()


async def give_passkey(page: Page, key: Passkey) -> None:
    """Put this passkey into the browser, as far as this page is concerned."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    kind = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": kind})
    credential = {
        "credentialId": base64.b64encode(key.id).decode(),
        "isResidentCredential": True,
        "rpId": "whatsapp.com",
        "privateKey": base64.b64encode(key.private).decode(),
        "userHandle": base64.b64encode(key.user).decode(),
        "signCount": 0,
    }
    await session.send("WebAuthn.addCredential", {"authenticatorId": made["authenticatorId"], "credential": credential})


async def click_extension(page: Page) -> Page:
    """Click the extension's button on this page; the page that it opens."""
    assert page.context.browser is not None
    [worker] = page.context.service_workers or [await page.context.wait_for_event("serviceworker")]
    browser = await page.context.browser.new_browser_cdp_session()
    tabs = await browser.send("Target.getTargets", {"filter": [{"type": "tab"}]})
    [target] = [tab["targetId"] for tab in tabs["targetInfos"] if tab["url"] == page.url]
    async with page.context.expect_page() as opened:
        await browser.send("Extensions.triggerAction", {"id": worker.url.split("/")[2], "targetId": target})
    whatsapp_web = await opened.value
    await expect(whatsapp_web.get_by_role("dialog")).to_be_visible()
    return whatsapp_web


async def said_in_console(page: Page, line: str) -> str:
    """What a line in the page's console puts on the clipboard: that is the developer tools' doing, which we are."""
    console = await page.context.new_cdp_session(page)
    copied: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    console.on("Runtime.inspectRequested", lambda told: copied.set_result(told["object"]["value"]))
    await console.send("Runtime.enable")
    await console.send("Runtime.evaluate", {"expression": line, "includeCommandLineAPI": True})
    return await asyncio.wait_for(copied, PATIENT / 1000)


async def scanned(living: Living, page: Page, user: User, phone: Phone) -> "asyncio.Task[Any]":
    """From the window to the question for the passkey: the account is scanned twice, for the library can't go on."""
    await page.get_by_role("button", name="Connect WhatsApp").click()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    told = (await living.client.sessions(user.identity))[-1]
    with pytest.raises(LinkError):
        await living.scan(user, told.session_id, phone)
    await expect(page.get_by_text("This account uses a passkey")).to_be_visible()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    scanning = asyncio.create_task(living.scan(user, told.session_id, phone))
    await expect(page.get_by_role("heading", name="Confirm with your passkey")).to_be_visible()
    return scanning


async def talks(phone: Phone, task: str) -> None:
    phone.send_text("me", f"Add a task: {task}")
    await phone.wait_for(task, timeout=30)


async def test_with_the_extension_then_restart_unlink_and_again_with_the_console(
    living: Living, tmp_path: Path
) -> None:
    user, phone = await living.user(consented=True), living.phone()
    phone.account.passkey, phone.account.key = True, Passkey.make()
    async with chromium_with_extension(living, tmp_path) as context:
        window = Window(await context.new_page())
        page = window.page
        await window.sign_in(await living.link_of(user))
        await open_whatsapp(page)
        scanning = await scanned(living, page, user, phone)
        await expect(page.locator("[data-seconds]")).to_have_text(re.compile(r"9:\d\d"))
        await window.shots("whatsapp-passkey")
        assert not await violations(page)
        await page.get_by_text("With the browser extension").click()
        async with page.expect_response("**/whatsapp/link/*"):
            pass  # a look at what has changed folds nothing
        await expect(page.get_by_text("Download the extension")).to_be_visible()
        await window.shots("whatsapp-passkey-extension")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download the extension").click()
        assert (await download.value).suggested_filename == "exponential-passkey.zip"

        whatsapp_web = await click_extension(page)
        await expect(whatsapp_web.get_by_role("dialog")).to_contain_text(living.url)
        await give_passkey(whatsapp_web, phone.account.key)
        await whatsapp_web.screenshot(path=SCREENSHOTS / "whatsapp-passkey-ask.png")
        await whatsapp_web.get_by_role("button", name="Use passkey").click()
        await scanning
        await expect(page.locator("#whatsapp-success")).to_contain_text(phone.number)
        assert whatsapp_web.is_closed()
        await talks(phone, "buy milk")

        [told] = await living.client.sessions(user.identity)
        window.expect_complaint("503")  # while the gateway is away
        assert living.gateway._process is not None
        living.gateway._process.send_signal(signal.SIGKILL)
        await talks(phone, "buy bread")  # without a scan
        await living.until(user, told.session_id, "connected")

        await page.get_by_role("link", name="Disconnect").click()
        await page.get_by_role("button", name="Disconnect").click()
        await until(lambda: phone.linked_devices == [])

        scanning = await scanned(living, page, user, phone)
        routes = (
            f"{living.url}/api/whatsapp/login/{(await living.client.sessions(user.identity))[-1].session_id}/passkey"
        )
        asked = await (await page.request.get(routes)).json()
        assert asked["step"] == "sign" and asked["options"]["rpId"] == "whatsapp.com"
        half = await page.request.post(routes, data={"credential": {}}, headers={"Origin": living.url})
        assert (half.status, (await half.json())["code"]) == (422, "passkey_invalid")
        whatsapp_web = await context.new_page()
        await whatsapp_web.goto("https://web.whatsapp.com/")
        await give_passkey(whatsapp_web, phone.account.key)
        answer = await said_in_console(whatsapp_web, await page.get_by_label("Line to copy").input_value())
        await page.bring_to_front()
        await page.get_by_label("The answer is on your clipboard").fill(answer)
        await page.get_by_role("button", name="Confirm", exact=True).click()
        await scanning
        await expect(page.locator("#whatsapp-success")).to_contain_text(phone.number)
        await talks(phone, "buy butter")
    assert not window.complaints, "\n".join(window.complaints)
