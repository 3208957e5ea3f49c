from playwright.async_api import Browser, Page, expect
from support.app.running_app import House
from support.browser import open_window

from exponential.app.core.rendering import THEME_COOKIE


async def test_the_choice_is_kept_and_leads_back_to_the_page_it_was_made_on(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        assert 'data-theme="system"' in (await client.get("/tasks")).text
        answer = await client.post("/theme", data={"theme": "dark"}, headers={"Referer": "http://app.test/tasks?a=b"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/tasks?a=b")
        assert 'data-theme="dark"' in (await client.get("/tasks")).text


async def test_nothing_else_is_accepted_and_nobody_is_led_elsewhere(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        assert (await client.post("/theme", data={"theme": "pink"})).status_code == 422
        for address in ("https://elsewhere.example/x", "http://app.test//elsewhere.example", "http://app.test"):
            answer = await client.post("/theme", data={"theme": "light"}, headers={"Referer": address})
            assert answer.headers["location"] in ("/", "/elsewhere.example")
        client.cookies.set(THEME_COOKIE, '"><script>')
        assert "<script>" not in (await client.get("/tasks")).text


async def test_colours_change_at_once_and_stay(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.served() as url, open_window(chromium) as window:
        page = window.page
        await window.sign_in(url + await house.link(alice))
        await page.get_by_role("button", name="Account: Alice").click()
        await window.shots("account-menu")
        assert await _paper(page) == "rgb(251, 250, 247)"
        await page.get_by_role("button", name="Dark").click()
        await expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
        assert await _paper(page) == "rgb(22, 21, 19)"
        await page.goto(f"{url}/tasks")
        assert await _paper(page) == "rgb(22, 21, 19)"


async def _paper(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
