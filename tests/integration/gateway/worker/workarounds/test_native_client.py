"""What the stanza gate and the log parser rest on, in the library as it is shipped: no gateway is in between."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from support.environment import bare
from support.loopback.real_client import TESTS, Client
from support.waiting import until

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback

Line = Callable[[str], Awaitable[str]]  # the rest of the next line that begins with this word
GoOn = Callable[[], None]


@asynccontextmanager
async def held_client(whatsapp: Loopback, store: Path) -> AsyncIterator[tuple[Line, GoOn]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "support.gateway.held_client", str(store)),
        env=bare(
            PYTHONPATH=str(TESTS),
            HTTPS_PROXY=whatsapp.proxy_url,
            SSL_CERT_FILE=str(whatsapp.ca_path),
            NOISE_ROOT=whatsapp.noise_root,
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin and process.stdout

    async def line(word: str) -> str:
        async with asyncio.timeout(30):
            async for read in process.stdout:  # type: ignore[union-attr]
                first, _, rest = read.decode().strip().partition(" ")
                if first == word:
                    return rest
        raise AssertionError(f"The client ended before it said {word}.")

    def go_on() -> None:
        process.stdin.write(b"\n")  # type: ignore[union-attr]

    try:
        yield line, go_on
    finally:
        process.kill()
        await process.communicate()


async def test_what_it_logs_leaves_when_the_log_returns(
    whatsapp: Loopback, linked: Client, alice: Phone, tmp_path: Path
) -> None:
    await linked.kill()
    async with held_client(whatsapp, tmp_path / "linked") as (line, go_on):
        await line("connected")
        [device] = [device for device in alice.account.devices.values() if device.id]

        def acknowledged() -> set[str]:
            return {stanza.text("id") for stanza in whatsapp.stanzas("in", "receipt")}

        async def held(id: str) -> None:
            while await line("held") != id:  # what came with the linking is acknowledged, too
                go_on()

        first = alice.send_text("me", "one")
        await held(first.id)
        assert first.id not in acknowledged() and first.id in {stanza.text("id") for stanza in device.waiting.values()}
        go_on()
        await until(lambda: first.id in acknowledged())
        second = alice.send_text("me", "two")  # not before: their order isn't promised
        await held(second.id)
        assert second.id not in acknowledged()
        go_on()
        await until(lambda: second.id in acknowledged())
