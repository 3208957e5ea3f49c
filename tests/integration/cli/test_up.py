"""`exponential up` as a process: what ends it, what it ends, and what it says when it can't start."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.embedded_postgres import reachable_folder
from support.environment import bare
from support.gateways import children
from support.http_server import serving
from support.waiting import until

from exponential.cli import installation
from exponential.core import log
from exponential.core.http.sockets import listen


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One installation, which the tests start one after the other."""
    with reachable_folder() as folder:
        yield folder / "data"


@asynccontextmanager
async def up(data: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A started one; it isn't waited for. Its services take ports that are free."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exponential", "up", "--data", str(data)),
        env={**bare(), "EXPONENTIAL_APP_PORT": "0", "WHATSAPP_GATEWAY_PORT": "0", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(120):
        async for line in process.stdout:
            if b"/sign-in/" in line:
                return
    raise AssertionError((await process.communicate())[1].decode())


def postgres(data: Path) -> int | None:
    """The process id of the server of this folder while it runs."""
    try:
        pid = int((data / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    except FileNotFoundError:
        return None
    return pid if runs(pid) else None


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def family(pid: int) -> list[int]:
    return [pid, *(each for child in children(pid) for each in family(child))]


@pytest.mark.parametrize("ending", [signal.SIGHUP, signal.SIGINT])
async def test_a_closed_terminal_ends_everything_as_ctrl_c_does(data: Path, ending: signal.Signals) -> None:
    async with up(data) as process:
        await ready(process)
        everybody = [*family(process.pid), postgres(data)]
        assert len(everybody) >= 4 and None not in everybody
        process.send_signal(ending)
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0 and b"Traceback" not in err
        await until(lambda: not any(runs(pid) for pid in everybody if pid))


async def test_what_a_killed_one_left_behind_is_taken_over_and_stopped(data: Path) -> None:
    async with up(data) as process:
        await ready(process)
        services = family(process.pid)[1:]
        process.kill()
        await until(lambda: not any(runs(pid) for pid in services))
    orphan = postgres(data)
    assert orphan is not None
    async with up(data) as process:
        await ready(process)
        assert postgres(data) == orphan
        process.terminate()
        await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
    assert postgres(data) is None


async def test_a_service_that_can_not_start_as_configured_is_not_started_again(data: Path) -> None:
    async with up(data) as process:
        await ready(process)
        key = (data / "encryption-key").read_bytes()
        (data / "encryption-key").write_text("A" * 43 + "=", encoding="utf-8")
        [app] = [pid for pid in children(process.pid) if b"\0app\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(app, signal.SIGKILL)
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 2
        *said, last = err.decode().splitlines()
        assert last == "The app could not start; what it said above tells why."
        assert any("EXPONENTIAL_ENCRYPTION_KEY" in line for line in said)
    assert postgres(data) is None
    (data / "encryption-key").write_bytes(key)


async def test_a_port_in_use_is_told_whoever_answers_there(data: Path) -> None:
    async def health(_request: object) -> JSONResponse:
        return JSONResponse({"ok": True, "mode": "whatsapp"})

    async with serving(Starlette(routes=[Route("/health", health)])) as url:
        port = url.rpartition(":")[2]
        for variable in ("EXPONENTIAL_APP_PORT", "WHATSAPP_GATEWAY_PORT"):
            async with up(data, **{variable: port}) as process:
                out, err = await asyncio.wait_for(process.communicate(), 120)
                assert process.returncode == 2 and b"sign-in" not in out
                assert f"on 127.0.0.1 port {port}" in err.decode() and variable in err.decode()


async def test_a_slow_machine_gets_its_time_and_is_told_of_it(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    place = await asyncio.to_thread(installation.app_settings, data)
    with listen("127.0.0.1", 0) as listener:
        service = installation.Service("app", listener, data, {"DATABASE_URL": place.database_url}, tell_every=0.2)
        starting = asyncio.create_task(service.start())
        process = await until(lambda: service._process)
        process.send_signal(signal.SIGSTOP)
        said: list[str] = []

        def told() -> bool:
            said.extend(capfd.readouterr())
            return "".join(said).count("service_still_starting") >= 3

        await until(told)
        assert not starting.done()
        process.send_signal(signal.SIGCONT)
        await starting
        await service.stop()
