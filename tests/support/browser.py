"""A real browser for tests: Chromium driven by Playwright. A console error or CSP violation fails the test."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

SCREENSHOTS = Path(__file__).parents[2] / "test-results" / "screenshots"
PATIENT = 30_000  # milliseconds; the machine may be busy
SIZES = {1280: 800, 390: 844}  # width: height, a desktop and a phone


class Window:
    """One page in a profile of its own. `complaints` is what the console said that no test expected."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._expected: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def expect_complaint(self, part: str) -> None:
        """Console errors with `part` in their words or address are meant to happen (the browser reports each 4xx)."""
        self._expected.append(part)

    async def sign_in(self, link: str) -> None:
        """By a one-time link's whole address, up to the chat."""
        await self.page.goto(link)
        await self.page.get_by_role("button", name="Sign in", exact=True).click()
        await self.page.wait_for_url("**/chat")

    async def shots(self, name: str, of: Locator | None = None) -> None:
        """Screenshots `name`-{light,dark}-{1280,390}.png, with `of` in view; the page is as before afterwards."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        before = self.page.viewport_size
        for width, height in SIZES.items():
            await self.page.set_viewport_size({"width": width, "height": height})
            if of is not None:
                await of.scroll_into_view_if_needed()
            overflow = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{name} is {overflow} px wider than a screen of {width} px"
            for scheme in ("light", "dark"):
                await self.page.emulate_media(color_scheme=scheme)
                await self.page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", animations="disabled")
        await self.page.emulate_media(color_scheme="null")
        if before is not None:
            await self.page.set_viewport_size(before)

    def _on_console(self, message: ConsoleMessage) -> None:
        told = f"{message.type}: {message.text} ({message.location.get('url', '')})"
        if message.type in ("error", "warning") and not any(part in told for part in self._expected):
            self.complaints.append(told)


def chromium_path(*, extensions: bool = False) -> str:
    """Path of the installed browser: without a window of its own, where there is one, unless it shall run `extensions`.
    Fails, never skips: the pages are part of the product."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    if not extensions:
        names.insert(0, "chromium-headless-shell")
    path = next(filter(None, map(shutil.which, names)), None)
    assert path, "The browser tests need Chromium. Install it with `apt-get install chromium` and run them again."
    return path


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """One browser, for several windows; what it should show may take its time."""
    expect.set_options(timeout=PATIENT)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield browser
        await browser.close()


@asynccontextmanager
async def open_window(browser: Browser, **context: object) -> AsyncIterator[Window]:
    """One page in a profile of its own, 1280 px wide; its console must stay silent. `context`: as for `new_context`."""
    made = await browser.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="Europe/Berlin", locale="en-GB", **context
    )
    made.set_default_timeout(PATIENT)
    window = Window(await made.new_page())
    try:
        yield window
    finally:
        await made.close()
    assert not window.complaints, "\n".join(window.complaints)
