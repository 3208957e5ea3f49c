"""Live updates: one LISTEN connection a process, fanned out to the pages that are open as server-sent events."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
from starlette.responses import StreamingResponse

from exponential import log
from exponential.database import Database

CHANNELS = ("chat", "workspace")
PING = 15.0  # seconds of silence after which a comment keeps proxies from closing the stream
LIFETIME = 600.0  # seconds; then the browser opens a new stream, and is asked again who it is
_RETRY_AFTER = 1.0  # seconds between attempts to listen again
_CHANGED = b"event: changed\ndata:\n\n"

_log = log.get(__name__)


class Board:
    """Tells open pages that something of theirs changed; they then fetch what they show.

    A notice carries no content, so none can be shown to the wrong person, and missed ones do no harm: each stream
    begins with one, and so does each new LISTEN connection.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[tuple[str, str], set[asyncio.Event]] = {}
        self._closed = False

    async def run(self) -> None:
        """Listen until closed, through restarts of the database. Cancel after `close` to stop at once."""
        while not self._closed:  # psycopg may answer a cancellation with an error of its own
            try:
                async with self._database.listen(*CHANNELS) as notices:
                    self._wake_all()
                    async for channel, payload in notices:
                        for watcher in self._watchers.get((channel, payload), ()):
                            watcher.set()
            except psycopg.Error as error:
                _log.warning("listen_lost", kind=type(error).__name__)
            await asyncio.sleep(_RETRY_AFTER)

    def stream(self, channel: str, payload: str) -> StreamingResponse:
        """Server-sent events: `changed` at once and after each notice (channel, payload)."""
        return StreamingResponse(
            self._events(channel, payload),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def close(self) -> None:
        """End all streams, so that the server can stop without waiting for browsers."""
        self._closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.set()

    async def _events(self, channel: str, payload: str) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + LIFETIME
        changed = asyncio.Event()
        changed.set()
        watchers = self._watchers.setdefault((channel, payload), set())
        watchers.add(changed)
        try:
            yield b"retry: 1000\n\n"
            while not self._closed and loop.time() < ends:
                try:
                    await asyncio.wait_for(changed.wait(), PING)
                except TimeoutError:
                    yield b": ping\n\n"
                    continue
                changed.clear()
                if not self._closed:
                    yield _CHANGED
        finally:
            watchers.discard(changed)
            if not watchers:
                self._watchers.pop((channel, payload), None)
