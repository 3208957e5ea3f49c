from conftest import House
from playwright.async_api import expect


async def test_the_empty_chat_teaches_and_an_example_can_be_sent(house: House) -> None:
    async with house.window(await house.user()) as (window, _):
        page = window.page
        await expect(page.get_by_role("heading", name="Hello, I’m Paddy.")).to_be_visible()
        await expect(page.get_by_role("button", name="Send")).to_be_disabled()
        await window.shots("chat-empty")

        await page.get_by_role("button", name="Add a task: buy milk tomorrow").click()
        await page.keyboard.press("Enter")
        await expect(page.locator(".message.user")).to_contain_text("Add a task: buy milk tomorrow")
        await expect(page.locator(".message.assistant:not(.thinking)")).to_contain_text("buy milk")
        await expect(page.locator("#thinking")).to_have_count(0)
        await window.shots("chat")
        await page.get_by_role("link", name="Tasks").click()
        await expect(page.get_by_role("list", name="Open tasks")).to_contain_text("buy milk")
        await window.shots("tasks")
