"""What the gate and durable credentials cost: a burst of messages and a linking, side by side with the bare client.

    uv run python -m benchmarks.burst [--messages 1000] [--rounds 5]

Four ways, in turn, each with a fresh account on the loopback server: "bare on disk" is neonize as everybody runs it,
its store a file; "bare in memory" is the same with its store in memory; "ours, no gate" is our worker with a store in
memory that nobody keeps and a gate that stands open; "ours" is our worker as it is, its store at home in an embedded
Postgres. Prints one JSON object a run (CPU seconds of the client's process for the linking, its CPU milliseconds per
message, messages per second, CPU milliseconds per message of everything else: phones, server, the gateway's part), then
the medians and how they compare to "bare on disk".
"""

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from exponential.core import clock, database, encryption
from exponential.core.database import Database
from exponential.core.postgres import embedded
from exponential.core.settings import GatewaySettings, read
from exponential.gateway.cluster.lease import Lease
from exponential.gateway.credentials.checkouts import Checkouts
from exponential.gateway.credentials.credential_store import CredentialStore
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker import loopback_trust, protocol, spool
from exponential.gateway.worker.process import Launch, WorkerProcess
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback

KEY = b"b" * 32
WARM_UP = 100  # messages before those that are measured
QUIET_SECONDS, QUIET_CPU = 0.3, 0.02  # a process that uses less CPU in this time has settled
WAYS = ("bare on disk", "bare in memory", "ours, no gate", "ours")
FIGURES = ("linking_cpu_s", "cpu_ms_per_message", "messages_per_s", "other_cpu_ms_per_message")


class Run:
    """One client in a process of its own, and what comes from it."""

    def __init__(self, stores: Checkouts, phone: Phone) -> None:
        self._stores = stores
        self._phone = phone
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept = 0
        self._online = asyncio.Event()
        self._more = asyncio.Event()
        self._reader: spool.SpoolReader | None = None
        self.process: WorkerProcess

    async def start(self, way: str, whatsapp: Loopback, session: UUID, folder: Path) -> float:
        """Start the process and link it; the CPU seconds that it took, without those for loading the library."""
        self.process = await WorkerProcess.start(_launch(way, whatsapp), Lease(), self._changed)
        self.process.tell(protocol.Configure(spool.derive_keys([KEY])[0].hex()))
        events = self.process.events()
        await anext(events)  # Ready
        loaded = self.cpu()
        async with self._stores.checked_out(session, lambda: True) as checked_out:
            assert checked_out is not None
            copy, content = checked_out
        home = folder / str(session)
        if way.startswith("ours"):
            self._reader = spool.SpoolReader(home, spool.derive_keys([KEY]))
        self.process.tell(protocol.Open(str(session), str(home), store=str(copy.name), content=content))
        self._keep(self._hear(events))
        await self._online.wait()
        while not any(device.one_time for device in self._phone.linked_devices):  # its pre-keys are there
            await asyncio.sleep(0.05)
        await self.settled()
        return self.cpu() - loaded

    async def burst(self, count: int) -> None:
        """Send to the account's own chat, and wait until the client has handed all of it on."""
        goal = self._kept + count
        for number in range(count):
            self._phone.send_text("me", f"message {number}")
            if number % 20 == 0:
                await asyncio.sleep(0)
        while self._kept < goal:
            self._more.clear()
            await self._more.wait()

    def cpu(self) -> float:
        """CPU seconds of the process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    async def close(self) -> None:
        await self.process.close()
        for task in self._tasks:
            task.cancel()
        if self._reader is not None:
            self._reader.close()

    async def _hear(self, events: AsyncIterator[protocol.Event]) -> None:
        async for event in events:
            match event:
                case protocol.QrCode(_, code):
                    await self._phone.scan(code)
                case protocol.Online():
                    self._online.set()
                case protocol.Spooled() if self._reader is None:
                    self._kept += 1
                case protocol.Spooled() if self._reader is not None:
                    self._kept += len(self._reader.read())
                    self._reader.trim()
            self._more.set()

    def _changed(self, process: WorkerProcess, change: protocol.StoreChanged) -> None:
        async def keep() -> None:
            kept = await self._stores.keep(change, lambda: True)
            process.tell(protocol.StoreKept(change.session, change.store, kept))

        self._keep(keep())

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        before = -1.0
        while (now := self.cpu()) - before > QUIET_CPU:
            before = now
            await asyncio.sleep(QUIET_SECONDS)


async def measure(way: str, messages: int, whatsapp: Loopback, db: Database, folder: Path) -> dict[str, float]:
    session = await _session(db)
    phone = whatsapp.add_phone(f"+49151{session.int % 10**8:08}", "Ada")
    run = Run(Checkouts(CredentialStore(db, [KEY]), folder), phone)
    linking = await run.start(way, whatsapp, session, folder)
    await run.burst(WARM_UP)
    await run.settled()
    cpu, other, begun = run.cpu(), _own_cpu(), time.monotonic()
    await run.burst(messages)
    took = time.monotonic() - begun
    await run.settled()  # acknowledgements are part of it
    cpu, other = run.cpu() - cpu, _own_cpu() - other
    await run.close()
    figures = (linking, 1000 * cpu / messages, messages / took, 1000 * other / messages)
    return dict(zip(FIGURES, (round(figure, 2) for figure in figures), strict=True))


async def _session(db: Database) -> UUID:
    now = clock.now()
    session = Session(
        id=clock.new_id(), owner="b", status=sessions.PENDING, reason="", since=now, created_at=now, linked=False
    )
    async with db.transaction() as transaction:
        transaction.add(session)
    return session.id


def _launch(way: str, whatsapp: Loopback) -> Launch:
    settings = read(
        GatewaySettings,
        mode="loopback",
        proxy_url=whatsapp.proxy_url,
        loopback_ca=whatsapp.ca_path,
        loopback_noise_root=whatsapp.noise_root,
    )
    environment = {**loopback_trust.environment(settings), "BENCHMARK_WAY": way}
    return Launch("benchmarks.burst_worker", environment, "error")


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def compare(results: dict[str, list[dict[str, float]]]) -> list[str]:
    """Lines for people: the medians, and in brackets how they compare to the first way."""
    medians = {
        way: {figure: statistics.median(run[figure] for run in runs) for figure in FIGURES}
        for way, runs in results.items()
    }
    base = medians[WAYS[0]]
    lines = []
    for way, found in medians.items():
        figures = (f"{name} {found[name]:.2f} ({found[name] / base[name]:.2f} x)" for name in FIGURES)
        lines.append(f"{way}: " + ", ".join(figures))
    return lines


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    encryption.use_keys((KEY,))
    results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="exponential-benchmark-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = embedded.start(folder)
        await database.prepare_async("gateway", server.url("gateway"))
        db = Database(server.url("gateway"))
        async with Loopback() as whatsapp:
            for number in range(options.rounds):
                for way in WAYS:
                    result = await measure(way, options.messages, whatsapp, db, folder / f"round {number}")
                    results[way].append(result)
                    print(json.dumps({"way": way, **result}), flush=True)
        await db.close()
        server.stop()
    print("\n".join(compare(results)))


if __name__ == "__main__":
    asyncio.run(main())
