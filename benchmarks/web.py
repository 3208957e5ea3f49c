"""How heavy and how quick the pages are, for a user who has been here for a while.

    uv run python -m benchmarks.web [--rounds 100] [--browser 5]

A real server with an embedded Postgres, and a workspace of 300 tasks, 12 projects, 20 meetings, 30 chats and 1,200
messages. Prints one JSON object per page: bytes of its HTML, as it is and as sent (compressed), of its styles and
scripts (each counted once); milliseconds until the whole answer is there, p50 and p95 of `--rounds` requests one after
another, and the CPU milliseconds that one takes here, those of asking for it included. With `--browser`, Chromium loads
each page as many times: milliseconds to DOMContentLoaded (p50) and the layout shift score (CLS).
"""

import argparse
import asyncio
import json
import re
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy import update

from exponential.app import service
from exponential.assistant import chats, conversation
from exponential.assistant.tables import Chat, Message, Turn
from exponential.auth import sign_in
from exponential.auth.users import User
from exponential.core import clock, database, encryption
from exponential.core.database import Database
from exponential.core.http.sockets import listen
from exponential.core.postgres import embedded
from exponential.core.settings import AppSettings, read
from exponential.workspace import projects, tasks
from exponential.workspace.meetings import meetings, transcript_import
from exponential.workspace.text import zones

TALK = "\n".join(
    [
        "Anna: Welcome, today we talk about pricing for small teams.",
        "Bob: Many customers told us that the starter plan is too expensive for them.",
        "Anna: Okay, we decided to lower the starter price to nine euros.",
        "Bob: I'll update the pricing page by Friday.",
    ]
    * 15
)
ANSWER = "You have **2** open tasks:\n\n1. **book flights**, due Friday\n2. **send the invoice to Dana**, due Monday"


async def furnish(db: Database) -> tuple[User, dict[str, str]]:
    """A workspace to measure, and the paths of its pages by name."""
    talk = await transcript_import.read(TALK, caller="benchmark", today=clock.now().date())
    async with db.transaction() as session:
        user = User(email="alice@example.org", name="Alice", timezone="Europe/Berlin")
        session.add(user)
        await session.flush()
        known = [await projects.create_project(session, user.id, f"Project {number}") for number in range(12)]
        for number in range(300):
            due = zones.today_of(user) + timedelta(days=number % 40 - 5)
            task = await tasks.create_task(
                session, user.id, f"Task number {number} with a few words", due, project=known[number % 12].id
            )
            task.done_at = clock.now() if number % 3 == 0 else None
        held = [await meetings.import_meeting(session, user.id, talk, f"Meeting {number}") for number in range(20)]
        main = await chats.main_chat(session, user.id)
        topics = [Chat(user_id=user.id, kind="topic", title=f"Topic {number}") for number in range(29)]
        session.add_all(topics)
        await session.flush()
        for number in range(600):
            chat = main if number % 2 else topics[number % 29]
            turn = Turn(chat_id=chat.id, history=[], state="done")
            session.add(turn)
            await session.flush()
            said = Message(chat_id=chat.id, turn_id=turn.id, role="user", channel="web", text=f"What about {number}?")
            session.add_all(
                [said, Message(chat_id=chat.id, turn_id=turn.id, role="assistant", channel="web", text=ANSWER)]
            )
            await session.flush()
        first = (await conversation.history(session, main.id, 1))[0]
        await session.execute(update(Message).where(Message.id == first.id).values(text="needle"))
    return user, {
        "chat": "/chat",
        "chats": "/chats",
        "search in chats": "/chats?q=needle",
        "tasks": "/tasks",
        "tasks done": "/tasks?view=done",
        "projects": "/projects",
        "project": f"/projects/{known[0].id}",
        "meetings": "/meetings",
        "meeting": f"/meetings/{held[0].id}",
        "search in meetings": "/meetings?q=expensive",
        "settings": "/settings",
    }


@asynccontextmanager
async def running() -> AsyncIterator[tuple[str, str, dict[str, str]]]:
    """The app's address, a fresh sign-in link, and the pages' paths."""
    with tempfile.TemporaryDirectory(prefix="exponential-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server's system user must be able to reach it
        postgres = embedded.start(folder)
        url = postgres.url("app")
        key = secrets.token_bytes(32)
        encryption.use_keys((key,))
        await database.prepare_async("app", url)
        app = service.create(read(AppSettings, database_url=url, auth_secret="b" * 40, encryption_keys=(key,)))
        listener = listen("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        db: Database = app.state.exponential.database
        user, paths = await furnish(db)
        async with db.transaction() as session:
            link = await sign_in.make_link(session, user)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", f"/sign-in/{link}", paths
        finally:
            app.state.exponential.live_updates.close()
            server.should_exit = True
            await serving
            postgres.stop()


async def weigh(client: httpx.AsyncClient, path: str, rounds: int) -> dict[str, Any]:
    """Bytes and times of one page."""
    answer = (await client.get(path)).raise_for_status()
    page = answer.text
    own = set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page))
    scripts = {name for name in own if name.endswith(".js")}
    weights = {name: len((await client.get(name)).content) for name in own | ({"/static/lib.js"} if scripts else set())}
    times = []
    cpu = time.process_time()
    for _ in range(rounds):
        began = time.perf_counter()
        await client.get(path)
        times.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - cpu) * 1000 / rounds
    times.sort()
    return {
        "html": len(page.encode()),
        "sent": answer.num_bytes_downloaded,
        "css": sum(size for name, size in weights.items() if name.endswith(".css")),
        "js": sum(size for name, size in weights.items() if name.endswith(".js")),
        "cpu_ms": round(cpu, 1),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(len(times) * 0.95) - 1], 1),
    }


async def load(url: str, cookies: httpx.Cookies, paths: dict[str, str], times: int) -> dict[str, dict[str, Any]]:
    """How Chromium fares: {"page": {"loaded_ms", "shift"}}."""
    sys.path.append(str(Path(__file__).parent.parent / "tests"))
    from support.browser import open_window  # type: ignore[import-not-found]

    found = {}
    async with open_window() as window:
        jar = [{"name": cookie.name, "value": cookie.value or "", "url": url} for cookie in cookies.jar]
        await window.page.context.add_cookies(jar)
        window.expect_complaint("status of 404")
        for name, path in paths.items():
            loaded, shifts = [], []
            for _ in range(times):
                await window.page.goto(url + path, wait_until="load")
                await window.page.wait_for_timeout(300)
                loaded.append(
                    await window.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
                )
                shifts.append(
                    await window.page.evaluate(
                        "new Promise((tell) => { let sum = 0; new PerformanceObserver((list) => { for (const one of"
                        " list.getEntries()) sum += one.value; }).observe({ type: 'layout-shift', buffered: true });"
                        " setTimeout(() => tell(sum), 50); })"
                    )
                )
            found[name] = {"loaded_ms": round(statistics.median(loaded)), "shift": round(max(shifts), 4)}
    return found


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--browser", type=int, default=0)
    given = parser.parse_args()
    async with running() as (url, link, paths), httpx.AsyncClient(base_url=url, timeout=30) as client:
        await client.post(link)
        seen = await load(url, client.cookies, paths, given.browser) if given.browser else {}
        for name, path in paths.items():
            print(
                json.dumps({"page": name, **await weigh(client, path, given.rounds), **seen.get(name, {})}), flush=True
            )


if __name__ == "__main__":
    asyncio.run(main())
