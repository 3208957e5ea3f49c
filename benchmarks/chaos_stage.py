"""The stage of a chaos run: Postgres, the loopback server with linked phones, and both services, kept running."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from benchmarks.ports import free_port
from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.auth.users import User
from exponential.core import database, encryption
from exponential.core.database import Database
from exponential.core.errors import ExponentialError
from exponential.core.postgres import embedded
from exponential.core.postgres.embedded import EmbeddedPostgres
from exponential.core.settings import AppSettings, read, with_secrets
from exponential.gateway.client import GatewayClient
from exponential.loopback.phones import camera
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import Device
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.server import Loopback

RESTART = 0.3  # seconds until a process manager starts a dead service again
READY = 120.0  # seconds for a service's first start, or for a session's linking
STOP = 20.0  # seconds until a service that was asked to end is killed: far more than it needs


class Kept:
    """A service as a process that is started again whenever it ends. `lives` counts its processes."""

    url: str

    def __init__(self, verb: str, environment: Mapping[str, str], log: BinaryIO) -> None:
        self.lives = 0
        self._verb, self._environment, self._log = verb, environment, log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, url: str) -> None:
        """Start it and wait until it answers."""
        self.url = url
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep())
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(READY):
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{url}/health")).is_success:
                        return
                await asyncio.sleep(0.05)

    @property
    def pid(self) -> int | None:
        """None while it is down."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def kill(self) -> bool:
        """SIGKILL it; whether it was there."""
        return _kill(self.pid)

    def kill_worker(self, which: int) -> bool:
        """SIGKILL one of the gateway's workers; whether there was one."""
        workers = _children(self.pid) if self.pid else []
        return _kill(workers[which % len(workers)]) if workers else False

    async def stop(self) -> int | None:
        """Ask it to end, and see to it; its exit code, if it was there. It stays down."""
        self._keeper.cancel()
        await asyncio.wait({self._keeper})
        process = self._process
        if process is None or process.returncode is not None:
            return None
        process.terminate()
        try:
            return await asyncio.wait_for(process.wait(), STOP)
        except TimeoutError:
            process.kill()
            return await process.wait()

    async def _spawn(self) -> None:
        self.lives += 1
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "exponential",
            self._verb,
            "--with-parent",
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            await self._process.wait()
            await asyncio.sleep(RESTART)
            await self._spawn()


@dataclass
class Chat:
    """One WhatsApp chat of the run: who writes, to whom, on whose linked device it arrives, in which session."""

    phone: Phone
    to: Phone | str
    device: Device
    owner: User
    session: str


@dataclass
class Stage:
    """Everything that runs. `chats` are in the plan's numbering."""

    whatsapp: Loopback
    gateway: Kept
    app: Kept
    chats: list[Chat]
    app_database: Database
    gateway_database: Database
    postgres: "Postgres"


class Postgres:
    """The stage's own server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: EmbeddedPostgres | None = None

    async def start(self) -> EmbeddedPostgres:
        self._running = await asyncio.to_thread(embedded.start, self._folder)
        return self._running

    async def stop(self) -> None:
        """As an administrator does: running statements are cut off."""
        if self._running is not None:
            await asyncio.to_thread(self._running.stop)
        self._running = None


@asynccontextmanager
async def staged(folder: Path, *, sessions: int, chats: int = 0) -> AsyncIterator[Stage]:
    """All of it in `folder`, with `sessions` linked phones, until the block ends. The services' log is `folder`/log.

    Chats beyond the sessions' own ones are with other phones of the same owners, proved to be theirs.
    """
    settings = with_secrets(read(AppSettings, data_dir=folder))
    encryption.use_keys(settings.encryption_keys)
    postgres = Postgres(folder)
    url_of = (await postgres.start()).url
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(postgres.stop)
        log = stack.enter_context((folder / "log").open("wb"))
        whatsapp = await stack.enter_async_context(Loopback())
        urls = {"app": url_of("exponential_app"), "gateway": url_of("exponential_gateway")}
        ports = {"app": free_port(), "gateway": free_port()}
        environment = _environment(folder, urls, ports, whatsapp, sessions)
        await database.prepare_async("app", urls["app"])
        services = {verb: Kept(verb, environment, log) for verb in ("gateway", "app")}
        for verb, service in services.items():
            await service.start(f"http://127.0.0.1:{ports[verb]}")
            stack.push_async_callback(service.stop)
        app_database, gateway_database = Database(urls["app"]), Database(urls["gateway"])
        stack.push_async_callback(app_database.close)
        stack.push_async_callback(gateway_database.close)
        client = GatewayClient(f"http://127.0.0.1:{ports['gateway']}", settings.auth_secret)
        stack.push_async_callback(client.close)
        found = [await _link(whatsapp, client, app_database, number) for number in range(sessions)]
        for number in range(sessions, chats):
            found.append(await _prove(whatsapp, client, found[number % sessions], number))
        yield Stage(whatsapp, services["gateway"], services["app"], found, app_database, gateway_database, postgres)


def _environment(
    folder: Path, urls: Mapping[str, str], ports: Mapping[str, int], whatsapp: Loopback, sessions: int
) -> dict[str, str]:
    return {
        **os.environ,
        "EXPONENTIAL_DATA": str(folder),
        "EXPONENTIAL_MODEL": "",
        "DATABASE_URL": urls["app"],
        "GATEWAY_DATABASE_URL": urls["gateway"],
        "EXPONENTIAL_APP_PORT": str(ports["app"]),
        "WHATSAPP_GATEWAY_PORT": str(ports["gateway"]),
        "EXPONENTIAL_APP_URL": f"http://127.0.0.1:{ports['app']}",
        "WHATSAPP_GATEWAY_URL": f"http://127.0.0.1:{ports['gateway']}",
        "WHATSAPP_MAX_SESSIONS": str(sessions),
        "WHATSAPP_MODE": "loopback",
        "WHATSAPP_PROXY_URL": whatsapp.proxy_url,
        "WHATSAPP_LOOPBACK_CA": str(whatsapp.ca_path),
        "WHATSAPP_LOOPBACK_NOISE_ROOT": whatsapp.noise_root,
    }


async def _link(whatsapp: Loopback, client: GatewayClient, app: Database, number: int) -> Chat:
    """A user with a phone of theirs, linked: their "Message yourself" chat."""
    async with app.transaction() as db:
        owner = User(email=f"user{number}@example.org", name=f"User {number}")
        db.add(owner)
    phone = whatsapp.add_phone(f"+49151{number:08}")
    who = Identity(str(owner.id))
    session = await client.login(who)
    async with asyncio.timeout(READY):
        while True:
            with contextlib.suppress(ExponentialError, LinkError):
                device = await phone.scan(camera.read(await client.qr(who, session)))
                break
            await asyncio.sleep(0.05)
        while not (await client.login_status(who, session)).connected:
            await asyncio.sleep(0.05)
    return Chat(phone, "me", device, owner, session)


async def _prove(whatsapp: Loopback, client: GatewayClient, own: Chat, number: int) -> Chat:
    """Another phone of the owner of `own`, which texts the linked one."""
    phone = whatsapp.add_phone(f"+49152{number:08}")
    token = service_tokens.issue(own.owner.identity, secret=client._secret, audience=service_tokens.GATEWAY)
    url = f"{client._base_url}/sessions/{own.session}/proofs"
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, headers={"Authorization": f"Bearer {token}"})
    phone.send_text(own.phone, answer.raise_for_status().json()["code"])
    await phone.wait_for("yours now", chat=own.phone, timeout=READY)
    return Chat(phone, own.phone, own.device, own.owner, own.session)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text(encoding="utf-8").split()]
    return sorted(found)


def _kill(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
