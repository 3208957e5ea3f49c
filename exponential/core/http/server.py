"""Running a service's ASGI app until a signal, with what every answer and every connection gets."""

import asyncio
import contextlib
import functools
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential.core.http.connections import ACCEPT_BACKLOG, ConnectionLimit
from exponential.core.http.request_limits import HeadLimit
from exponential.core.http.sockets import BACKLOG
from exponential.core.http.timeouts import BodyTimeout, RequestTimeouts, TimeoutProtocol

GRACE = 3  # seconds that requests get to finish in
HTTPS_FOR = 365 * 24 * 60 * 60  # seconds that a browser which came by HTTPS comes by nothing else


class Server(uvicorn.Server):
    """Calls `before_stop` when asked to stop, for open event streams would hold it up, and returns to the caller, whose
    own cleanup must still run.

    `trusted_proxies`, addresses or networks, are believed whom they ask for and by which scheme; nobody else is.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        before_stop: Callable[[], None],
        trusted_proxies: Sequence[str] = (),
        timeouts: RequestTimeouts | None = None,
        limit: ConnectionLimit | None = None,
        grace: int = GRACE,
    ) -> None:
        timeouts = timeouts or RequestTimeouts()
        self._limit = limit or ConnectionLimit()
        super().__init__(
            uvicorn.Config(
                StrictTransport(HeadLimit(BodyTimeout(app, timeouts))),
                http=functools.partial(TimeoutProtocol, timeouts=timeouts, limit=self._limit),  # type: ignore[arg-type]
                ws="none",
                backlog=ACCEPT_BACKLOG,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                lifespan="on",  # an app that can't start must not look as if it had
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=grace,
            )
        )
        self._before_stop = before_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._limit.on_loop_error)
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(BACKLOG)  # asyncio lets no more wait than it takes at once

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn takes SIGINT and SIGTERM; a terminal that is closed sends SIGHUP, unless nohup keeps it away."""
        with super().capture_signals():
            here = threading.current_thread() is threading.main_thread()
            if here and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
                signal.signal(signal.SIGHUP, self.handle_exit)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not recorded as uvicorn's own method does, for it raises the signal anew after the end.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stop()
        with contextlib.suppress(TimeoutError):
            await super().shutdown(sockets)


class StrictTransport:
    """ASGI middleware: whoever came by HTTPS is told to come by nothing else (RFC 6797)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Strict-Transport-Security"] = f"max-age={HTTPS_FOR}"
            await send(message)

        await self._app(scope, receive, send_with_header if scope.get("scheme") == "https" else send)
