"""The app as a process of its own: it starts, says where it listens, and stops quickly whatever is open."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from support.environment import bare

from exponential.app import service
from exponential.cli import installation
from exponential.core.errors import ConfigurationError
from exponential.core.http.sockets import listen
from exponential.core.settings import AppSettings, read, with_secrets

START = """
import sys
from pathlib import Path
from exponential.app import service
from exponential.core.settings import AppSettings, read, with_secrets
settings = with_secrets(read(AppSettings, database_url=sys.argv[1], data_dir=Path(sys.argv[2]), port=0))
service.serve(settings)
print("cleaned up", flush=True)
"""


async def test_sigterm_ends_the_service_and_its_open_streams(
    database_url: Callable[[str], str], tmp_path: Path
) -> None:
    url = database_url("app")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START, url, str(tmp_path)),
        env=bare(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        base = f"http://127.0.0.1:{await port_of(process)}"
        link = await installation.sign_in_link(with_secrets(read(AppSettings, database_url=url, data_dir=tmp_path)))
        async with httpx.AsyncClient(base_url=base, timeout=60) as client:
            assert (await client.post(httpx.URL(link).path)).status_code == 303
            async with client.stream("GET", "/chat/events") as stream:
                lines = stream.aiter_lines()
                assert await anext(lines) == "retry: 1000"
                process.send_signal(signal.SIGTERM)
                assert "event: changed" in [line async for line in lines]  # the stream ends by itself
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert b"cleaned up" in output
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def port_of(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    said = ""
    while line := (await asyncio.wait_for(process.stderr.readline(), 120)).decode():
        said += line
        if found := re.search(r"app_listening.*port=(\d+)", line):
            return int(found[1])
    raise AssertionError(said)


def test_a_port_in_use_is_one_sentence(database_url: Callable[[str], str], tmp_path: Path) -> None:
    taken = listen("127.0.0.1", 0)
    with taken:
        port = taken.getsockname()[1]
        settings = with_secrets(read(AppSettings, database_url=database_url("app"), data_dir=tmp_path, port=port))
        with pytest.raises(ConfigurationError, match=rf"can.t listen on 127.0.0.1 port {port}.*EXPONENTIAL_APP_PORT"):
            service.serve(settings)


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@/app?host={os.fspath(tmp_path)}"
    settings = with_secrets(read(AppSettings, database_url=nowhere, data_dir=tmp_path))
    with pytest.raises(ConfigurationError, match=r"database at .* can.t be used"):
        service.serve(settings)
