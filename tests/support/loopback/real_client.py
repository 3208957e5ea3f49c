"""Real clients, in processes of their own, linked to phones of the loopback server; named in tests/conftest.py."""

import asyncio
import base64
import contextlib
import multiprocessing
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from multiprocessing import forkserver
from pathlib import Path

import pytest
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message

from exponential.loopback.phones.phone import ChatMessage, Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone
from support.environment import bare
from support.loopback import client_process

TESTS = Path(__file__).parents[2]
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["__main__", client_process.IMPORTS, client_process.__name__])


class Client:
    """The child process of client.py: `until` waits for a line that begins with a word; `warnings` is its log."""

    def __init__(self, whatsapp: Loopback, store: Path) -> None:
        self._whatsapp = whatsapp
        self._store = store
        self.warnings: list[str] = []
        self._lines: list[str] = []
        self._news = asyncio.Event()

    async def start(self) -> None:
        whatsapp, ca = self._whatsapp, Path(self._whatsapp.ca_path)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("PYTHONPATH", str(TESTS))
            environment.setenv("SSL_CERT_FILE", ca.name)
            forkserver.ensure_running()
        ours, theirs = socket.socketpair()
        with theirs:
            details = theirs, self._store, ca.parent, whatsapp.proxy_url, whatsapp.noise_root
            self._process = _forks.Process(target=client_process.run, args=details, daemon=True)
            await asyncio.to_thread(self._process.start)
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionResetError):  # it was killed with a command unread
            async for line in reader:
                self._lines.append(line.decode().strip())
                if self._lines[-1].startswith("log "):
                    self.warnings.append(self._lines[-1])
                self._news.set()

    async def until(self, word: str, timeout: float = 60) -> str:
        """The rest of the first line that begins with `word`; that line and those before it are used up."""
        async with asyncio.timeout(timeout):
            while True:
                for index, line in enumerate(self._lines):
                    if line.split(" ")[0] == word:
                        del self._lines[: index + 1]
                        return line.partition(" ")[2]
                self._news.clear()
                await self._news.wait()

    async def say(self, command: str) -> None:
        self._writer.write(f"{command}\n".encode())
        await self._writer.drain()

    async def kill(self) -> None:
        self._process.kill()
        await asyncio.to_thread(self._process.join)
        await self._reading
        self._writer.close()


@asynccontextmanager
async def program(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`exponential ARGUMENTS`, told to stop at the end, which it must do in peace unless the test killed it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exponential", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=bare(**environment),
    )
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(15):
                await process.communicate()
            assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def alice(phone: NewPhone) -> Phone:
    return phone("Alice", number="+4915110000001")


@pytest.fixture
def bob(phone: NewPhone) -> Phone:
    return phone("Bob", number="+4915110000002")


@pytest.fixture
async def new_client(whatsapp: Loopback, tmp_path: Path) -> AsyncIterator[Callable[[str], Client]]:
    """`new_client("name")` → a client with a store of that name; all are killed after the test."""
    made: list[Client] = []

    def make(name: str = "store") -> Client:
        made.append(Client(whatsapp, tmp_path / name))
        return made[-1]

    yield make
    for client in made:
        await client.kill()


@pytest.fixture
async def linked(new_client: Callable[[str], Client], alice: Phone) -> Client:
    """A client linked to Alice's phone and logged in."""
    client = new_client("linked")
    await client.start()
    await alice.scan(await client.until("qr"))
    await client.until("connected")
    return client


@pytest.fixture
async def named(linked: Client, new_client: Callable[[str], Client], tmp_path: Path) -> Client:
    """The client with a name, without which whatsmeow says nothing of its presence. WhatsApp gives it by app state."""
    await linked.kill()
    with closing(sqlite3.connect(tmp_path / "linked")) as store:
        assert store.execute("UPDATE whatsmeow_device SET push_name = 'Alice'").rowcount == 1
        store.commit()
    client = new_client("linked")
    await client.start()
    await client.until("connected")
    return client


async def said(client: Client) -> Message:
    """The next message that the client hears."""
    return Message.FromString(base64.b64decode((await client.until("said")).split(" ")[3]))


async def do(client: Client, *command: str) -> str:
    """Have the client run a command (client_messages.py) and return what it answers."""
    await client.say(" ".join(command))
    outcome, _, result = (await client.until("did")).partition(":")
    assert outcome == f"{command[0]} well ", result
    return result.strip()


def decoded(text: str) -> bytes:
    return base64.b64decode(text)


def encoded(message: Message) -> str:
    return base64.b64encode(message.SerializeToString()).decode()


async def send(client: Client, to: Phone, message: Message) -> str:
    return await do(client, "send", str(to.account.lid), encoded(message))


async def shown(phone: Phone, chat: Phone, id: str) -> ChatMessage:
    return await phone.wait_for(lambda line: line.id == id, chat=chat)
