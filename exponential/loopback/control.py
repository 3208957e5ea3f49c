"""The control URL: phones and faults by HTTP and JSON, for tests in any language. On 127.0.0.1 only.

A phone's own routes (send, scan, read, unlink, events) are those of the phones' page.
"""

import asyncio
import contextlib
import inspect
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from exponential.errors import ConfigurationError
from exponential.loopback import page
from exponential.loopback.directory import Device
from exponential.loopback.page import APhone
from exponential.loopback.server import Loopback

LONGEST_WAIT = 300.0  # seconds


class NewPhone(BaseModel):
    """A phone with an account of its own."""

    number: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
    name: Annotated[str, Field(max_length=1000)] = ""


class Wanted(BaseModel):
    """A line to wait for in `chat` ("me" or a number) that holds `text` and was not typed on this phone."""

    text: str
    chat: str = "me"
    timeout: Annotated[float, Field(gt=0, le=LONGEST_WAIT)] = 15  # seconds


class Presence(BaseModel):
    """Whether a phone has a network."""

    online: bool


class Fault(BaseModel):
    """What to break: with a `number` that account's linked `device`, else everything. `arguments`: see Faults."""

    number: str = ""
    device: int = 1
    arguments: dict[str, int | float | str] = {}


FaultName = Literal["drop", "stall", "deafen", "garbage", "stream_error", "refuse", "disturb", "clear"]
router = APIRouter(prefix="/api")


def description(server: Loopback) -> dict[str, str]:
    """What a client must be told to talk to `server` instead of WhatsApp."""
    return {"proxy_url": server.proxy_url, "ca_path": str(server.ca_path), "noise_root": server.noise_root}


@router.get("/about")
async def about(request: Request) -> dict[str, str]:
    return description(request.app.state.server)


@router.get("/wire", response_class=PlainTextResponse)
async def wire(request: Request) -> str:
    server: Loopback = request.app.state.server
    return server.wire.text()


@router.get("/phones")
async def all_phones(request: Request) -> list[dict[str, Any]]:
    return [page.state(phone) for phone in request.app.state.server.phones]


@router.post("/phones", status_code=201)
async def add_phone(request: Request, new: NewPhone) -> dict[str, Any]:
    try:
        return page.state(request.app.state.server.add_phone(new.number, new.name))
    except ValueError as error:
        raise HTTPException(409, str(error)) from None


@router.get("/phones/{number}")
async def one_phone(phone: APhone) -> dict[str, Any]:
    return page.state(phone)


@router.get("/phones/{number}/messages/{chat}")
async def messages(phone: APhone, chat: str) -> list[dict[str, Any]]:
    try:
        return [asdict(line) for line in phone.messages(chat)]
    except ValueError as error:
        raise HTTPException(404, str(error)) from None


@router.post("/phones/{number}/wait")
async def wait(phone: APhone, wanted: Wanted) -> dict[str, Any]:
    try:
        return asdict(await phone.wait_for(wanted.text, chat=wanted.chat, timeout=wanted.timeout))
    except ValueError as error:
        raise HTTPException(404, str(error)) from None
    except TimeoutError:
        raise HTTPException(408, f"No such line came within {wanted.timeout:g} seconds.") from None


@router.put("/phones/{number}/presence", status_code=204)
async def presence(phone: APhone, wanted: Presence) -> None:
    (phone.go_online if wanted.online else phone.go_offline)()


@router.post("/faults/{name}", status_code=204)
async def fault(request: Request, name: FaultName, wanted: Fault) -> None:
    server: Loopback = request.app.state.server
    arguments: dict[str, Any] = dict(wanted.arguments)
    if wanted.number:
        arguments["device"] = _linked_device(server, wanted.number, wanted.device)
    act = getattr(server.faults, name)
    try:
        inspect.signature(act).bind(**arguments)
    except TypeError as error:
        raise HTTPException(422, f"The fault {name}: {error}.") from None
    try:
        act(**arguments)
    except LookupError as error:
        raise HTTPException(409, str(error)) from None


def _linked_device(server: Loopback, number: str, device: int) -> Device:
    for phone in server.phones:
        for linked in phone.linked_devices:
            if (phone.number, linked.id) == (number, device):
                return linked
    raise HTTPException(404, f"{number} has no linked device {device}.")


def create(server: Loopback) -> FastAPI:
    """The control URL's web app. Like the phones' page, it answers to loopback host names only."""
    app = FastAPI(title="Exponential loopback", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app.state.server = server
    app.include_router(page.phones)
    app.include_router(router)
    return app


@contextlib.asynccontextmanager
async def serving(server: Loopback, port: int = 0) -> AsyncIterator[str]:
    """Serve the control URL, which is yielded, until the block ends. Raises ConfigurationError when `port` is taken."""
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ConfigurationError(f"The control URL can't listen on 127.0.0.1:{port} ({reason}).") from None
    web = uvicorn.Server(
        uvicorn.Config(create(server), log_config=None, access_log=False, timeout_graceful_shutdown=1, lifespan="off")
    )
    web.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # the CLI handles them
    running = asyncio.create_task(web.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        web.should_exit = True
        await running
