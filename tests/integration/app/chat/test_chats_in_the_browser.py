import asyncio
import re

from playwright.async_api import Browser, Page, expect
from support.app.running_app import House
from support.browser import open_window

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.auth.users import User

ANSWER = ".message.assistant:not(.thinking)"
HOSTILE = "Ben \u202e</bdi><script>alert(1)</script>"


async def say(page: Page, words: str) -> None:
    await page.get_by_role("textbox", name="Message to Paddy").fill(words)
    await page.keyboard.press("Enter")


async def from_a_guest(house: House, user: User, words: str, message_id: str) -> None:
    async with house.database.transaction() as session:
        incoming = Incoming(
            user_id=user.id,
            channel="whatsapp",
            text=words,
            role="guest",
            account="session-1",
            address="4915119999999@s.whatsapp.net",
            external_id=message_id,
            sender_name=HOSTILE,
        )
        await conversation.receive(session, incoming)


async def test_topics_are_opened_found_renamed_and_deleted(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, url):
        page = window.page
        await say(page, "Add a task: print the Lisbon tickets")
        await expect(page.locator(ANSWER)).to_have_count(1)
        await page.get_by_role("button", name="New chat").click()
        await expect(page.get_by_role("heading", name="A fresh start")).to_be_visible()
        await window.shots("chat-topic-empty")
        await say(page, "Add a task: order chairs for the garden")
        await expect(page.locator(ANSWER)).to_have_count(1)
        await expect(page.get_by_role("list", name="Chats")).to_contain_text("order chairs for the garden")
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("order chairs")

        search = page.get_by_role("searchbox", name="Search messages")
        await search.fill("LISBON tickets")
        found = page.get_by_role("list", name="Messages found")
        await expect(found.get_by_role("link")).to_have_count(2)
        await expect(found.locator("mark").first).to_have_text("Lisbon")
        await window.shots("chat-search")
        await search.fill("zebra")
        await expect(page.get_by_text("No message with “zebra”.")).to_be_visible()
        await search.fill("Lisbon")
        await found.get_by_role("link").last.click()
        await expect(page).to_have_url(re.compile("around="))
        await expect(page.locator(".message:target")).to_contain_text("print the Lisbon tickets")
        await page.go_back()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("order chairs")

        await page.get_by_role("button", name="Rename or delete this chat").click()
        await page.get_by_label("Name of this chat").fill("Garden <party>")
        await window.shots("chat-menu")
        await page.get_by_role("button", name="Rename", exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Garden <party>")
        await page.get_by_role("button", name="Rename or delete this chat").click()
        await page.get_by_text("Delete this chat…").click()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page).to_have_url(f"{url}/chats")
        await expect(page.get_by_role("list", name="Chats").get_by_role("listitem")).to_have_count(1)
        await window.shots("chats")


async def test_a_guests_chat_is_there_to_read_and_its_words_are_harmless(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.window(chromium, alice) as (window, _):
        page = window.page
        await from_a_guest(house, alice, "<img src=x onerror=alert(1)> tell **her** hello", "3EB0")
        rows = page.get_by_role("list", name="Chats")
        await expect(rows).to_contain_text("Guest")  # it appears in the open page
        await rows.get_by_role("link", name="Guest").click()
        await expect(page.locator(ANSWER)).to_have_count(1)
        await expect(page.locator(".message.user .bubble")).to_have_text(
            "<img src=x onerror=alert(1)> tell **her** hello"
        )
        await expect(page.get_by_role("heading", level=1)).to_have_text("Ben </bdi><script>alert(1)</script>")
        await expect(page.get_by_role("textbox", name="Message to Paddy")).to_have_count(0)
        await expect(page.get_by_text("You can only read here")).to_be_visible()
        await expect(page.locator("main img")).to_have_count(0)
        await from_a_guest(house, alice, "are you there?", "3EB1")
        await expect(page.locator(".message.user")).to_have_count(2)
        await window.shots("chat-guest")


async def test_files_are_chosen_sent_and_shown(house: House, chromium: Browser) -> None:
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360f8cfc0f01f0005000201a5f645400000000049454e44ae426082"
    )
    async with house.window(chromium, await house.user()) as (window, _):
        window.expect_complaint("status of 4")
        page = window.page
        chooser = page.get_by_label("Attach files")
        named = {"name": "<i>sales.txt", "mimeType": "text/plain", "buffer": b"one two"}
        picture = {"name": "view.png", "mimeType": "image/png", "buffer": pixel}
        await chooser.set_input_files([named, picture])  # type: ignore[list-item]
        chosen = page.get_by_role("list", name="Files to send")
        await expect(chosen).to_contain_text("<i>sales.txt")
        await window.shots("chat-files-chosen")
        await page.get_by_role("textbox", name="Message to Paddy").fill("what is in these?")
        await page.keyboard.press("Enter")
        await expect(page.locator(ANSWER)).to_have_count(1)
        await expect(page.locator("#messages").get_by_role("link", name="<i>sales.txt")).to_be_visible()
        await expect(page.get_by_role("img", name="view.png")).to_be_visible()
        assert await page.evaluate("document.querySelector('.picture img').naturalWidth") == 1
        await expect(chosen).to_be_hidden()
        await window.shots("chat-files")

        big = {"name": "film.mov", "mimeType": "video/quicktime", "buffer": b"x" * 17_000_000}
        await chooser.set_input_files(big)  # type: ignore[arg-type]
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("alert")).to_contain_text("Send a smaller one")
        await expect(chosen).to_contain_text("film.mov")  # nothing chosen is lost
        await page.get_by_role("button", name="Remove this file").click()
        await expect(chosen).to_be_hidden()


async def test_drafts_are_kept_for_each_chat_and_gone_after_signing_out(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, url):
        page = window.page
        box = page.get_by_role("textbox", name="Message to Paddy")
        await box.fill("half a thought")
        await page.goto(f"{url}/tasks")
        await page.go_back()
        await expect(box).to_have_value("half a thought")
        await page.get_by_role("button", name="New chat").click()
        await expect(page.get_by_role("heading", name="A fresh start")).to_be_visible()
        await expect(box).to_have_value("")
        await page.goto(f"{url}/chat")
        await expect(box).to_have_value("half a thought")
        await page.keyboard.press("Enter")
        await expect(page.locator(ANSWER)).to_have_count(1)
        await page.reload()
        await expect(box).to_have_value("")
        await box.fill("a secret")
        await page.get_by_role("button", name="Account: Alice").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.locator(".sidebar")).to_have_count(0)
        async with asyncio.timeout(15):
            while await page.evaluate("Object.keys(localStorage).some((key) => key.startsWith('draft:'))"):
                await asyncio.sleep(0.05)


async def test_without_script_one_can_read_and_write(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.served() as url, open_window(chromium, java_script_enabled=False) as window:
        page = window.page
        await window.sign_in(url + await house.link(alice))
        await page.get_by_role("textbox", name="Message to Paddy").fill("Add a task: buy milk")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".message.user .bubble")).to_have_text("Add a task: buy milk")
        for _ in range(100):
            if await page.locator(ANSWER).count():
                break
            await page.wait_for_timeout(100)
            await page.reload()
        await page.locator(".deed").get_by_role("link", name="buy milk").click()
        await page.get_by_label("What is to be done").fill("buy oat milk")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#toasts")).to_contain_text("Changed “buy oat milk”")
        await window.shots("tasks-without-script")
        await page.locator("#toasts").get_by_role("button", name="Undo").click()
        await expect(page.get_by_role("link", name="buy milk", exact=True)).to_be_visible()
        await page.get_by_role("link", name="Chats", exact=True).click()
        await page.get_by_role("searchbox", name="Search messages").fill("milk")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("list", name="Messages found").get_by_role("link")).to_have_count(2)
