import httpx
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text
from support.app.running_app import House, MakeHouse
from support.browser import open_window

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.auth.users import User

ANSWER = ".message.assistant:not(.thinking)"


async def say(page: Page, words: str) -> None:
    await page.get_by_role("textbox", name="Message to Paddy").fill(words)
    await page.keyboard.press("Enter")


async def from_whatsapp(house: House, user: User, words: str, message_id: str) -> None:
    async with house.database.transaction() as session:
        await conversation.receive(
            session,
            Incoming(
                user_id=user.id,
                channel="whatsapp",
                text=words,
                account="session-1",
                address="4915110000001@s.whatsapp.net",
                external_id=message_id,
            ),
        )


async def test_a_long_message_is_cut_in_the_conversation_and_has_a_page_of_its_own(
    house: House, chromium: Browser
) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        await conversation.receive(session, Incoming(alice.id, "web", "/pause"))
        words = "\n".join(
            f"{number}. What was said about the kitchen, the garden and the roof." for number in range(900)
        )
        await conversation.receive(session, Incoming(alice.id, "web", words))
    async with house.window(chromium, alice) as (window, url):
        page = window.page
        await page.goto(f"{url}/chat")
        whole = page.get_by_role("link", name="Show all")
        await expect(page.get_by_text("50. What was said")).to_be_visible()
        await expect(page.get_by_text("899. What was said")).to_have_count(0)
        await window.shots("chat-long-message", whole)
        await whole.click()
        await expect(page.get_by_text("899. What was said")).to_be_attached()
        await window.shots("chat-whole-message")
        await page.get_by_role("link", name="Back to the chat").click()
        await expect(whole).to_be_visible()


async def test_the_empty_chat_teaches_and_paddy_does_the_example(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, _):
        page = window.page
        await expect(page.get_by_role("heading", name="Hello, I’m Paddy.")).to_be_visible()
        await expect(page.get_by_role("button", name="Send")).to_be_disabled()
        await window.shots("chat-empty")

        await page.get_by_role("link", name="Add a task: buy milk tomorrow").click()
        await page.keyboard.press("Enter")
        await expect(page.locator(".message.user")).to_contain_text("Add a task: buy milk tomorrow")
        await expect(page.locator(ANSWER)).to_contain_text("buy milk")
        await expect(page.locator("#thinking")).to_have_count(0)
        await page.get_by_role("link", name="Tasks").click()
        await expect(page.get_by_role("region", name="Tomorrow")).to_contain_text("buy milk")


async def test_what_is_said_on_whatsapp_appears_in_the_open_page(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.window(chromium, alice) as (window, _):
        page = window.page
        for number, words in enumerate(
            ["Add a task: book flights on Friday", "Add a task: send the invoice to Dana by 30 November"]
        ):
            await from_whatsapp(house, alice, words, f"3EB0{number}")
            await expect(page.locator(ANSWER)).to_have_count(number + 1)
        await say(page, "What is on my list?")
        await expect(page.locator(ANSWER)).to_have_count(3)
        await expect(page.locator(".message.user", has_text="book flights").get_by_text("WhatsApp")).to_be_visible()
        await expect(page.locator(".message.user", has_text="What is on").get_by_text("WhatsApp")).to_have_count(0)
        await window.shots("chat")


async def test_shift_enter_makes_a_line_and_markup_stays_text(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, _):
        page = window.page
        await page.get_by_role("textbox", name="Message to Paddy").fill("<img src=x onerror=alert(1)>")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("second line")
        await page.keyboard.press("Enter")
        message = page.locator(".message.user .bubble")
        await expect(message).to_have_text("<img src=x onerror=alert(1)>\nsecond line")
        await expect(page.locator(ANSWER)).to_have_count(1)
        await expect(page.locator(".messages img")).to_have_count(0)


async def test_a_message_that_can_not_be_sent_stays_in_the_composer(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, url):
        window.expect_complaint("Failed to load resource")
        page = window.page
        await page.route("**/chat/messages*", lambda route: route.abort())
        await say(page, "Add a task: buy milk")
        await expect(page.get_by_role("alert")).to_contain_text("Exponential can’t be reached")
        await expect(page.get_by_role("textbox", name="Message to Paddy")).to_have_value("Add a task: buy milk")
        await window.shots("chat-error")

        await page.unroute("**/chat/messages*")
        await page.keyboard.press("Enter")
        await expect(page.locator(ANSWER)).to_have_count(1)
        await expect(page.get_by_role("alert")).to_be_hidden()

        async with httpx.AsyncClient(base_url=url, cookies=await cookies(page)) as other_tab:
            await other_tab.post("/sign-out")
        await say(page, "Still there?")
        await expect(page.get_by_role("alert")).to_contain_text("You are not signed in")
        await expect(page.get_by_role("textbox", name="Message to Paddy")).to_have_value("Still there?")


async def cookies(page: Page) -> dict[str, str]:
    return {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}


async def test_the_page_finds_back_after_the_app_was_restarted(make_house: MakeHouse, chromium: Browser) -> None:
    async with open_window(chromium) as window:
        window.expect_complaint("ERR_")
        page = window.page
        async with make_house() as house, house.served() as url:
            alice = await house.user()
            await window.sign_in(url + await house.link(alice))
            await expect(page.locator("#presence")).to_have_text("Your assistant")
        await expect(page.locator("#presence")).to_have_text("Reconnecting…")
        async with make_house() as house:
            await from_whatsapp(house, alice, "Add a task: water the plants", "3EB0")
            async with house.served(port=int(url.rpartition(":")[2])):
                await expect(page.locator("#presence")).to_have_text("Your assistant", timeout=15_000)
                await expect(page.locator(ANSWER)).to_contain_text("water the plants")


async def test_paddy_is_seen_thinking_until_the_answer_is_there(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, _):
        page = window.page
        async with house.database.transaction() as session:
            await session.execute(text("lock table turns in share row exclusive mode"))  # no turn can begin
            await say(page, "Add a task: buy milk")
            await expect(page.get_by_text("Paddy is thinking")).to_be_visible()
            await window.shots("chat-thinking")
        await expect(page.locator(ANSWER)).to_contain_text("buy milk")
        await expect(page.get_by_text("Paddy is thinking")).to_have_count(0)


async def test_the_task_list_follows_other_channels(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.window(chromium, alice) as (window, url):
        page = window.page
        await page.goto(f"{url}/tasks")
        for number, words in enumerate(["call the landlord today", "buy milk tomorrow", "pay rent, urgent"]):
            await from_whatsapp(house, alice, f"Add a task: {words}", f"3EB{number}")
        await expect(page.get_by_role("region", name="Today")).to_contain_text("call the landlord")
        await expect(page.get_by_role("region", name="Tomorrow")).to_contain_text("buy milk")
        await page.get_by_role("checkbox", name="Complete call the landlord").click()
        await expect(page.get_by_role("region", name="Today")).to_have_count(0)
        await page.locator("#done summary").click()
        await expect(page.get_by_role("list", name="Done tasks")).to_contain_text("call the landlord")
        await window.shots("tasks")
        await page.get_by_role("checkbox", name="Reopen call the landlord").click()
        await expect(page.get_by_role("region", name="Today")).to_contain_text("call the landlord")


async def test_pages_that_explain(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, url):
        window.expect_complaint("status of 4")
        page = window.page
        await page.goto(f"{url}/no-such-page")
        await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        await page.goto(f"{url}/chat")
        await page.get_by_role("button", name="Account: Alice").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        await page.goto(f"{url}/chat")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await window.shots("not-signed-in")
