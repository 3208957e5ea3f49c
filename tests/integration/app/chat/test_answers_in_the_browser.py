"""Paddy thinks with a language model here, which plays its script as slowly as the test wants."""

import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Page, expect
from pydantic_ai.models import override_allow_model_requests
from support.app.running_app import House, MakeHouse
from support.assistant.model_server import ModelServer, Say, call, serving_a_model

from exponential.workspace import tasks

ANSWER = ".message.assistant:not(.thinking)"
SLOW = 20_000  # ms


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serving_a_model() as server, override_allow_model_requests(True):
        yield server


@pytest.fixture
async def thinking_house(make_house: MakeHouse, model: ModelServer) -> AsyncIterator[House]:
    async with make_house(model=model.model, model_timeout=20) as made:
        yield made


async def say(page: Page, words: str) -> None:
    await page.get_by_role("textbox", name="Message to Paddy").fill(words)
    await page.keyboard.press("Enter")


async def test_an_answer_grows_with_what_is_done_for_it_and_is_undone(
    thinking_house: House, model: ModelServer, chromium: Browser
) -> None:
    gate = threading.Event()
    text = "I added it.\n\n- **Milk**, for tomorrow\n- and <img src=x onerror=alert(1)> nothing else"
    model.script = [call("create_task", title="buy <b>milk</b>"), Say(text, pieces=6, gate=gate)]
    alice = await thinking_house.user()
    async with thinking_house.window(chromium, alice) as (window, _):
        page = window.page
        await say(page, "milk, please")
        await expect(page.locator("#steps")).to_contain_text("Adding a task", timeout=SLOW)
        await expect(page.locator("#preview")).to_contain_text("I added it.", timeout=SLOW)
        await expect(page.locator("#preview strong")).to_have_text("Milk")
        await expect(page.locator("#steps .icon")).to_have_count(1)  # no longer a spinner
        await expect(page.locator("#messages img")).to_have_count(0)
        await window.shots("chat-answering")
        gate.set()
        await expect(page.locator(ANSWER)).to_contain_text("nothing else", timeout=SLOW)
        await expect(page.locator("#thinking")).to_have_count(0)

        deed = page.locator(".deed")
        await expect(deed.get_by_role("link", name="buy <b>milk</b>")).to_be_visible()
        await window.shots("chat-deed")
        await deed.get_by_role("button", name="Undo").click()
        await expect(deed).to_contain_text("undone")
        await expect(page.get_by_role("status").get_by_text("Undone")).to_be_visible()
    async with thinking_house.database.transaction() as session:
        assert await tasks.list_tasks(session, alice.id) == []


async def test_an_answer_is_stopped_and_asked_for_again(
    thinking_house: House, model: ModelServer, chromium: Browser
) -> None:
    never = threading.Event()
    model.script = [Say("A long story that goes on and on", gate=never), Say("A short one.")]
    async with thinking_house.window(chromium, await thinking_house.user()) as (window, _):
        page = window.page
        await say(page, "tell me a story")
        await expect(page.locator("#preview")).to_contain_text("A long", timeout=SLOW)
        await page.get_by_role("button", name="Stop").click()
        await expect(page.locator(ANSWER)).to_contain_text("(stopped)", timeout=SLOW)
        await expect(page.get_by_role("button", name="Send")).to_be_disabled()
        never.set()

        await page.get_by_role("button", name="Answer again").click()
        await expect(page.locator(ANSWER)).to_have_count(2, timeout=SLOW)
        await expect(page.locator(ANSWER).last).to_contain_text("A short one.")
        await expect(page.get_by_role("button", name="Answer again")).to_have_count(1)


async def test_an_answer_is_copied_as_it_was_written(
    thinking_house: House, model: ModelServer, chromium: Browser
) -> None:
    model.script = [Say("1. **first**\n2. second")]
    async with thinking_house.window(chromium, await thinking_house.user()) as (window, url):
        page = window.page
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        await say(page, "count")
        await expect(page.locator(ANSWER)).to_contain_text("second", timeout=SLOW)
        await page.locator(ANSWER).get_by_role("button", name="Copy message").click()
        await expect(page.get_by_text("Copied.")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == "1. **first**\n2. second"
