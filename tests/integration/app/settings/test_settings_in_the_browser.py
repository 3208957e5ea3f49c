"""Settings, sign-in and invites as people see them: in light and dark, wide and narrow, and accessible.

Leaves screenshots in test-results/screenshots.
"""

from datetime import timedelta
from decimal import Decimal

from playwright.async_api import Browser, expect
from support.app.accounts import GOOD, an_admin, make_invite, with_password
from support.app.running_app import GatewayStandIn, House, MakeHouse
from support.axe import violations
from support.browser import Window, open_window
from support.oidc_provider import running
from support.oidc_provider import settings as oidc

from exponential.assistant.llm.usage import ModelUsage
from exponential.auth import consents, invites
from exponential.core import clock
from exponential.workspace import facts, history, reminders, tasks

HOSTILE = "<b>Bobby</b> “Tables” with a name of a hundred characters, which is more than most people need to"


async def shot(window: Window, name: str) -> None:
    await window.shots(name)
    found = await violations(window.page)
    assert not found, f"{name}: " + "\n".join(found)


async def test_every_page_of_settings(make_house: MakeHouse, gateway: GatewayStandIn, chromium: Browser) -> None:
    async with make_house(gateway_url=gateway.url, model="http://127.0.0.1:9/v1#gpt-5") as house:
        root = await an_admin(house)
        other = await house.user("somebody.with.a.very.long.address.indeed@department.example.org", HOSTILE[:100])
        gateway.add(str(root.id), "connected", "+4915110000001")
        gateway.add(str(root.id), "error", "+4915110000002", "WhatsApp has banned this account for now.")
        async with house.database.transaction() as session:
            await consents.record(session, root.id, consents.WHATSAPP, consents.WHATSAPP_VERSION)
            await invites.make(session, root, email="dana@example.org")
            await history.begin(session, root.id, "create_task", "whatsapp", {"title": "water the plants"})
            await tasks.create_task(session, root.id, "water the plants", None)
            await facts.remember(session, root.id, "The door code changes on Mondays")
            await reminders.remind(session, root.id, "call Ada", clock.now() + timedelta(days=1), "weekly")
            for days in range(4):
                session.add(
                    ModelUsage(
                        user_id=root.id,
                        model="gpt-5",
                        input_tokens=12_000 * (days + 1),
                        output_tokens=900,
                        cost=Decimal("0.12"),
                        created_at=clock.now() - timedelta(days=days),
                    )
                )
        async with house.window(chromium, root) as (window, url):
            page = window.page
            for path, seen in (
                ("", "Time zone"),
                ("/security", "Signed-in browsers"),
                ("/whatsapp", "+4915110000001"),
                ("/paddy", "The door code"),
                ("/activity", "water the plants"),
                ("/programs", "New token"),
                ("/data", "Erase everything"),
                ("/people", "dana@example.org"),
                (f"/people/{other.id}/remove", "To confirm"),
            ):
                await page.goto(f"{url}/settings{path}")
                await expect(page.get_by_text(seen).first).to_be_visible()
                name = "remove" if "remove" in path else path.strip("/") or "account"
                await shot(window, f"settings-{name}")

            await page.goto(f"{url}/settings/people")
            await page.get_by_label("E-mail address").fill("erin@example.org")
            await page.get_by_role("button", name="Make an invite link").click()
            await expect(page.get_by_text("The invite is ready")).to_be_visible()
            await shot(window, "settings-invited")

            await page.goto(f"{url}/settings/security")
            window.expect_complaint("422")
            await page.get_by_label("New password", exact=True).fill("aaaaaaaaaaaa")
            await page.get_by_label("New password again").fill("aaaaaaaaaaaa")
            await page.get_by_role("button", name="Set password").click()
            await expect(page.get_by_role("alert")).to_contain_text("too easy to guess")
            await shot(window, "settings-password-weak")
            await page.get_by_label("New password", exact=True).fill(GOOD)
            await page.get_by_label("New password again").fill(GOOD)
            await page.get_by_role("button", name="Set password").click()
            await expect(page.get_by_text("The password is set.")).to_be_visible()
            await shot(window, "settings-saved")

            await page.goto(f"{url}/settings/activity")
            await page.get_by_role("button", name="Undo").click()
            await expect(page.get_by_text("Undone", exact=True)).to_be_visible()
            async with page.expect_download() as download:
                await page.goto(f"{url}/settings/data")
                await page.get_by_role("link", name="Download as a zip file").click()
            assert (await download.value).suggested_filename.startswith("exponential-")


async def test_connecting_a_provider_to_an_account(make_house: MakeHouse, chromium: Browser) -> None:
    async with running(email="alice@example.org") as provider, make_house(**oidc(provider.url)) as house:
        async with house.served() as url, open_window(chromium) as window:
            page = window.page
            await with_password(house)
            window.expect_complaint("409")
            await page.goto(f"{url}/sign-in")
            await page.get_by_role("link", name="Sign in with 127.0.0.1").click()
            await expect(page.get_by_role("heading", name="Is this your account?")).to_be_visible()
            await shot(window, "connect")
            await page.get_by_label("Password of the account here").fill(GOOD)
            await page.keyboard.press("Enter")
            await expect(page).to_have_url(f"{url}/chat")


async def test_signing_in_being_invited_and_being_refused(make_house: MakeHouse, chromium: Browser) -> None:
    async with make_house() as house, house.served() as url, open_window(chromium) as window:
        page = window.page
        await with_password(house)
        window.expect_complaint("401")
        await page.goto(f"{url}/tasks")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await shot(window, "sign-in")
        await page.get_by_label("E-mail address").fill("alice@example.org")
        await page.get_by_label("Password").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is not right.")
        await expect(page.get_by_label("Password")).to_be_focused()
        await shot(window, "sign-in-refused")
        await page.get_by_label("Password").fill(GOOD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
        assert page.url == f"{url}/tasks"

        await page.goto(url + await make_invite(house, email="bob@example.org"))
        await shot(window, "invite")
        await page.get_by_label("Your name").fill("Bob")
        await page.get_by_label("Password").fill(GOOD)
        await page.get_by_role("button", name="Make my account").click()
        await expect(page.get_by_role("button", name="Account: Bob")).to_be_visible()
        window.expect_complaint("404")
        await page.goto(f"{url}/invite/used-up")
        await shot(window, "invite-invalid")
        await page.goto(f"{url}/settings/data")
        await page.get_by_label("To confirm, type your e-mail address").fill("bob@example.org")
        await page.get_by_role("button", name="Erase everything").click()
        await expect(page.get_by_role("heading", name="Everything is erased")).to_be_visible()
        await shot(window, "erased")


async def test_without_a_gateway_the_window_says_what_to_set(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, _):
        await window.page.get_by_role("button", name="WhatsApp", exact=True).click()
        await expect(window.page.get_by_role("heading", name="Gateway Not Configured")).to_be_visible()
        await expect(window.page.get_by_text("Contact your administrator")).to_be_visible()
        await shot(window, "whatsapp-not-configured")


async def test_nothing_moves_for_those_who_asked_for_that_and_nothing_jumps(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.served() as url:
        context = await chromium.new_context(reduced_motion="reduce")
        page = await context.new_page()
        await Window(page).sign_in(url + await house.link(alice))
        for path in ("/chat", "/tasks", "/settings", "/settings/security", "/whatsapp"):
            await page.goto(url + path)
            moving = "[...document.querySelectorAll('*')].filter((each) => each.getAnimations().length).length"
            assert await page.evaluate(moving) == 0, path
            shift = await page.evaluate(
                """() => new Promise((done) => {
                  new PerformanceObserver((list) => {}).observe({ type: "layout-shift", buffered: true });
                  requestAnimationFrame(() => requestAnimationFrame(() => {
                    const observer = new PerformanceObserver(() => {});
                    observer.observe({ type: "layout-shift", buffered: true });
                    done(observer.takeRecords().reduce((sum, entry) => sum + entry.value, 0));
                  }));
                })"""
            )
            assert shift < 0.01, f"{path} moves by {shift}"
        await context.close()
