"""The gateway as a process: how it starts, stops, is killed, and what it says when something it needs is missing."""

import asyncio
import base64
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from support.gateways import ADA, SECRET, workers
from support.waiting import until

from exponential.gateway.client import GatewayClient

PROGRAM = """
import sys
from exponential.core import log
from exponential.core.errors import ConfigurationError
from exponential.gateway.service import serve
from exponential.core.settings import GatewaySettings, read
log.configure(service="gateway")
try:
    serve(read(GatewaySettings))
except ConfigurationError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


def environment(url: str, folder: Path, port: int = 0) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "GATEWAY_DATABASE_URL": url,
        "EXPONENTIAL_DATA": str(folder),
        "AUTH_SECRET": SECRET,
        "EXPONENTIAL_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "WHATSAPP_GATEWAY_PORT": str(port),
        "WHATSAPP_PROXY_URL": "http://127.0.0.1:9",  # nothing listens there: tests stay at home
    }


@asynccontextmanager
async def gateway(url: str, folder: Path) -> AsyncIterator[tuple[subprocess.Popen[str], GatewayClient, Path]]:
    """A gateway process, a client of it, and the file with its log."""
    output = folder / "log"
    with output.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=environment(url, folder), stderr=stderr, text=True, cwd=folder
        )
    try:
        listening = await until(
            lambda: re.search(r"gateway_listening.* port=(\d+)", output.read_text(encoding="utf-8"))
        )
        client = GatewayClient(f"http://127.0.0.1:{listening[1]}", SECRET)
        try:
            yield process, client, output
        finally:
            await client.close()
    finally:
        process.kill()
        process.wait()


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def test_whatsapp_out_of_reach_is_said_and_sigterm_ends_it_all(
    database_url: Callable[[str], str], tmp_path: Path
) -> None:
    async with gateway(database_url("gateway"), tmp_path) as (process, client, output):
        session = await client.login(ADA)

        async def reason() -> str | None:
            status = await client.login_status(ADA, session)
            return status.status_reason if "can't be reached" in (status.status_reason or "") else None

        assert "WHATSAPP_PROXY_URL" in await until(reason)
        [worker] = workers(process.pid)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait) == 0
        assert gone(worker)
        log = output.read_text(encoding="utf-8")
        assert "gateway_listening" in log and "gateway_stopped" in log
        assert SECRET not in log and "Press Ctrl+C" not in log


async def test_a_killed_gateway_leaves_no_worker_behind(database_url: Callable[[str], str], tmp_path: Path) -> None:
    async with gateway(database_url("gateway"), tmp_path) as (process, client, _output):
        await client.login(ADA)
        [worker] = await until(lambda: workers(process.pid))
        process.kill()
        process.wait()
        await until(lambda: gone(worker))


async def test_the_worker_gets_none_of_the_gateways_secrets(database_url: Callable[[str], str], tmp_path: Path) -> None:
    async with gateway(database_url("gateway"), tmp_path) as (process, client, _output):
        await client.login(ADA)
        [worker] = await until(lambda: workers(process.pid))
        inherited = Path(f"/proc/{worker}/environ").read_text(encoding="utf-8")
        assert "HTTPS_PROXY=http://127.0.0.1:9" in inherited
        assert SECRET not in inherited
        for name in ("AUTH_SECRET", "GATEWAY_DATABASE_URL", "EXPONENTIAL_ENCRYPTION_KEY"):
            assert name not in inherited


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:9/gateway"
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment(url, tmp_path), capture_output=True, text=True, cwd=tmp_path
    )
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "gateway's database at 127.0.0.1 can't be used" in run.stderr


def test_a_taken_port_is_one_sentence(database_url: Callable[[str], str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment(database_url("gateway"), tmp_path, taken.getsockname()[1]),
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
    assert run.returncode == 2
    assert "can't listen on 127.0.0.1 port" in run.stderr.splitlines()[-1]
