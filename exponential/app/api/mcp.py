"""`POST /mcp`: the workspace as an MCP server over streamable HTTP, for programs with an access token.

Each request stands alone: no session is kept, so any process of the app may answer. The server is loaded when it is
first asked for.
"""

import asyncio
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from fastapi import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from exponential.app.core.authentication import Caller, mcp_client
from exponential.auth.access_tokens import MCP
from exponential.core.database import Database
from exponential.core.errors import ExponentialError

PATH = "/mcp"
MAX_CONCURRENT_REQUESTS = 4  # requests of one user; the others wait, unread, and hold nothing
_CALLER = "exponential.caller"  # in the ASGI scope


class McpEndpoint:
    """An ASGI app. `close` it when the app ends."""

    def __init__(self) -> None:
        self._manager: Any = None
        self._starting = asyncio.Lock()
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._places = WeakValueDictionary[UUID, asyncio.Semaphore]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method != "POST":
            answer = {"error": "MCP requests are POSTed here.", "code": "method_not_allowed"}
            await JSONResponse(answer, 405, {"Allow": "POST"})(scope, receive, send)
            return
        try:
            scope[_CALLER] = caller = await mcp_client(request)
        except ExponentialError as error:
            challenge = f'Bearer error="insufficient_scope", scope="{MCP}"' if error.status == 403 else "Bearer"
            await JSONResponse(error.as_json(), error.status, {"WWW-Authenticate": challenge})(scope, receive, send)
            return
        manager = await self._started(request.app.state.exponential.database)
        async with self._places.setdefault(caller.user.id, asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)):
            await manager.handle_request(scope, await _read_ahead(request), send)

    async def close(self) -> None:
        self._stop.set()
        if self._running is not None:
            await asyncio.wait({self._running})

    async def _started(self, database: Database) -> Any:
        async with self._starting:
            if self._manager is None:
                self._manager = await asyncio.to_thread(_load, database)
                ready = asyncio.Event()
                self._running = asyncio.create_task(self._run(ready))
                await ready.wait()
        return self._manager

    async def _run(self, ready: asyncio.Event) -> None:
        """In one task from start to end, as its cancel scopes want it."""
        async with self._manager.run():
            ready.set()
            await self._stop.wait()


async def _read_ahead(request: Request) -> Receive:
    """The request's body, read. What goes wrong with that is answered by the app; the library would say 500."""
    messages: list[Message] = [{"type": "http.request", "body": await request.body(), "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await request.receive()

    return receive


def _load(database: Database) -> Any:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from exponential.assistant.mcp import server

    async def asker_of(context: server.Context) -> server.McpCaller:
        assert context.request is not None
        caller: Caller = context.request.scope[_CALLER]
        return server.McpCaller(caller.user.id, caller.program)

    return StreamableHTTPSessionManager(server.create(database, asker_of), json_response=True, stateless=True)
