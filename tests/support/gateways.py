"""Running gateways for tests, an app that takes their messages, and the cast: Ada and Bob, two users.

`start_gateway` runs one with everything but WhatsApp, `start_real_gateway` one whose real clients talk to the loopback
server. Named in tests/conftest.py.
"""

import io
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import zxingcpp
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from PIL import Image

from exponential.auth.service_tokens import APP, GATEWAY, Identity, from_header, issue, verify
from exponential.core.database import Part
from exponential.core.errors import ExponentialError
from exponential.core.settings import GatewaySettings, read
from exponential.gateway import service
from exponential.gateway.client import GatewayClient
from exponential.gateway.messages.pacing import Pace
from exponential.gateway.operations import Operations
from exponential.gateway.timing import Timing
from exponential.gateway.worker.process import Launch
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import Device
from exponential.loopback.server.server import Loopback
from support.http_server import serving
from support.waiting import until

SECRET = "a secret of more than thirty-two characters"
ADA, BOB = Identity("ada", "ada@example.org", "Ada"), Identity("bob")
PAPER = Launch("support.gateway.paper_worker", {"PYTHONPATH": str(Path(__file__).parent.parent)})


def children(pid: int) -> set[int]:
    """Process ids of the children of a process."""
    return {int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _read(task / "children").split()}


def workers(pid: int | None = None) -> list[int]:
    """Process ids of the workers of a gateway process, by default this one.

    Not every child is one: a child between fork and exec still looks like its parent, and libraries start programs too.
    """
    return [child for child in children(pid or os.getpid()) if b"\0-P\0-m\0" in _read(Path(f"/proc/{child}/cmdline"))]


def _read(path: Path) -> bytes:
    """What a file in /proc says; nothing when its process is gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


class App:
    """The app's side of delivery: remembers what it took; `answer` decides, per message, what it says."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.offered: list[tuple[str, str]] = []
        self.owners: list[str] = []
        self.answer: Callable[[dict[str, Any]], Awaitable[int]] = self._yes
        self.url = ""
        self._users: dict[str, App] = {}

    def of(self, user: Identity) -> "App":
        """What it takes of this user, apart from everybody else's."""
        return self._users.setdefault(user.user_id, App())

    @staticmethod
    async def _yes(_message: dict[str, Any]) -> int:
        return 202

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.taken]

    def asgi(self) -> FastAPI:
        asgi = FastAPI()

        @asgi.post("/api/whatsapp-gateway/messages")
        async def take(request: Request) -> JSONResponse:
            identity = verify(from_header(request.headers.get("Authorization")), secret=SECRET, audience=APP)
            message = await request.json()
            app = self._users.get(identity.user_id, self)
            app.offered.append((message["chat"], message["text"]))
            status = await app.answer(message)
            if status == 202:
                app.taken.append(message)
                app.owners.append(identity.user_id)
            return JSONResponse({"accepted": status == 202, "duplicate": False}, status)

        return asgi


class Gateway:
    """A running gateway: its typed client, and plain HTTP for what the client would never send."""

    def __init__(self, app: FastAPI) -> None:
        self.asgi = app
        self.operations: Operations = app.state.operations
        transport = httpx.ASGITransport(app=app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        self.client = GatewayClient(
            "http://gateway", SECRET, http=httpx.AsyncClient(transport=transport, base_url="http://gateway")
        )

    def headers(self, who: Identity) -> dict[str, str]:
        """What plain HTTP needs to speak as this user."""
        return {"Authorization": f"Bearer {issue(who, secret=SECRET, audience=GATEWAY)}"}

    @asynccontextmanager
    async def served(self) -> AsyncIterator[GatewayClient]:
        """The gateway on a real port, where streams stream; yields a client of it."""
        async with serving(self.asgi, before_stop=self.operations.events.close, lifespan="off") as url:
            client = GatewayClient(url, SECRET)
            yield client
            await client.close()

    async def close(self) -> None:
        await self.http.aclose()
        await self.client.close()


StartGateway = Callable[..., AbstractAsyncContextManager[Gateway]]


@pytest.fixture
async def app() -> AsyncIterator[App]:
    stand_in = App()
    async with serving(stand_in.asgi()) as stand_in.url:
        yield stand_in


@pytest.fixture
def timing() -> Timing:
    """How long gateways wait for what; a test that wants another one parametrizes it."""
    return Timing()


@pytest.fixture
def start_gateway(prepared_url: Callable[[Part], str], tmp_path: Path, ring_key: bytes, timing: Timing) -> StartGateway:
    """`async with start_gateway() as gateway:`; starting again continues on the same data, as a restart does."""
    url = prepared_url("gateway")

    @asynccontextmanager
    async def start(
        launch: Launch | None = PAPER, *, pace: Pace | None = None, **settings: Any
    ) -> AsyncIterator[Gateway]:
        given = {"database_url": url, "encryption_keys": (ring_key,), "data_dir": tmp_path, **settings}
        async with running(given, launch, pace, timing) as gateway:
            yield gateway

    return start


@asynccontextmanager
async def running(
    settings: dict[str, Any], launch: Launch | None = None, pace: Pace | None = None, timing: Timing | None = None
) -> AsyncIterator[Gateway]:
    asgi = service.application(
        read(GatewaySettings, **{"auth_secret": SECRET, **settings}),
        launch=launch,
        pace=pace or Pace(0, 0, 0),
        timing=timing or Timing(),
    )
    async with asgi.router.lifespan_context(asgi):
        gateway = Gateway(asgi)
        yield gateway
        await gateway.close()


@pytest.fixture
def start_real_gateway(start_gateway: StartGateway, whatsapp: Loopback, app: App) -> StartGateway:
    """Start (or restart) a gateway whose clients talk to the loopback server; `settings` as for GatewaySettings."""

    def start(launch: Launch | None = None, **settings: Any) -> AbstractAsyncContextManager[Gateway]:
        return start_gateway(launch, **{**between(whatsapp, app), **settings})

    return start


def between(whatsapp: Loopback, app: App) -> dict[str, Any]:
    """Settings of a gateway whose clients talk to the loopback server."""
    return {
        "app_url": app.url,
        "mode": "loopback",
        "proxy_url": whatsapp.proxy_url,
        "loopback_ca": whatsapp.ca_path,
        "loopback_noise_root": whatsapp.noise_root,
    }


@dataclass
class SharedGateway:
    """A gateway for the tests of a module; each has a user and phones of its own."""

    gateway: Gateway
    whatsapp: Loopback
    app: App
    sessions: Path
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def user(self) -> Identity:
        return Identity(f"user-{next(self._numbers)}")

    def phone(self, name: str) -> Phone:
        return self.whatsapp.add_phone(f"+4915112{next(self._numbers):06}", name)


@pytest.fixture(scope="module")
async def shared_gateway(
    shared_url: Callable[[Part], str], ring_key: bytes, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SharedGateway]:
    """With real clients."""
    folder, app = tmp_path_factory.mktemp("gateway"), App()
    given = {"database_url": shared_url("gateway"), "encryption_keys": (ring_key,), "data_dir": folder}
    async with (
        Loopback() as whatsapp,
        serving(app.asgi()) as app.url,
        running({**given, **between(whatsapp, app)}) as gateway,
    ):
        yield SharedGateway(gateway, whatsapp, app, folder / "gateway" / "sessions")


@pytest.fixture
def session_folder(tmp_path: Path) -> Callable[[str], Path]:
    return lambda session: tmp_path / "gateway" / "sessions" / session


async def scan(gateway: Gateway, folder: Path, session: str, *, who: Identity = ADA) -> None:
    """Have a paper session's code scanned and wait until it is connected."""
    (folder.parent / f"scan-{session}").touch()
    await until(lambda: _connected(gateway, session, who))


async def _connected(gateway: Gateway, session: str, who: Identity) -> bool:
    return (await gateway.client.login_status(who, session)).connected


async def shown(gateway: Gateway, session: str, *, who: Identity = ADA) -> str:
    """The text of the QR code that the gateway shows, as soon as it shows one."""

    async def picture() -> bytes | None:
        try:
            return await gateway.client.qr(who, session)
        except ExponentialError:
            return None

    return str(zxingcpp.read_barcodes(Image.open(io.BytesIO(await until(picture))))[0].text)


async def link(gateway: Gateway, phone: Phone, *, who: Identity = ADA) -> tuple[str, Device]:
    """Link a phone by scanning: the session that is connected, and the device that the phone lists for it."""
    session = await gateway.client.login(who)
    device = await phone.scan(await shown(gateway, session, who=who))
    await until(lambda: is_status(gateway, session, "connected", who=who))
    return session, device


async def is_status(gateway: Gateway, session: str, status: str, *, who: Identity = ADA) -> bool:
    return (await gateway.client.login_status(who, session)).status == status
