"""The control URL: phones and faults by HTTP and JSON, for tests in any language. On 127.0.0.1 only.

A phone's own routes are in message_routes.py and account_routes.py; the phone page uses them, too.
"""

import asyncio
import contextlib
import inspect
import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from exponential.core.errors import ConfigurationError
from exponential.core.http.routes import serve_routes
from exponential.core.http.sockets import listen
from exponential.loopback.control import account_routes, message_routes, phone_lookup, phone_state, server_routes
from exponential.loopback.server.directory import Device
from exponential.loopback.server.faults import FaultName
from exponential.loopback.server.server import Loopback
from exponential.loopback.state.middleware import SaveMiddleware
from exponential.loopback.web import security


class NewPhone(BaseModel):
    """A phone with an account of its own."""

    number: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
    name: Annotated[str, Field(max_length=1000)] = ""


class Fault(BaseModel):
    """What to break: with a `number` that account's linked `device`, else everything. `arguments`: see Faults."""

    number: str = ""
    device: int = 1
    arguments: dict[str, int | float | str] = {}


router = APIRouter(prefix="/api")
phones = APIRouter(prefix="/api/phones")


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


@phones.get("")
async def all_phones(request: Request) -> list[dict[str, Any]]:
    return [phone_state.state(phone) for phone in request.app.state.server.phones]


@phones.post("", status_code=201)
async def add_phone(request: Request, new: NewPhone) -> dict[str, Any]:
    try:
        return phone_state.state(request.app.state.server.add_phone(new.number, new.name))
    except ValueError as error:
        raise HTTPException(409, f"{error}.") from None


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
    security.protect(app)
    app.add_middleware(SaveMiddleware, save=server.save)
    app.state.server = server
    serve_routes(app, router, phones, message_routes.router, account_routes.router, server_routes.router)
    phone_lookup.explain_bad_input(app)
    return app


@contextlib.asynccontextmanager
async def serving(server: Loopback, port: int = 0) -> AsyncIterator[str]:
    """Serve the control URL, which is yielded, until the block ends. Raises ConfigurationError when `port` is taken."""
    try:
        listener = listen("127.0.0.1", port)
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
