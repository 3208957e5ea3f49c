"""What a user stored, however much it is, costs the others nothing: pages are short, and made few at once."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta

import httpx
from starlette.types import Message, Scope
from support.app.programs import bearer
from support.app.running_app import House

from exponential.app.core.downloads import MAX_CONCURRENT, MAX_WAITING
from exponential.assistant import chats, tables
from exponential.assistant.conversation import MAX_TEXT_CHARS
from exponential.assistant.tables import Chat
from exponential.auth.users import User
from exponential.core import clock
from exponential.workspace import history
from exponential.workspace.facts import MAX_FACT_CHARS, Fact
from exponential.workspace.meetings.meetings import Meeting, MeetingLine
from exponential.workspace.projects import MAX_NAME_CHARS, MAX_NOTE_CHARS, Project
from exponential.workspace.reminders import Reminder
from exponential.workspace.tasks import MAX_TITLE_CHARS, Task

LONGEST = 3_500_000  # bytes of a page; what is shown of each character takes up to five
MANY = 450
RUDE = '<"'  # characters that take most room in HTML


def rude(number: int, length: int) -> str:
    """A text of `length` characters that begins with its number."""
    return f"n{number:04} {RUDE * length}"[:length]


async def chat_of(house: House, user: User, *texts: str) -> Chat:
    async with house.database.transaction() as session:
        chat = await chats.main_chat(session, user.id)
        for text in texts:
            session.add(tables.Message(chat_id=chat.id, role="user", channel="web", text=text, turn_id=None))
            await session.flush()
    return chat


async def all_pages(client: httpx.AsyncClient, path: str) -> AsyncIterator[str]:
    """The page and those that its link to the next ones leads to."""
    seen: set[str] = set()
    while path and path not in seen:
        seen.add(path)
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) < LONGEST, path
        yield answer.text
        found = re.search(r'<a [^>]*href="([^"]+)"[^>]* rel="next"', answer.text)
        path = html.unescape(found[1]) if found else ""


async def test_a_chat_of_long_messages_is_shown_in_parts_and_every_word_of_it_can_be_read(house: House) -> None:
    alice = await house.user()
    texts = [rude(number, 60_000) for number in range(60)]
    chat = await chat_of(house, alice, *texts)
    async with house.signed_in(alice) as client:
        shown = set()
        async for page in all_pages(client, "/chat?show=2000"):
            shown |= set(re.findall(r"n\d{4}", page))
        assert shown == {text[:5] for text in texts}
        first = (await client.get("/chat")).text
        [whole, *_] = re.findall(rf'href="(/chat/{chat.id}/[^"/]+)"[^>]*>Show all', first)
        page = html.unescape((await client.get(whole)).text)
        assert any(text in page for text in texts)


async def test_each_list_is_shown_in_parts_and_all_of_it_can_be_reached(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        today, soon = date(2026, 5, 1), clock.now() + timedelta(days=1)
        for number in range(MANY):
            user_id = alice.id
            project = Project(user_id=user_id, name=rude(number, MAX_NAME_CHARS), note=rude(number, MAX_NOTE_CHARS))
            session.add(project)
            await session.flush()
            session.add_all(
                [
                    Task(user_id=user_id, title=rude(number, MAX_TITLE_CHARS), project_id=project.id, due_on=today),
                    Fact(user_id=user_id, text=rude(number, MAX_FACT_CHARS)),
                    Reminder(user_id=user_id, text=rude(number, 2_000), at=soon, began_at=soon),
                    Meeting(
                        user_id=user_id,
                        title=rude(number, 300),
                        held_on=today,
                        form="text",
                        summary=[rude(number, 600)] * 5,
                    ),
                    Chat(user_id=user_id, kind="topic", title=rude(number, chats.MAX_TITLE_CHARS)),
                ]
            )
    async with house.signed_in(alice) as client:
        for path in ("/tasks", "/tasks?q=n", "/projects", "/meetings", "/chats", "/settings/paddy"):
            shown: set[str] = set()
            async for page in all_pages(client, path):
                shown |= set(re.findall(r"n\d{4}", page))
            assert len(shown) == MANY, path
        assert len((await client.get("/settings/activity")).content) < LONGEST


async def test_a_transcript_of_long_lines_is_shown_in_parts(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        meeting = Meeting(user_id=alice.id, title="Talk", held_on=date(2026, 5, 1), form="text", summary=[])
        session.add(meeting)
        await session.flush()
        for number in range(1, 801):
            session.add(MeetingLine(meeting_id=meeting.id, number=number, text=rude(number, 10_000), words=""))
    async with house.signed_in(alice) as client:
        shown: set[str] = set()
        for part in (1, 2):
            answer = await client.get(f"/meetings/{meeting.id}?part={part}")
            assert len(answer.content) < LONGEST
            shown |= set(re.findall(r"n\d{4}", answer.text))
        assert len(shown) == 800
        [whole, *_] = re.findall(rf'href="(/meetings/{meeting.id}/lines/\d+)"', answer.text)
        assert html.escape(RUDE * 4_900) in (await client.get(whole)).text.replace("&#34;", "&quot;")


class SlowLine:
    """Asks the app for a page and takes nothing of it, until `taking` is set."""

    def __init__(self, house: House, path: str, client: httpx.AsyncClient) -> None:
        self.status = 0  # of its answer, once that has begun
        self.taking = asyncio.Event()
        headers = [(name.lower(), value) for name, value in client.build_request("GET", path).headers.raw]
        self._scope: Scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"},
            **{"path": path, "raw_path": path.encode(), "root_path": "", "query_string": b""},
            **{"headers": headers},
            **{"client": ("127.0.0.1", 1), "server": ("app.test", 80)},
        }
        self._asked: list[Message] = [{"type": "http.request"}]
        self.run = asyncio.create_task(house.app(self._scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if self._asked:
            return self._asked.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        self.status = self.status or message["status"]
        await self.taking.wait()


async def test_who_takes_large_pages_slowly_gets_few_at_once_and_holds_up_nobody(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    await chat_of(house, alice, *(rude(number, MAX_TEXT_CHARS) for number in range(60)))
    async with house.signed_in(alice) as hers, house.signed_in(bob) as his:
        lines = [SlowLine(house, "/chat", hers) for _ in range(50)]
        async with asyncio.timeout(30):
            while [line.status for line in lines].count(200) < MAX_CONCURRENT:
                assert (await his.get("/tasks")).status_code == 200
                await asyncio.sleep(0.1)
        assert (await his.get("/tasks")).status_code == 200
        assert [line.status for line in lines].count(200) == MAX_CONCURRENT
        for line in lines:
            line.taking.set()
        await asyncio.gather(*(line.run for line in lines))
        assert (await hers.get("/chat")).status_code == 200


async def test_a_program_that_takes_its_answers_slowly_keeps_nobody_from_their_pages(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        await history.begin(session, alice.id, "act", "mcp", {})
        session.add_all([Task(user_id=alice.id, title="x" * MAX_TITLE_CHARS) for _ in range(MANY)])
    async with house.client(**await bearer(house, alice)) as program, house.signed_in(alice) as hers:
        lines = [SlowLine(house, "/api/audit", program) for _ in range(MAX_CONCURRENT + 2)]
        async with asyncio.timeout(30):
            while [line.status for line in lines].count(200) < MAX_CONCURRENT:
                await asyncio.sleep(0.1)
            assert (await hers.get("/tasks")).status_code == 200
            assert (await hers.get("/settings/programs")).status_code == 200
        for line in lines:
            line.taking.set()
        await asyncio.gather(*(line.run for line in lines))


async def test_more_pages_than_anybody_looks_at_are_refused(house: House) -> None:
    alice = await house.user()
    await chat_of(house, alice, *(rude(number, MAX_TEXT_CHARS) for number in range(60)))
    async with house.signed_in(alice) as hers:
        lines = [SlowLine(house, "/chat", hers) for _ in range(MAX_WAITING + 3)]
        async with asyncio.timeout(30):
            while [line.status for line in lines].count(503) < 3:
                await asyncio.sleep(0.1)
        for line in lines:
            line.taking.set()
        await asyncio.gather(*(line.run for line in lines))
        assert (await hers.get("/tasks")).status_code == 200
