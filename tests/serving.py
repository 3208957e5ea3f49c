"""Runs an ASGI app on a real port of 127.0.0.1 for the time of a `with` block."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from exponential.app.server import Server, bind


@asynccontextmanager
async def serving(app: Any, *, before_stop: Callable[[], None] = lambda: None) -> AsyncIterator[str]:
    """Yields the base URL."""
    listener = bind("127.0.0.1", 0)
    server = Server(app, before_stop=before_stop)
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
