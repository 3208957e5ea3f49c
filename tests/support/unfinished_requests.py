"""Requests whose body never comes: what an application answers to those who may not send one."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from fastapi import FastAPI


def uploads(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of each route that changes something, with made-up ids."""
    for path, operations in app.openapi()["paths"].items():
        for method in operations.keys() - {"get"}:
            yield method.upper(), re.sub(r"{\w+}", str(uuid4()), path)


async def answer_to(app: Any, method: str, path: str, *, kind: str = "application/json", **headers: str) -> int:
    """The status of the answer to a request of which only the head is sent. Fails when more is asked for."""
    told: list[int] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError(f"{method} {path} reads a body before it knows who sends it")

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    given = {"Host": "app.test", "Content-Type": kind, "Content-Length": "900", "Accept": "application/json", **headers}
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http"},
        **{"path": path, "raw_path": path.encode(), "root_path": "", "query_string": b""},
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        **{"client": ("127.0.0.1", 1), "server": ("app.test", 80)},
    }
    async with asyncio.timeout(30):
        await app(scope, receive, send)
    return told[0]
