"""What sealing the credential stores costs: the real worker and client, side by side with three kinds of store.

    uv run python -m benchmarks.credentials [--messages 2000] [--rounds 3]

"plain" is SQLite as it is, "sealed" goes through the encrypting shim, "home" also brings every commit to an embedded
Postgres. Prints one JSON object per kind: seconds to link, CPU milliseconds per inbound message of the worker and of
this process (phones, server and, for "home", the gateway's part), messages per second in a burst, pushes and pages per
message; "alone" is the same for messages that come one by one.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from pathlib import Path
from uuid import UUID

from exponential import clock, database, embedded, encryption
from exponential.database import Database
from exponential.gateway import sessions, spool, trust, wire
from exponential.gateway.lease import Lease
from exponential.gateway.process import Launch, WorkerProcess
from exponential.gateway.sessions import Session
from exponential.gateway.vault import Vault, copy_name
from exponential.loopback.phone import Phone
from exponential.loopback.server import Loopback
from exponential.settings import GatewaySettings, read

KEY = b"b" * 32
ALONE = 100  # messages sent one by one, each when the one before is kept: no push is shared


class Run:
    """One worker with one session, and what comes from it."""

    def __init__(self, vault: Vault, session: UUID, folder: Path) -> None:
        self.vault, self.session, self.folder = vault, session, folder
        self.tasks: set[asyncio.Task[None]] = set()
        self.pushes = self.pages = 0

    def changed(self, process: WorkerProcess, change: wire.Changed) -> None:
        task = asyncio.create_task(self._keep(process, change))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _keep(self, process: WorkerProcess, change: wire.Changed) -> None:
        units = wire.changes_file(self.folder / change.store).read_bytes()
        await self.vault.keep(self.session, copy_name(change.store), change.units, units, change.size)
        self.pushes += 1
        self.pages += len(change.units)
        process.tell(wire.Kept(change.session, change.store, True))


async def measure(kind: str, messages: int, whatsapp: Loopback, db: Database, folder: Path) -> dict[str, object]:
    session = await _session(db)
    copy = await Vault(db, [KEY]).check_out(session, folder)
    copy.path.unlink()  # SQLite makes it: an empty one here would do as well
    phone = whatsapp.add_phone(f"+49151{session.int % 10**8:08}", "Ada")
    run = Run(Vault(db, [KEY]), session, folder)
    process = await WorkerProcess.start(_launch(kind, whatsapp), Lease(), run.changed)
    process.tell(wire.Configure(spool.derive_keys([KEY])[0].hex()))
    begun = time.monotonic()
    process.tell(wire.Open(str(session), str(folder), store=copy.path.name, key=copy.key.hex()))
    events = process.events()
    async for event in events:
        if isinstance(event, wire.Code):
            await phone.scan(event.code)
        if isinstance(event, wire.Online):
            break
    draining = asyncio.create_task(_drain(events))
    linking = time.monotonic() - begun
    reader = spool.Reader(folder, spool.derive_keys([KEY]))
    await _burst(phone, reader, 100)  # what follows a linking has settled
    before, pushes, pages = _cpu(process), run.pushes, run.pages
    begun = time.monotonic()
    await _burst(phone, reader, messages)
    took, after = time.monotonic() - begun, _cpu(process)
    burst_pushes, burst_pages = run.pushes - pushes, run.pages - pages
    alone, pushes = _cpu(process), run.pushes
    for _ in range(ALONE):
        await _burst(phone, reader, 1)
    apart = _cpu(process)
    draining.cancel()
    await process.close()
    reader.close()
    return {
        "store": kind,
        "linking_s": round(linking, 2),
        "worker_cpu_ms": round(1000 * (after[0] - before[0]) / messages, 2),
        "other_cpu_ms": round(1000 * (after[1] - before[1]) / messages, 2),
        "messages_per_s": round(messages / took),
        "pushes_per_message": round(burst_pushes / messages, 2),
        "pages_per_message": round(burst_pages / messages, 2),
        "alone_worker_cpu_ms": round(1000 * (apart[0] - alone[0]) / ALONE, 2),
        "alone_other_cpu_ms": round(1000 * (apart[1] - alone[1]) / ALONE, 2),
        "alone_pushes": round((run.pushes - pushes) / ALONE, 2),
    }


async def _session(db: Database) -> UUID:
    now = clock.now()
    session = Session(
        id=clock.new_id(), owner="b", status=sessions.PENDING, reason="", since=now, created_at=now, linked=False
    )
    async with db.transaction() as transaction:
        transaction.add(session)
    return session.id


def _launch(kind: str, whatsapp: Loopback) -> Launch:
    settings = read(
        GatewaySettings,
        mode="loopback",
        proxy_url=whatsapp.proxy_url,
        loopback_ca=whatsapp.ca_path,
        loopback_noise_root=whatsapp.noise_root,
    )
    environment = {**trust.environment(settings), "BENCHMARK_STORE": kind}
    return Launch("benchmarks.credentials_worker", environment, "error")


async def _drain(events: object) -> None:
    async for _ in events:  # type: ignore[attr-defined]
        pass


async def _burst(phone: Phone, reader: spool.Reader, count: int) -> None:
    """Send to the account's own chat and wait until the worker has kept all of it."""
    for number in range(count):
        phone.send_text("me", f"message {number}")
        if number % 20 == 0:
            await asyncio.sleep(0)
    kept = 0
    while kept < count:
        kept += len(reader.read())
        reader.trim()
        await asyncio.sleep(0.02)


def _cpu(process: WorkerProcess) -> tuple[float, float]:
    """CPU seconds of the worker, and of this process."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (int(fields[11]) + int(fields[12])) / 100, used.ru_utime + used.ru_stime


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    encryption.use_keys((KEY,))
    with tempfile.TemporaryDirectory(prefix="exponential-benchmark-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = embedded.start(folder)
        await database.prepare_async("gateway", server.url("gateway"))
        db = Database(server.url("gateway"))
        async with Loopback() as whatsapp:
            for number in range(options.rounds):
                for kind in ("plain", "sealed", "home"):
                    result = await measure(kind, options.messages, whatsapp, db, folder / f"{kind}{number}")
                    print(json.dumps(result), flush=True)
        await db.close()
        server.stop()


if __name__ == "__main__":
    asyncio.run(main())
