"""WCAG 2.2 AA on the pages that people work with, filled and empty, in light and dark, as axe-core sees it."""

from playwright.async_api import Browser
from support.app.running_app import House
from support.axe import violations
from support.workspace.transcripts import import_transcript

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.workspace import projects, tasks
from exponential.workspace.text import zones

TRANSCRIPT = """Ada: We ship on Friday. Ben, can you write the release notes until Thursday?
Ben: Yes, I will write the release notes by Thursday.
Ada: Decision: we keep the old price."""


async def test_nothing_that_wcag_forbids_on_any_page(house: House, chromium: Browser) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with house.database.transaction() as session:
        project = await projects.create_project(session, alice.id, "Website")
        task = await tasks.create_task(session, alice.id, "buy milk", zones.today_of(alice), project=project.id)
        meeting = await import_transcript(session, alice.id, TRANSCRIPT, "Weekly")
        await conversation.receive(session, Incoming(alice.id, "web", "hello"))
    paths = ("/chat", "/chats", "/tasks", f"/tasks/{task.id}", "/projects", f"/projects/{project.id}")
    paths += ("/meetings", f"/meetings/{meeting.id}", "/meetings/import", "/no-such-page")
    for user in (alice, bob):
        async with house.window(chromium, user) as (window, url):
            window.expect_complaint("404")
            found = []
            for path in paths if user is alice else ("/chat", "/chats", "/tasks", "/projects", "/meetings"):
                await window.page.goto(url + path)
                found += [f"{path} {line}" for line in await violations(window.page)]
            assert not found, "\n".join(found)
