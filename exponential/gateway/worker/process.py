"""One worker process: how it is started, and the supervisor's end of the wire to it."""

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from exponential.core import log
from exponential.gateway.cluster.lease import Lease
from exponential.gateway.worker import protocol

REPLACE_EXIT_CODE = 75  # exit code of a worker that wants to be replaced by a fresh one; sysexits.h: EX_TEMPFAIL
STOP_SECONDS = 2.0  # from closing the wire to the kill
_PASSED_ON = (
    "PATH",
    "LD_LIBRARY_PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "VIRTUAL_ENV",
    "PYTHONPATH",
)
_CHUNK = 2**16
_NOISE = b"Press Ctrl+C to exit"  # the client library says this on stderr for every session
_log = log.get(__name__)


@dataclass(frozen=True)
class Launch:
    """The module a worker process runs, and what its environment has beyond the basics."""

    module: str = "exponential.gateway.worker.main"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    log_level: str = "info"


class WorkerProcess:
    """A running worker. Made by `start`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_change: "OnChange",
    ) -> None:
        self._process = process
        self._on_change = on_change
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[protocol.Answer]] = {}
        self._events: asyncio.Queue[protocol.Event | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())
        self._tasks = [self._reading, asyncio.create_task(self._pass_on_log())]

    @property
    def gone(self) -> bool:
        """Whether nobody hears us any more."""
        return self._writer.is_closing() or self._reader.at_eof()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def wants_to_be_replaced(self) -> bool:
        """Whether it ended for that; known after `close`."""
        return self._process.returncode == REPLACE_EXIT_CODE

    @classmethod
    async def start(cls, launch: Launch, lease: Lease, on_change: "OnChange") -> "WorkerProcess":
        """Spawn a worker. It gets none of our secrets: an environment of its own, one end of a socket pair, and
        the lease.

        `on_change` hears at once of changed stores: they don't queue up behind the events, which may have to wait.
        """
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {"NEONIZE_BOT_TAG": "off", "PYTHONUNBUFFERED": "1", **launch.environment}
        # The wire first: once the process is there nothing may come between it and its owner, not even a cancellation.
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                launch.module,
                str(theirs.fileno()),
                str(lease.fd),
                launch.log_level,
                pass_fds=(theirs.fileno(), lease.fd),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,  # Ctrl+C in the terminal is for the gateway, which then stops us in order
            )
        except BaseException:
            writer.close()
            raise
        finally:
            theirs.close()
        return cls(process, reader, writer, on_change)

    def tell(self, command: protocol.Command) -> None:
        """Send a command; when the worker has just died, nobody hears it. Raises protocol.TooLong."""
        if not self._writer.is_closing():
            self._writer.write(protocol.pack(command))

    async def ask(self, command: Callable[[int], protocol.Command], timeout: float) -> protocol.Answer:
        """Send the command made for a request number and wait.

        Raises TimeoutError, ConnectionError on its death, protocol.TooLong.
        """
        if self._reading.done():  # it has died, and what it said before may still be being applied
            raise ConnectionError("The worker died.")
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self.tell(command(number))
            return await asyncio.wait_for(answer, timeout)
        finally:
            self._waiting.pop(number, None)

    async def events(self) -> AsyncIterator[protocol.Event]:
        """What the worker reports, until it dies."""
        while (event := await self._events.get()) is not None:
            yield event

    def kill(self) -> None:
        """End it at once; `close` still has to be called."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """Ask it to stop by closing the wire; kill it when it doesn't."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        except asyncio.CancelledError:  # nobody waits for it any more
            self.kill()
            raise
        finally:
            for task in self._tasks:
                task.cancel()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                header = protocol.Header.read(await self._reader.readexactly(protocol.HEADER_BYTES))
                if header.too_long:
                    await self._read_over(header.total)
                    continue
                item = protocol.unpack(header, await self._reader.readexactly(header.total))
                if isinstance(item, protocol.Answer):
                    waiting = self._waiting.get(item.request)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(item)
                elif isinstance(item, protocol.StoreChanged):
                    self._on_change(self, item)
                else:
                    self._events.put_nowait(item)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("The worker died."))
            self._events.put_nowait(None)

    async def _read_over(self, length: int) -> None:
        _log.error("event_too_long", bytes=length)
        while length:
            length -= len(await self._reader.readexactly(min(length, _CHUNK)))

    async def _pass_on_log(self) -> None:
        """The worker's log lines as they are; a crash of its native library as ours."""
        assert self._process.stderr is not None
        while line := await _line(self._process.stderr):
            if line.strip() != _NOISE:
                sys.stderr.write(log.redact(line.decode(errors="replace")))


OnChange = Callable[[WorkerProcess, protocol.StoreChanged], None]


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than the buffer: what didn't fit was thrown away
        return b"(a very long line)\n"
