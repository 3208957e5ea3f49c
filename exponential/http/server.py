"""Running an ASGI app until a signal: a listener of our own, and an end that open event streams can't delay."""

import contextlib
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from exponential.errors import ConfigurationError
from exponential.listening import listen

GRACE = 3  # seconds that requests get to finish in


class Server(uvicorn.Server):
    """Calls `before_stop` when asked to stop, and returns to the caller, whose own cleanup must still run."""

    def __init__(self, app: Any, *, before_stop: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE)
        )
        self._before_stop = before_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not recorded as uvicorn's own method does, for it raises the signal anew after the end.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stop()
        with contextlib.suppress(TimeoutError):
            await super().shutdown(sockets)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ConfigurationError in one sentence."""
    try:
        return listen(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"The app can't listen on {host}:{port} ({error.strerror or error}). "
            "Another program may use that port; EXPONENTIAL_APP_PORT sets another one."
        ) from None
