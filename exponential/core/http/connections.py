"""How many connections a server holds, and whose ends when there are more: files are finite, and so is memory."""

import asyncio
import contextlib
import errno
import functools
import time
from collections.abc import Iterable
from typing import Any, Protocol

from exponential.core import log

MAX_CONNECTIONS = 4_096  # that a process holds, if it may have as many files
MAX_OPEN_FILES = 65_536  # open files that a process asks for; some programs look at each that they might have
RESERVED_FILES = 256  # of these for the database, sandboxes, requests to others
ACCEPT_BACKLOG = 128  # connections that are taken before anything else is done
WARN_EVERY_SECONDS = 60.0
_log = log.get(__name__)


class Held(Protocol):
    """A connection: when its client last did something, by the loop's clock, and whether it is its turn."""

    heard_at: float

    def is_waited_for(self) -> bool: ...

    def abort(self) -> None: ...


class ConnectionLimit:
    """Holds at most `most` connections; as many as the operating system lets us have where it isn't given.

    When there are more, a sixteenth is closed: of those that owe us a request, or the rest of one, or don't take our
    answer, the ones that were silent longest. Who waits for an answer, or follows an event stream, stays; streams take
    half of them at most (event_streams.py). Addresses don't matter: behind a reverse proxy, or one router, are many
    people.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most or most_connections()
        self._told = float("-inf")

    def make(self, connections: Iterable[Held]) -> None:
        """Close some of `connections`; the newest among them, if no other owes us anything."""
        waited_for = sorted((each for each in connections if each.is_waited_for()), key=lambda each: each.heard_at)
        for each in waited_for[: max(1, self.most // 16)]:
            each.abort()
        self._tell("connections_full", most=self.most)

    def on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An event loop's exception handler: asyncio would tell each try to take a connection, with its traceback."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            self._tell("no_files_left", error=error.strerror)
        else:
            loop.default_exception_handler(context)

    def _tell(self, event: str, **facts: Any) -> None:
        now = time.monotonic()
        if now - self._told >= WARN_EVERY_SECONDS:
            self._told = now
            _log.warning(event, **facts)


@functools.cache
def most_connections() -> int:
    """How many connections this process can hold. First it takes as many open files as it may have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited:
        wanted = MAX_OPEN_FILES if hard == unlimited else min(hard, MAX_OPEN_FILES)
        with contextlib.suppress(ValueError, OSError):  # some systems have a lower limit that they don't tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
            soft = max(soft, wanted)
    files = MAX_OPEN_FILES if soft == unlimited else soft
    return min(MAX_CONNECTIONS, max(files // 2, files - RESERVED_FILES - ACCEPT_BACKLOG))
