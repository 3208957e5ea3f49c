"""How many connections a server holds, and whose ends when there are more: files are finite, and so is memory."""

import asyncio
import errno
import time
from collections.abc import Iterable
from typing import Any, Protocol

from exponential import log

MOST = 4_096  # connections that a process holds, if it may have as many files
FILES = 65_536  # open files that a process asks for; some programs look at each that they might have
OTHER_FILES = 256  # of these for the database, sandboxes, requests to others
BACKLOG = 128  # connections that wait to be taken; asyncio takes them all at once
TELL_EVERY = 60.0  # seconds
_log = log.get(__name__)


class Connection(Protocol):
    """One of them: when we last heard of its client, by the loop's clock, and whether the client has to speak now."""

    heard_at: float

    def is_waited_for(self) -> bool: ...

    def abort(self) -> None: ...


class Room:
    """Room for `most` connections; asked of the operating system where it isn't given.

    Where there are more, a sixteenth makes room at once: those that owe us a request, or the rest of one, and were
    silent longest. Who waits for an answer, or follows an event stream, stays.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most or _most()
        self._told = float("-inf")

    def make(self, connections: Iterable[Connection]) -> None:
        """Close what is too much of `connections`, the newest among them."""
        waited_for = sorted((each for each in connections if each.is_waited_for()), key=lambda each: each.heard_at)
        for each in waited_for[: max(1, self.most // 16)]:
            each.abort()
        self._tell("connections_full", most=self.most)

    def hear(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An event loop's exception handler: asyncio would tell each try to take a connection, with its traceback."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            self._tell("no_files_left", error=error.strerror)
        else:
            loop.default_exception_handler(context)

    def _tell(self, event: str, **facts: Any) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_EVERY:
            self._told = now
            _log.warning(event, **facts)


def _most() -> int:
    """How many connections this process can hold. First it takes as many open files as it may have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    files = FILES if hard == unlimited else min(hard, FILES)
    if soft != unlimited and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files // 4, min(MOST, files - OTHER_FILES - BACKLOG))
