"""A gateway with everything but WhatsApp, an app that takes its messages, and the cast: Ada and Bob, two users."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from serving import serving

from exponential import database, encryption
from exponential.auth.tokens import APP, Identity, from_header, verify
from exponential.gateway import service
from exponential.gateway.client import GatewayClient
from exponential.gateway.operations import Operations
from exponential.gateway.outbox import Pace
from exponential.gateway.process import Launch
from exponential.settings import GatewaySettings, read

SECRET = "a secret of more than thirty-two characters"
ADA, BOB = Identity("ada", "ada@example.org", "Ada"), Identity("bob")
PAPER = Launch("paper_worker", {"PYTHONPATH": str(Path(__file__).parent)})


async def until(condition: Callable[[], Any] | Callable[[], Awaitable[Any]], *, within: float = 20) -> Any:
    """Wait for a condition and return what it answered."""
    async with asyncio.timeout(within):
        while True:
            answer = condition()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.01)


def children(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _read(task / "children").split()]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


class App:
    """The app's side of delivery: remembers what it took; `answer` decides, per message, what it says."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.offered: list[tuple[str, str]] = []
        self.owners: list[str] = []
        self.answer: Callable[[dict[str, Any]], Awaitable[int]] = self._yes
        self.url = ""

    @staticmethod
    async def _yes(_message: dict[str, Any]) -> int:
        return 202

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.taken]

    def asgi(self) -> FastAPI:
        app = FastAPI()

        @app.post("/api/whatsapp-gateway/messages")
        async def take(request: Request) -> JSONResponse:
            identity = verify(from_header(request.headers.get("Authorization")), secret=SECRET, audience=APP)
            message = await request.json()
            self.offered.append((message["chat"], message["text"]))
            status = await self.answer(message)
            if status == 202:
                self.taken.append(message)
                self.owners.append(identity.user_id)
            return JSONResponse({"accepted": status == 202, "duplicate": False}, status)

        return app


class Gateway:
    """A running gateway: its typed client, and plain HTTP for what the client would never send."""

    def __init__(self, app: FastAPI) -> None:
        self.operations: Operations = app.state.operations
        transport = httpx.ASGITransport(app=app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        self.client = GatewayClient(
            "http://gateway", SECRET, http=httpx.AsyncClient(transport=transport, base_url="http://gateway")
        )

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
async def start_gateway(database_url: Callable[[str], str], tmp_path: Path) -> StartGateway:
    """`async with start_gateway() as gateway:`; starting again continues on the same data, as a restart does."""
    key = secrets.token_bytes(32)
    encryption.use_keys((key,))
    url = database_url("gateway")
    await database.prepare_async("gateway", url)

    @asynccontextmanager
    async def start(launch: Launch | None = PAPER, **settings: Any) -> AsyncIterator[Gateway]:
        given = {"database_url": url, "auth_secret": SECRET, "encryption_keys": (key,), "data_dir": tmp_path}
        asgi = service.application(read(GatewaySettings, **{**given, **settings}), launch=launch, pace=Pace(0, 0, 0))
        async with asgi.router.lifespan_context(asgi):
            gateway = Gateway(asgi)
            yield gateway
            await gateway.close()

    return start


@pytest.fixture
def session_folder(tmp_path: Path) -> Callable[[str], Path]:
    return lambda session: tmp_path / "gateway" / "sessions" / session


async def scan(gateway: Gateway, folder: Path, session: str, *, who: Identity = ADA) -> None:
    """Have a paper session's code scanned and wait until it is connected."""
    (folder.parent / f"scan-{session}").touch()
    await until(lambda: _connected(gateway, session, who))


async def _connected(gateway: Gateway, session: str, who: Identity) -> bool:
    return (await gateway.client.login_status(who, session)).connected
