"""The demo: everything real but WhatsApp, whose place a server on loopback with simulated phones takes.

`exercise` walks the newcomer's way by itself and tells in one JSON object whether all of it happened.
"""

import asyncio
import atexit
import contextlib
import itertools
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from exponential.auth import users
from exponential.auth.service_tokens import Identity
from exponential.cli import installation
from exponential.cli.installation import Installation, Running
from exponential.core import key_check, log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.errors import ConfigurationError, ExponentialError
from exponential.core.http.sockets import listen, url_of
from exponential.gateway.client import GatewayClient
from exponential.loopback.phones import camera
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.server import Loopback
from exponential.loopback.web import pages
from exponential.workspace import tasks
from exponential.workspace.text import zones

TELL_EVERY_SECONDS = 15.0  # after which it is told that a step of the exercise still goes on
_log = log.get(__name__)
ASKED = ("Add a task: buy milk tomorrow", "What are my tasks?")


@dataclass
class Demo:
    """A running demo: the simulated WhatsApp, two phones, both services, and the start page's link."""

    place: Installation
    whatsapp: Loopback
    alice: Phone
    bob: Phone
    services: Running
    link: str = ""


@asynccontextmanager
async def running(data: Path | None, *, port: int = 0) -> AsyncIterator[Demo]:
    """The whole demo until the block ends, in `data` or a fresh folder that is removed. Raises ConfigurationError."""
    problem = Loopback.unsupported()
    if problem:
        raise ConfigurationError(problem)
    async with contextlib.AsyncExitStack() as stack:
        if data is None:
            data = Path(tempfile.mkdtemp(prefix="exponential-demo-"))
            data.chmod(0o711)  # the embedded Postgres may run as a user of its own
            atexit.register(shutil.rmtree, data, ignore_errors=True)  # when that has stopped, which also is at exit
        place = await asyncio.to_thread(installation.installation, data)
        place = Installation(
            place.app.model_copy(update={"port": port, "app_url": "", "gateway_url": ""}),
            place.gateway.model_copy(update={"port": 0}),
        )
        whatsapp = await stack.enter_async_context(Loopback(data / "whatsapp"))
        alice, bob = _phone(whatsapp, "+4915110000001", "Alice"), _phone(whatsapp, "+4915110000002", "Bob")
        services = await stack.enter_async_context(installation.running(place, _loopback_environment(whatsapp)))
        demo = Demo(services.place, whatsapp, alice, bob, services)
        demo.link = await stack.enter_async_context(_start_page(demo))
        yield demo


def _phone(whatsapp: Loopback, number: str, name: str) -> Phone:
    """The phone from an earlier run in the same data directory, or a new one."""
    known = {phone.number: phone for phone in whatsapp.phones}
    return known.get(number) or whatsapp.add_phone(number, name)


def _loopback_environment(whatsapp: Loopback) -> Mapping[str, str]:
    return {
        "WHATSAPP_MODE": "loopback",
        "WHATSAPP_PROXY_URL": whatsapp.proxy_url,
        "WHATSAPP_LOOPBACK_CA": str(whatsapp.ca_path),
        "WHATSAPP_LOOPBACK_NOISE_ROOT": whatsapp.noise_root,
    }


@asynccontextmanager
async def _start_page(demo: Demo) -> AsyncIterator[str]:
    key = secrets.token_urlsafe(12)
    who = await _local(demo.place)
    client = GatewayClient(demo.services.gateway.url, demo.place.app.auth_secret)

    async def codes() -> list[str]:
        found = []
        with contextlib.suppress(ExponentialError, LinkError):
            for session in await client.sessions(who):
                if session.status == "pending":
                    found.append(camera.read(await client.qr(who, session.session_id)))
        return found

    async def sign_in() -> str:
        return await installation.sign_in_link(demo.place.app)

    web = pages.create(demo.whatsapp, key=key, codes=codes, sign_in=sign_in)
    server = uvicorn.Server(uvicorn.Config(web, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # the CLI handles them
    listener = listen("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"{url_of(listener)}/start/{key}"
    finally:
        server.should_exit = True
        await serving
        await client.close()


async def _local(place: Installation) -> Identity:
    async with (
        key_check.opened("app", place.app.database_url, place.app.encryption_keys) as db,
        db.transaction() as session,
    ):
        return (await users.local_user(session)).identity


@dataclass
class Report:
    """What the exercise prints."""

    ok: bool = False
    linked_phone: str | None = None
    replies: list[str] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    timings_ms: dict[str, int] = field(default_factory=dict)
    error: str | None = None

    def json(self) -> str:
        return json.dumps({key: value for key, value in vars(self).items() if key != "error" or value})


class Stopwatch:
    """Fills `timings` with the milliseconds of each step. A slow machine gets all the time that it needs, and tells."""

    def __init__(self, timings: dict[str, int]) -> None:
        self._timings = timings

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        begun = time.monotonic()
        telling = asyncio.create_task(self._tell(name))
        try:
            yield
        finally:
            await cancel_and_wait(telling)
            self._timings[name] = round((time.monotonic() - begun) * 1000)

    @staticmethod
    async def _tell(name: str) -> None:
        for times in itertools.count(1):
            await asyncio.sleep(TELL_EVERY_SECONDS)
            _log.warning("step_goes_on", step=name, seconds=round(times * TELL_EVERY_SECONDS))


async def exercise(data: Path | None) -> Report:
    """Walk the newcomer's way: sign in, link, ask for a task, restart the gateway, ask for the list."""
    report = Report()
    watch = Stopwatch(report.timings_ms)
    try:
        async with contextlib.AsyncExitStack() as stack:
            async with watch.step("start"):
                demo = await stack.enter_async_context(running(data))
            await _unless_refused(demo.services, _walk(demo, report, watch))
        report.ok = True
    except ConfigurationError:
        raise
    except (ExponentialError, LinkError, httpx.HTTPError) as error:
        report.error = f"{type(error).__name__}: {error}"
    return report


async def _unless_refused(services: Running, work: Coroutine[Any, Any, None]) -> None:
    """`work`, which waits for ever for services that can't start. Raises what it raises, and ConfigurationError."""
    waiting = {asyncio.create_task(work), asyncio.create_task(services.until_refused())}
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        await cancel_and_wait(*waiting)


async def _walk(demo: Demo, report: Report, watch: Stopwatch) -> None:
    app = installation.public_url(demo.place.app)
    before = {task["id"] for task in await _tasks(demo.place)}
    async with httpx.AsyncClient(base_url=app, headers={"Origin": app}, trust_env=False, timeout=None) as browser:
        async with watch.step("sign_in"):
            answer = await browser.post(await installation.sign_in_link(demo.place.app), follow_redirects=True)
            answer.raise_for_status()
        async with watch.step("qr"):
            consent = (await browser.get("/api/whatsapp")).raise_for_status().json()["consent"]
            (await browser.post("/api/whatsapp/consent", json={"version": consent["version"]})).raise_for_status()
            session = (await browser.post("/api/whatsapp/login")).raise_for_status().json()["sessionId"]
            code = await _code(browser, session)
        async with watch.step("link"):
            await demo.alice.scan(code)
            report.linked_phone = await _connected(browser, session)
        demo.bob.send_text(demo.alice, "Hello, who is this?")  # a stranger: Paddy must stay silent
        async with watch.step("first_reply"):
            report.replies.append(await _ask(demo.alice, ASKED[0]))
        async with watch.step("gateway_restart"):
            await demo.services.gateway.restart()
            await _connected(browser, session)
        async with watch.step("second_reply"):
            report.replies.append(await _ask(demo.alice, ASKED[1]))
    report.tasks = await _tasks(demo.place)
    made = [task["title"].lower() for task in report.tasks if task["id"] not in before]
    if made != ["buy milk"] or "milk" not in report.replies[1].lower():
        raise ExponentialError("Paddy answered, but the task isn't in the workspace as it was asked for.")
    if any(line.from_me for line in demo.alice.messages(demo.bob)):
        raise ExponentialError("A stranger got an answer.")


async def _code(browser: httpx.AsyncClient, session: str) -> str:
    """Look at the QR code on the page until it is there."""
    while True:
        answer = await browser.get(f"/api/whatsapp/login/{session}/qr")
        if answer.is_success:
            return camera.read(answer.content)
        await asyncio.sleep(0.1)


async def _connected(browser: httpx.AsyncClient, session: str) -> str:
    while True:
        status = (await browser.get(f"/api/whatsapp/login/{session}/status")).raise_for_status().json()
        if status["connected"]:
            return str(status["phoneNumber"])
        await asyncio.sleep(0.1)


async def _ask(phone: Phone, text: str) -> str:
    seen = {line.id for line in phone.messages("me")}
    phone.send_text("me", text)
    return (await phone.wait_for(lambda line: line.id not in seen, chat="me", timeout=None)).text


async def _tasks(place: Installation) -> list[dict[str, Any]]:
    async with (
        key_check.opened("app", place.app.database_url, place.app.encryption_keys) as db,
        db.transaction() as session,
    ):
        user = await users.local_user(session)
        zone = zones.zone_of(user)
        return [task.as_json(zone) for task in await tasks.list_tasks(session, user.id)]
