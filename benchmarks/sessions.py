"""What sessions cost a gateway: memory of each, CPU while idle, and how long it takes until all are back after a start.

    uv run python -m benchmarks.sessions --sessions 200

Everything real but WhatsApp: the gateway as a process with its workers, Postgres, and the client against the loopback
server, which runs in this process and isn't counted.
"""

import argparse
import asyncio
import base64
import itertools
import os
import re
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.ports import free_port
from exponential.auth.service_tokens import Identity
from exponential.core import log
from exponential.core.errors import ExponentialError
from exponential.core.postgres import embedded
from exponential.gateway.client import GatewayClient
from exponential.loopback.phones import camera
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.server import Loopback

WHO = Identity("benchmark")
AT_ONCE = 4  # phones that link at the same time
SETTLE, IDLE = 10.0, 30.0  # seconds before idle CPU is measured, and for how long
PAGE, TICK = resource.getpagesize(), os.sysconf("SC_CLK_TCK")
PROGRAM = """
from exponential.core import log
from exponential.gateway.service import serve
from exponential.core.settings import GatewaySettings, read
log.configure("warning", service="gateway")
serve(read(GatewaySettings))
"""


@dataclass
class Gateway:
    """A running gateway process."""

    process: subprocess.Popen[bytes]
    client: GatewayClient
    http: httpx.AsyncClient
    started: float

    @property
    def workers(self) -> list[int]:
        children = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="utf-8").split()
        )
        worker = b"gateway.worker.loopback_trust"
        return [int(pid) for pid in children if worker in Path(f"/proc/{pid}/cmdline").read_bytes()]

    async def connected(self) -> int:
        """How many sessions are."""
        text = (await self.http.get("/metrics")).text
        found = re.search(r'sessions\{state="connected"\} (\S+)', text)
        return int(float(found[1])) if found else 0

    async def all_connected(self, count: int) -> float:
        """Seconds from the start of the process until `count` sessions are connected."""
        while await self.connected() < count:
            await asyncio.sleep(0.05)
        return time.monotonic() - self.started


def memory(pids: list[int]) -> list[float]:
    """Resident MiB of each process."""
    return [int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * PAGE / 2**20 for pid in pids]


def cpu(pids: list[int]) -> float:
    """Seconds of CPU that these processes have used."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / TICK


@asynccontextmanager
async def gateway(environment: dict[str, str], port: int) -> AsyncIterator[Gateway]:
    """Start one, and stop it in order afterwards."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment)
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        running = Gateway(process, GatewayClient(url, environment["AUTH_SECRET"]), http, time.monotonic())
        try:
            while True:
                if process.poll() is not None:
                    raise SystemExit("The gateway didn't start; its last line says why.")
                try:
                    await http.get("/health")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
            yield running
        finally:
            await running.client.close()
            process.terminate()
            await asyncio.to_thread(process.wait)


async def link(running: Gateway, whatsapp: Loopback, number: int) -> None:
    """Link one new phone by scanning what the gateway shows, again where it is too slow for the scan."""
    phone = whatsapp.add_phone(f"+4915120{number:06}", f"Phone {number}")
    session = await running.client.login(WHO)
    while not phone.linked_devices:
        try:
            picture = await running.client.qr(WHO, session)
            await phone.scan(await asyncio.to_thread(camera.read, picture))
        except LinkError as error:
            print(f"phone {number}: {error}")
        except ExponentialError:
            await asyncio.sleep(0.05)


async def measure(sessions: int, folder: Path) -> None:
    postgres = embedded.start(folder)
    async with Loopback() as whatsapp:
        port = free_port()
        environment = _environment(whatsapp, postgres.url("gateway"), folder, port, sessions)
        async with gateway(environment, port) as running:
            await link(running, whatsapp, 0)
            await running.all_connected(1)
            [base] = memory(running.workers)
            began = time.monotonic()
            places = asyncio.Semaphore(AT_ONCE)

            async def one(number: int) -> None:
                async with places:
                    await link(running, whatsapp, number)

            await asyncio.gather(*(one(number) for number in range(1, sessions)))
            await running.all_connected(sessions)
            print(f"linked: {sessions} sessions in {time.monotonic() - began:.1f} s")
            _tell_memory("just linked", running, sessions, base)
        async with gateway(environment, port) as running:
            print(f"restart: all {sessions} connected {await running.all_connected(sessions):.1f} s after the start")
            await asyncio.sleep(SETTLE)
            _tell_memory("resumed", running, sessions, base)
            pids = [running.process.pid, *running.workers]
            before = cpu(pids)
            await asyncio.sleep(IDLE)
            used = (cpu(pids) - before) / IDLE
            print(f"idle: {used * 100:.2f} % of one core, {used / sessions * 1e6:.0f} µs per session and second")
            await _drop_all(running, whatsapp, sessions)
    postgres.stop()


async def _drop_all(running: Gateway, whatsapp: Loopback, sessions: int) -> None:
    """Cut every connection at once: how long until all are back, and how many came in the busiest second."""
    whatsapp.faults.drop()
    began = time.monotonic()
    back = [0]
    while back[-1] < sessions:
        await asyncio.sleep(1.0)
        devices = [device for phone in whatsapp.phones for device in phone.linked_devices]
        back.append(sum(device.deliver is not None for device in devices))
    busiest = max(after - before for before, after in itertools.pairwise(back))
    print(f"dropped together: all back after {time.monotonic() - began:.0f} s, at most {busiest} in one second")


def _tell_memory(when: str, running: Gateway, sessions: int, base: float) -> None:
    """`base` is a worker with one session."""
    each = memory(running.workers)
    [own] = memory([running.process.pid])
    more = (sum(each) - base * len(each)) / max(1, sessions - len(each))
    print(
        f"memory, {when}: {more:.2f} MiB per session; {len(each)} workers {sum(each):.0f} MiB "
        f"(one with a single session {base:.0f}), gateway {own:.0f} MiB"
    )


def _environment(whatsapp: Loopback, url: str, folder: Path, port: int, sessions: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.getcwd(),
        "GATEWAY_DATABASE_URL": url,
        "EXPONENTIAL_DATA": str(folder / "data"),
        "AUTH_SECRET": secrets.token_hex(32),
        "EXPONENTIAL_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "WHATSAPP_GATEWAY_PORT": str(port),
        "WHATSAPP_MAX_SESSIONS": str(sessions),
        "WHATSAPP_MAX_SESSIONS_PER_USER": str(sessions),
        "WHATSAPP_MODE": "loopback",
        "WHATSAPP_PROXY_URL": whatsapp.proxy_url,
        "WHATSAPP_LOOPBACK_CA": str(whatsapp.ca_path),
        "WHATSAPP_LOOPBACK_NOISE_ROOT": whatsapp.noise_root,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50)
    arguments = parser.parse_args()
    log.configure("warning")
    folder = Path(tempfile.mkdtemp(prefix="exponential-benchmark-"))
    folder.chmod(0o755)  # embedded Postgres runs as another user when we are root
    try:
        asyncio.run(measure(arguments.sessions, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
