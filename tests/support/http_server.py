"""Runs an ASGI app on a real port of 127.0.0.1 for the time of a `with` block."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

from exponential.core.http.server import Server
from exponential.core.http.sockets import listen

Lifespan = Literal["auto", "on", "off"]


@asynccontextmanager
async def serving(
    app: Any,
    *,
    port: int = 0,
    before_stop: Callable[[], None] = lambda: None,
    lifespan: Lifespan = "auto",
    **server_settings: Any,
) -> AsyncIterator[str]:
    """Yields the base URL. `lifespan="off"` is for an app whose lifespan the test runs by itself."""
    listener = listen("127.0.0.1", port)
    server = Server(app, before_stop=before_stop, **server_settings)
    server.config.lifespan = lifespan
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if running.done():
                await running
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
