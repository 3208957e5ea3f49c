"""The newcomer's walk through the real thing: one command, one link, a scan, a text, an answer, a task."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from support.browser import Window, open_window

ALICE = "+4915110000001"
PATIENT = 60_000  # milliseconds; a whole installation starts, links and answers on a shared machine


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "exponential", *words]


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[str]:
    """`exponential demo` in a process of its own; its start page's address."""
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(*command("demo"), stdout=asyncio.subprocess.PIPE, stderr=log)
    assert process.stdout
    try:
        async with asyncio.timeout(120):
            async for line in process.stdout:
                if b"/start/" in line:
                    break
            else:
                raise AssertionError((folder / "log").read_text(encoding="utf-8"))
        yield line.decode().strip()
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
        log.close()
    written = (folder / "log").read_text(encoding="utf-8")
    assert "buy milk" not in written and ALICE.lstrip("+") not in written, "message text and numbers never reach logs"


async def test_from_one_link_to_a_task_in_the_workspace(tmp_path: Path, chromium: Browser) -> None:
    async with demo(tmp_path) as link, open_window(chromium) as window:
        page = window.page
        page.context.set_default_timeout(PATIENT)
        expect.set_options(timeout=PATIENT)
        await page.goto(link)
        await expect(page.get_by_text("Loopback mode")).to_be_visible()
        await window.shots("demo-start")
        async with page.expect_popup() as opened:
            await page.get_by_role("link", name="Open Exponential").click()
        app = Window(await opened.value)
        sign_in = app.page.get_by_role("button", name="Sign in", exact=True)
        await expect(sign_in).to_be_visible()  # a new page is empty at first
        await app.shots("walk-sign-in")
        await sign_in.click()
        async with page.expect_popup() as opened:
            await page.get_by_role("link", name="Open the phone").click()
        phone = Window(await opened.value)

        await show_code(app.page)
        await app.shots("walk-qr")
        await scan(phone.page)
        await phone.shots("walk-phone-linked")
        await expect(app.page.locator("#whatsapp-success")).to_contain_text(ALICE)
        await app.shots("walk-connected")
        await app.page.keyboard.press("Escape")

        alice = phone.page.get_by_role("region", name="Alice’s phone")
        await alice.get_by_role("button", name="Back").click()
        await alice.get_by_role("button", name="Message yourself").click()
        await alice.get_by_role("textbox", name="Message").fill("Add a task: buy milk tomorrow")
        await alice.get_by_role("button", name="Send").click()
        await expect(alice.locator(".theirs")).to_contain_text("Added buy milk", use_inner_text=True)
        await phone.shots("walk-phone-answer")
        await expect(app.page.locator(".message.assistant")).to_contain_text("Added buy milk")
        await app.shots("walk-chat")
        await app.page.get_by_role("link", name="Tasks").first.click()
        await expect(app.page.locator(".task")).to_contain_text("buy milk")
        await expect(app.page.get_by_text("Loopback mode")).to_be_visible()
        await app.shots("walk-tasks")
        assert not app.complaints + phone.complaints


async def show_code(app: Page) -> None:
    """Open the modal from the chat page's header, accept the warning, and wait for the code."""
    await app.get_by_role("button", name="WhatsApp", exact=True).click()
    await expect(app.get_by_text("Security & Privacy Warning").first).to_be_visible()
    await app.get_by_role("button", name="Connect WhatsApp").click()
    await expect(app.get_by_role("img", name="QR code")).to_be_visible()


async def scan(page: Page) -> None:
    """Linked devices → Link a device → scan what is on the screen."""
    phone = page.get_by_role("region", name="Alice’s phone")
    await phone.get_by_role("button", name="Linked devices").click()
    await phone.get_by_role("button", name="Link a device").click()
    await phone.get_by_role("button", name="Scan the code on the screen").click()
    await expect(phone.get_by_role("list", name="Linked devices")).to_contain_text("Exponential")


async def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from exponential.cli import main; print([m for m in sys.modules if m in HEAVY])".replace(
        "HEAVY", "('fastapi', 'sqlalchemy', 'neonize', 'pydantic_ai', 'procrastinate')"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.strip() == b"[]"


async def test_an_unreachable_database_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:9/none",
        "GATEWAY_DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:9/none",
        "EXPONENTIAL_DATA": str(tmp_path),
    }
    for verb in ("app", "gateway", "up"):
        process = await asyncio.create_subprocess_exec(
            *command(verb), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 2, verb
        assert b"can't be used" in err and b"Traceback" not in err and b"hunter2" not in out + err
