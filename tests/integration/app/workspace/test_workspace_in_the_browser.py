import re

from playwright.async_api import Browser, expect
from support.app.running_app import House

from exponential.app.core.pagination import ROWS_PER_PAGE
from exponential.auth.users import User
from exponential.workspace import projects, tasks

TRANSCRIPT = """Anna: Welcome, today we talk about pricing for small teams.
Bob: Many customers told us that the starter plan is too expensive for them.
Anna: Okay, we decided to lower the starter price to nine euros.
Bob: I'll update the pricing page by Friday.
Anna: Bob will also tell the sales team about the starter price."""


async def made(house: House, user: User, *titles: str) -> None:
    async with house.database.transaction() as session:
        for title in titles:
            await tasks.create_task(session, user.id, title)


async def test_a_long_list_comes_in_pages(house: House, chromium: Browser) -> None:
    alice = await house.user()
    await made(house, alice, *(f"Write chapter {number}" for number in range(ROWS_PER_PAGE + 2)))
    async with house.window(chromium, alice) as (window, url):
        page = window.page
        await page.goto(f"{url}/tasks")
        more = page.get_by_role("link", name="Next")
        await window.shots("tasks-long", more)
        await more.click()
        await expect(page.get_by_role("link", name=f"Write chapter {ROWS_PER_PAGE + 1}")).to_be_visible()
        await expect(more).to_be_hidden()


async def test_tasks_are_added_in_one_line_changed_and_deleted_with_a_way_back(house: House, chromium: Browser) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        await projects.create_project(session, alice.id, "Home")
    async with house.window(chromium, alice) as (window, url):
        window.expect_complaint("status of 4")
        page = window.page
        await page.goto(f"{url}/tasks")
        await expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
        await window.shots("tasks-empty")

        line = page.get_by_role("textbox", name="New task")
        await line.fill("Pay the rent tomorrow at 9 #Home !high")
        await expect(page.locator("#reading")).to_have_text("Tomorrow, 09:00 · High · Home")
        await window.shots("tasks-reading")
        await page.keyboard.press("Enter")
        tomorrow = page.get_by_role("region", name="Tomorrow")
        await expect(tomorrow).to_contain_text("Pay the rent")
        await expect(line).to_have_value("")
        await expect(page.locator("#reading")).to_be_empty()
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("A task needs a title")

        await page.get_by_role("link", name="Pay the rent").click()
        sheet = page.get_by_role("dialog", name="Details")
        await expect(sheet.get_by_label("Time")).to_have_value("09:00")
        await window.shots("task-sheet")
        await sheet.get_by_label("What is to be done").fill("Pay the <rent>")
        await sheet.get_by_label("Due date").fill("")
        await sheet.get_by_label("Time").fill("")
        await sheet.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("region", name="No date")).to_contain_text("Pay the <rent>")
        await expect(sheet).to_be_hidden()
        await page.get_by_role("link", name="Pay the <rent>").click()
        await expect(sheet).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()

        await page.get_by_role("button", name="Delete Pay the <rent>").click()
        await expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
        await window.shots("tasks-undo")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_role("link", name="Pay the <rent>")).to_be_visible()


async def test_the_list_is_worked_by_keyboard(house: House, chromium: Browser) -> None:
    alice = await house.user()
    await made(house, alice, "one", "two", "three")
    async with house.window(chromium, alice) as (window, url):
        page = window.page
        await page.goto(f"{url}/tasks")
        await page.get_by_role("checkbox", name="Complete one").focus()
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("checkbox", name="Complete two")).to_be_focused()
        await page.keyboard.press("Space")
        await expect(page.get_by_role("region", name="No date")).not_to_contain_text("two")
        await expect(page.get_by_role("checkbox", name="Complete three")).to_be_focused()
        await page.keyboard.press("Delete")
        await expect(page.get_by_role("region", name="No date")).not_to_contain_text("three")
        await expect(page.get_by_role("checkbox", name="Complete one")).to_be_focused()
        await page.keyboard.press("e")
        await expect(page.get_by_label("What is to be done")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("link", name="one", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Keyboard").click()
        await window.shots("tasks-keyboard")


async def test_the_place_in_the_list_is_kept_when_the_browser_loses_the_focus(house: House, chromium: Browser) -> None:
    alice = await house.user()
    await made(house, alice, "one", "two")
    async with house.window(chromium, alice) as (window, url):
        page = window.page
        await page.goto(f"{url}/tasks")
        tick = page.get_by_role("checkbox", name="Complete one")
        await tick.focus()
        path = await tick.get_attribute("formaction")
        await page.evaluate("document.activeElement.blur()")
        await page.evaluate("path => import('/static/lib.js').then(({ perform }) => perform(path))", path)
        await expect(page.get_by_role("checkbox", name="Complete two")).to_be_focused()
        await page.locator("#done summary").click()
        await page.get_by_role("checkbox", name="Reopen one").focus()
        await page.evaluate("document.getElementById('done').open = false")  # what had the focus is out of sight
        await made(house, alice, "three")
        await expect(page.get_by_role("checkbox", name="Complete three")).to_be_focused()


async def test_many_are_chosen_and_changed_at_once(house: House, chromium: Browser) -> None:
    alice = await house.user()
    await made(house, alice, "one", "two", "three")
    async with house.window(chromium, alice) as (window, url):
        page = window.page
        await page.goto(f"{url}/tasks")
        await page.get_by_role("link", name="Select").click()
        await expect(page.get_by_role("button", name="Complete")).to_be_disabled()
        await page.get_by_role("checkbox", name="Choose one").check()
        await page.get_by_role("checkbox", name="Choose two").check()
        await expect(page.get_by_text("2 chosen")).to_be_visible()
        await window.shots("tasks-select")
        await page.get_by_role("button", name="Change", exact=True).click()
        await page.locator("#bulk-change").get_by_label("Priority").select_option("urgent")
        await window.shots("tasks-change")
        await page.locator("#bulk-change").get_by_role("button", name="Change").click()
        await expect(page.get_by_text("Urgent", exact=True).locator("visible=true")).to_have_count(2)
        await page.get_by_role("checkbox", name="All").check()
        await page.get_by_role("button", name="Delete", exact=True).click()
        await expect(page.get_by_text("Deleted 3 tasks.")).to_be_visible()
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_role("checkbox", name="Choose three")).to_be_visible()


async def test_filters_are_in_the_address_and_the_back_button_is_right(house: House, chromium: Browser) -> None:
    alice = await house.user()
    await made(house, alice, "buy milk", "buy bread", "call mum")
    async with house.window(chromium, alice) as (window, url):
        page = window.page
        await page.goto(f"{url}/tasks")
        await page.get_by_role("searchbox", name="Words in the title").fill("buy")
        await expect(page.get_by_role("link", name="call mum")).to_have_count(0)
        await expect(page).to_have_url(re.compile("q=buy"))
        await page.get_by_role("link", name="Done", exact=True).click()
        await expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
        await page.go_back()
        await expect(page.get_by_role("searchbox", name="Words in the title")).to_have_value("buy")
        await expect(page.get_by_role("link", name="buy bread")).to_be_visible()
        await expect(page.get_by_role("link", name="call mum")).to_have_count(0)
        async with house.database.transaction() as session:
            await tasks.create_task(session, alice.id, "buy butter")
            await tasks.create_task(session, alice.id, "sell the car")
        await expect(page.get_by_role("link", name="buy butter")).to_be_visible()  # what is new is filtered, too
        await expect(page.get_by_role("link", name="sell the car")).to_have_count(0)


async def test_a_project_is_started_worked_on_and_reported(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, url):
        page = window.page
        await page.goto(f"{url}/projects")
        await expect(page.get_by_role("heading", name="No projects yet")).to_be_visible()
        await window.shots("projects-empty")
        await page.get_by_role("textbox", name="New project").fill("Spring launch")
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="Spring launch").click()
        await expect(page.get_by_text("It has no next step.")).to_be_visible()
        await page.get_by_role("textbox", name="New task").fill("call the printer on 1 March 2020")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("region", name="Overdue")).to_contain_text("call the printer")
        await page.get_by_role("textbox", name="New task").fill("cut the film")
        await page.keyboard.press("Enter")
        await page.get_by_role("checkbox", name="Complete cut the film").click()
        await expect(page.get_by_text("50 %, 1 of 2 done")).to_be_visible()
        await page.get_by_role("link", name="Update").click()
        await page.get_by_label("What is new").fill("The <film> is cut.")
        await window.shots("project-update")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("The <film> is cut.", exact=True)).to_be_visible()
        await window.shots("project")
        await page.get_by_role("link", name="All projects").click()
        await expect(page.get_by_text("1 task is overdue")).to_be_visible()
        await window.shots("projects")


async def test_a_meeting_is_imported_read_searched_and_becomes_tasks(house: House, chromium: Browser) -> None:
    async with house.window(chromium, await house.user()) as (window, url):
        window.expect_complaint("404")  # the page of a meeting that is deleted asks for news once more
        page = window.page
        await page.goto(f"{url}/meetings")
        await expect(page.get_by_role("heading", name="No meetings yet")).to_be_visible()
        await window.shots("meetings-empty")
        await page.get_by_role("link", name="Import a transcript").click()
        await window.shots("meeting-import")
        await page.get_by_label("Or paste what was said").fill(TRANSCRIPT)
        await page.get_by_label("Title").fill("Pricing sync")
        await page.get_by_role("button", name="Take the minutes").click()
        await expect(page.get_by_role("heading", name="Pricing sync")).to_be_visible()
        await expect(page.get_by_text("Kept meeting “Pricing sync”")).to_be_visible()
        await page.get_by_role("button", name="Make a task: update the pricing page").click()
        await expect(page.get_by_role("link", name="A task")).to_have_count(1)
        await window.shots("meeting")
        await page.get_by_role("link", name="Line 3").click()
        await expect(page.locator("li:target")).to_contain_text("nine euros")
        await page.get_by_role("link", name="All meetings").click()
        await window.shots("meetings")
        await page.get_by_role("searchbox", name="Search what was said").fill("expensive")
        await expect(page.get_by_role("list", name="Lines found")).to_contain_text("Many customers told us")
        await window.shots("meetings-search")
        await page.get_by_role("list", name="Lines found").get_by_role("link").first.click()
        await expect(page.locator("li:target")).to_contain_text("too expensive")
        await page.get_by_role("button", name="Delete this meeting").click()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_role("heading", name="No meetings yet")).to_be_visible()


async def test_what_is_out_of_sight_stops_nothing(house: House, chromium: Browser) -> None:
    """A date that is half typed: in the menu of another button, and in fields that were folded up."""
    alice = await house.user()
    await made(house, alice, "milk")
    async with house.window(chromium, alice) as (window, url):
        window.expect_complaint("is not focusable")
        page = window.page
        await page.goto(f"{url}/tasks?select=1")
        await page.get_by_role("checkbox", name="Choose milk").check()
        await page.get_by_role("button", name="Change").first.click()
        await page.locator("#bulk-due").press_sequentially("12")
        assert await page.locator("#bulk-due").evaluate("field => field.validity.badInput")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Complete", exact=True).click()
        await expect(page.get_by_role("checkbox", name="Choose milk")).to_be_hidden()

        await page.goto(f"{url}/tasks")
        more = page.locator(".add-more")
        await more.locator("summary").click()
        due = page.locator("#due")
        await due.press_sequentially("12")
        await more.locator("summary").click()
        await expect(due).to_be_hidden()
        await page.get_by_role("textbox", name="New task").fill("bread")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(due).to_be_visible()
        await expect(due).to_be_focused()
        await due.fill("")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_role("link", name="bread")).to_be_visible()
