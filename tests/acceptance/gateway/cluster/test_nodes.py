"""Several gateways on one Postgres, as processes: one is killed, paused, asked about what another holds; Postgres ends.

Real clients on the loopback server, one data folder per node.
"""

import asyncio
import base64
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from support.embedded_postgres import reachable_folder
from support.gateways import ADA, SECRET, App, is_status, link, workers
from support.waiting import until

from exponential.core.errors import Unavailable
from exponential.core.postgres import embedded
from exponential.gateway.client import GatewayClient
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import Device
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone

CHAT = "{}@s.whatsapp.net"
TAKEN_OVER = 15.0  # seconds, docs/nodes.md


class Node:
    """A gateway process and a client of its API."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self._log = folder / "log"
        with self._log.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "exponential", "gateway", "--data", str(folder)],
                env=environment,
                stderr=stderr,
                cwd=folder,
            )

    async def ready(self) -> None:
        def listening() -> re.Match[str] | None:
            assert self.process.poll() is None, self.log
            return re.search(r"gateway_listening.* port=(\d+)", self.log)

        port = await until(listening, within=60)
        self.client = GatewayClient(f"http://127.0.0.1:{port[1]}", SECRET)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def workers(self) -> list[int]:
        return workers(self.process.pid)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> None:
        self.process.kill()
        await asyncio.to_thread(self.process.wait)
        await self.client.close()


StartNode = Callable[[], Awaitable[Node]]


class OwnPostgres:
    """A server that a test may stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()

    def start(self) -> None:
        self._server = embedded.start(self._folder)
        self.url = self._server.url

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    with reachable_folder() as folder:
        server = OwnPostgres(folder)
        yield server
        server.stop()


@pytest.fixture
def nodes_url(database_url: Callable[[str], str]) -> str:
    return database_url("gateway")


@pytest.fixture
async def start_node(nodes_url: str, whatsapp: Loopback, app: App, tmp_path: Path) -> AsyncIterator[StartNode]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "DATABASE_URL": nodes_url,
        "GATEWAY_DATABASE_URL": nodes_url,
        "AUTH_SECRET": SECRET,
        "EXPONENTIAL_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "EXPONENTIAL_APP_URL": app.url,
        "WHATSAPP_GATEWAY_PORT": "0",
        "WHATSAPP_MODE": "loopback",
        "WHATSAPP_PROXY_URL": whatsapp.proxy_url,
        "WHATSAPP_LOOPBACK_CA": str(whatsapp.ca_path),
        "WHATSAPP_LOOPBACK_NOISE_ROOT": whatsapp.noise_root,
    }
    async with AsyncExitStack() as stack:
        count = 0

        async def start() -> Node:
            nonlocal count
            count += 1
            node = Node(tmp_path / f"node-{count}", environment)
            stack.callback(node.process.wait)
            stack.callback(node.process.kill)
            await node.ready()
            stack.push_async_callback(node.client.close)
            return node

        yield start


@pytest.fixture
def adas_phone(phone: NewPhone) -> Phone:
    return phone("Ada")


def logins(whatsapp: Loopback, device: Device) -> int:
    """How often this device has logged in."""
    entries = [entry for entry in whatsapp.wire if entry.direction == "out" and entry.device == str(device.jid)]
    return sum(entry.stanza.tag == "success" for entry in entries)


def replaced(whatsapp: Loopback, device: Device) -> bool:
    """Whether WhatsApp ever told this device that another client took its place."""
    entries = [entry.stanza for entry in whatsapp.wire if entry.device == str(device.jid)]
    return any(stanza.tag == "stream:error" for stanza in entries)


def epochs(url: str) -> dict[str, tuple[int | None, int]]:
    """Holder and epoch of each session."""
    query = "select id, holder, holder_epoch from sessions"
    with psycopg.connect(url) as connection:
        return {str(row[0]): (row[1], row[2]) for row in connection.execute(query)}


async def taken_over(node: Node, session: str, device: Device, whatsapp: Loopback, before: int) -> float:
    """Wait until `node` has the session online; the seconds it took from the call on."""
    began = time.monotonic()
    await until(lambda: logins(whatsapp, device) > before, within=TAKEN_OVER)
    await until(lambda: is_status(node, session, "connected"), within=TAKEN_OVER)
    return time.monotonic() - began


async def test_a_killed_nodes_sessions_are_held_by_another_without_a_scan(
    start_node: StartNode, nodes_url: str, whatsapp: Loopback, phone: NewPhone, app: App
) -> None:
    first, second = await asyncio.gather(start_node(), start_node())
    ada, bob = phone("Ada"), phone("Bob")
    adas, adas_device = await link(first, ada)
    bobs, bobs_device = await link(second, bob)
    assert epochs(nodes_url)[adas][0] != epochs(nodes_url)[bobs][0]

    bobs_logins, adas_logins = logins(whatsapp, bobs_device), logins(whatsapp, adas_device)
    first.signal(signal.SIGKILL)
    ada.send_text("me", "is anybody there?")
    took = await taken_over(second, adas, adas_device, whatsapp, adas_logins)
    print(f"\nkilled node: online elsewhere after {took:.1f} s")
    await until(lambda: app.texts == ["is anybody there?"])
    message = await second.client.send(ADA, adas, CHAT.format(ada.number.lstrip("+")), "I am.", key="1")
    await ada.wait_for("I am.")
    await until(lambda: is_sent(second, adas, message))
    assert epochs(nodes_url)[adas] == (epochs(nodes_url)[bobs][0], 2)
    assert logins(whatsapp, bobs_device) == bobs_logins  # those of the living node never noticed
    assert len(ada.linked_devices) == 1
    assert app.texts == ["is anybody there?"]


async def test_a_paused_nodes_sessions_are_taken_over_and_it_lets_go_when_it_wakes(
    start_node: StartNode, nodes_url: str, whatsapp: Loopback, adas_phone: Phone, app: App
) -> None:
    first, second = await asyncio.gather(start_node(), start_node())
    session, device = await link(first, adas_phone)
    before = logins(whatsapp, device)
    [worker] = first.workers
    first.signal(signal.SIGSTOP)
    try:
        took = await taken_over(second, session, device, whatsapp, before)
        print(f"\npaused node: online elsewhere after {took:.1f} s")
        status = Path(f"/proc/{worker}/status")
        assert not status.exists() or "zombie" in status.read_text(encoding="utf-8")
        adas_phone.send_text("me", "while it sleeps")
        await until(lambda: app.texts == ["while it sleeps"])
        held = epochs(nodes_url)[session]
    finally:
        first.signal(signal.SIGCONT)
    await until(lambda: "node_lets_go" in first.log)
    connection, count = whatsapp.connection(device), logins(whatsapp, device)
    await until(lambda: first.log.count("node_joined") == 2)
    await several_beats(nodes_url)
    assert await is_status(second, session, "connected")
    assert await is_status(first, session, "connected")
    assert whatsapp.connection(device) is connection
    assert logins(whatsapp, device) == count == before + 1
    assert not replaced(whatsapp, device)
    assert epochs(nodes_url)[session] == held
    adas_phone.send_text("me", "afterwards")
    await until(lambda: app.texts == ["while it sleeps", "afterwards"])


async def test_a_whole_machine_that_was_paused_does_not_disturb_the_new_holder(
    start_node: StartNode, nodes_url: str, whatsapp: Loopback, adas_phone: Phone, app: App
) -> None:
    first, second = await asyncio.gather(start_node(), start_node())
    session, device = await link(first, adas_phone)
    before = logins(whatsapp, device)
    processes = [*first.workers, first.process.pid]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        await taken_over(second, session, device, whatsapp, before)
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    await until(lambda: first.log.count("node_joined") == 2)
    await several_beats(nodes_url)
    assert await is_status(second, session, "connected")
    assert logins(whatsapp, device) == before + 1
    adas_phone.send_text("me", "hello")
    await until(lambda: app.texts == ["hello"])


async def test_any_node_answers_for_a_session_that_another_holds(
    start_node: StartNode, whatsapp: Loopback, adas_phone: Phone, app: App
) -> None:
    holder, other = await asyncio.gather(start_node(), start_node())
    session, device = await link(holder, adas_phone)
    chat = CHAT.format(adas_phone.number.lstrip("+"))
    assert [info.session_id for info in await other.client.sessions(ADA)] == [session]
    await other.client.typing(ADA, session, chat, True)
    await whatsapp.wire.until("in", "chatstate")
    message = await other.client.send(ADA, session, chat, "from the other node", key="1")
    await adas_phone.wait_for("from the other node")
    await until(lambda: is_sent(holder, session, message))
    assert await other.client.groups(ADA, session) == []

    pending = await holder.client.login(ADA)
    await until(lambda: qr_of(other, pending))
    code = await other.client.qr(ADA, pending)
    await other.client.restart(ADA, pending)
    await until(lambda: qr_changed(other, pending, code))

    await other.client.disconnect(ADA, session)
    assert adas_phone.linked_devices == []
    assert [info.session_id for info in await holder.client.sessions(ADA)] == [pending]
    assert whatsapp.connection(device) is None


async def is_sent(node: Node, session: str, message: str) -> bool:
    return await node.client.message(ADA, session, message) in ("sent", "delivered")


async def qr_of(node: Node, session: str) -> bool:
    return (await node.client.login_status(ADA, session)).qr_available


async def qr_changed(node: Node, session: str, code: bytes) -> bool:
    return await qr_of(node, session) and await node.client.qr(ADA, session) != code


async def test_a_node_that_stops_in_order_hands_its_sessions_over_at_once(
    start_node: StartNode, whatsapp: Loopback, adas_phone: Phone, app: App
) -> None:
    first, second = await asyncio.gather(start_node(), start_node())
    session, device = await link(first, adas_phone)
    before = logins(whatsapp, device)
    first.signal(signal.SIGTERM)
    took = await taken_over(second, session, device, whatsapp, before)
    print(f"\nstopped node: online elsewhere after {took:.1f} s")
    assert not replaced(whatsapp, device)
    adas_phone.send_text("me", "hello")
    await until(lambda: app.texts == ["hello"])


async def several_beats(url: str) -> None:
    """Until both nodes have beaten several times, and done what there is to do after each."""
    seen: dict[int, set[datetime]] = defaultdict(set)

    def have_beaten() -> bool:
        with psycopg.connect(url) as connection:
            nodes = connection.execute("select number, seen_at from nodes").fetchall()
        for number, seen_at in nodes:
            seen[number].add(seen_at)
        return len(nodes) == 2 and all(len(seen[number]) > 3 for number, _ in nodes)

    await until(have_beaten)


class TestPostgresThatStops:
    @pytest.fixture
    def nodes_url(self, own_postgres: OwnPostgres) -> str:
        return own_postgres.url("gateway")

    async def test_a_restart_of_postgres_loses_no_session_and_no_connection(
        self,
        start_node: StartNode,
        nodes_url: str,
        own_postgres: OwnPostgres,
        whatsapp: Loopback,
        phone: NewPhone,
        app: App,
    ) -> None:
        nodes = await asyncio.gather(start_node(), start_node())
        linked = [await link(node, phone(name)) for node, name in zip(nodes, ("Ada", "Bob"), strict=True)]
        before, counts = epochs(nodes_url), [logins(whatsapp, device) for _, device in linked]
        await asyncio.to_thread(own_postgres.stop)
        await until(lambda: all("node_cut_off" in node.log for node in nodes))
        await asyncio.to_thread(own_postgres.start)
        for node, (session, _) in zip(nodes, linked, strict=True):
            await until(lambda node=node, session=session: answers(node, session))
        phones = whatsapp.phones
        for each in phones:
            each.send_text("me", f"{each.name} again")
        await until(lambda: sorted(app.texts) == ["Ada again", "Bob again"])
        assert epochs(nodes_url) == before
        assert [logins(whatsapp, device) for _, device in linked] == counts

    async def test_a_long_outage_ends_the_clients_and_all_sessions_come_back_without_a_scan(
        self,
        start_node: StartNode,
        own_postgres: OwnPostgres,
        whatsapp: Loopback,
        adas_phone: Phone,
        app: App,
    ) -> None:
        first, second = await asyncio.gather(start_node(), start_node())
        session, device = await link(first, adas_phone)
        before = logins(whatsapp, device)
        await asyncio.to_thread(own_postgres.stop)
        await until(lambda: whatsapp.connection(device) is None)  # nobody may hold it: another node might
        await until(lambda: "node_lets_go" in first.log and "node_lets_go" in second.log)
        await asyncio.to_thread(own_postgres.start)
        await until(lambda: logins(whatsapp, device) > before)
        await until(lambda: answers(second, session))
        assert logins(whatsapp, device) == before + 1
        adas_phone.send_text("me", "hello")
        await until(lambda: app.texts == ["hello"])


async def answers(node: Node, session: str) -> bool:
    try:
        return await is_status(node, session, "connected")
    except Unavailable:
        return False
