"""What a request may cost before it is known who sent it: how long its head is, in how many chunks its body comes."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import h11
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MAX_HEAD_BYTES = 16 * 1024  # of target and headers together, as in Node.js
MAX_UNFINISHED_HEAD_BYTES = 4 * MAX_HEAD_BYTES  # of a head that is not complete yet; beyond them it is no HTTP
MAX_CHUNKS, BYTES_A_CHUNK = 10_000, 100  # chunks of a body, and one more for every so many bytes of it
_TOO_LARGE = {"error": "The request's address and headers are too long together.", "code": "head_too_large"}
_QUOTED = re.compile(rb'["\\]')


class HeadLimit:
    """ASGI middleware that answers 431 to a head above MAX_HEAD_BYTES, and drops cookies that are written in quotes.

    Nobody's cookies here are; a browser may bring such from another program on the same host. Python before 3.13 takes
    time in the square of their length to read them (CVE-2024-7592).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = list(_without_quoted_cookies(scope["headers"]))
        size = sum(map(len, (scope["raw_path"], scope["query_string"], *itertools.chain(*headers))))
        if size > MAX_HEAD_BYTES:
            await JSONResponse(_TOO_LARGE, 431, {"Connection": "close"})(scope, receive, send)
        else:
            await self._app({**scope, "headers": headers}, receive, send)


def _without_quoted_cookies(headers: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers:
        if name == b"cookie":
            value = b";".join(cookie for cookie in value.split(b";") if not _QUOTED.search(cookie))
        yield name, value


class BoundedConnection(h11.Connection):
    """HTTP/1.1 with one client, who may not send a body in very many chunks: each costs as much as 1,000 bytes.

    `sent` counts the bytes that were handed to the connection's transport.
    """

    sent = 0

    def send(self, event: Any) -> Any:
        data = super().send(event)
        self.sent += len(data or b"")
        return data

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._bytes += len(event.data)
            if self._chunks > MAX_CHUNKS + self._bytes / BYTES_A_CHUNK:
                raise h11.RemoteProtocolError("too many chunks", error_status_hint=400)
        return event
