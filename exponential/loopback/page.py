"""The demo's start page and the simulated phones' page (`/phone`) with the JSON routes beneath it. Loopback only."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, File, HTTPException, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from sse_starlette import EventSourceResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from exponential.loopback import camera
from exponential.loopback.pairing import LinkError
from exponential.loopback.phone import Phone
from exponential.loopback.server import Loopback

STATIC = Path(__file__).parent / "static"


class Outgoing(BaseModel):
    """What a person types on a phone."""

    to: str
    text: str


class Scan(BaseModel):
    """The text of a QR code."""

    code: str


def _phone(request: Request, number: str) -> Phone:
    server: Loopback = request.app.state.server
    for phone in server.phones:
        if phone.number == number:
            return phone
    raise HTTPException(404, f"There is no simulated phone {number}.")


APhone = Annotated[Phone, Depends(_phone)]
phones = APIRouter(prefix="/api/phones/{number}")


@phones.get("/events")
async def events(phone: APhone) -> EventSourceResponse:
    return EventSourceResponse(_states(phone))


@phones.post("/messages", status_code=201)
async def send(phone: APhone, outgoing: Outgoing) -> dict[str, str]:
    if not outgoing.text.strip():
        raise HTTPException(422, "There is nothing to send.")
    try:
        return {"id": phone.send_text(outgoing.to, outgoing.text).id}
    except ValueError as error:
        raise HTTPException(404, str(error)) from None


@phones.post("/read/{chat}", status_code=204)
async def read(phone: APhone, chat: str) -> None:
    phone.mark_read(chat)


@phones.post("/scan")
async def scan(phone: APhone, code: Scan) -> dict[str, str]:
    return await _link(phone, code.code)


@phones.post("/photo")
async def photo(phone: APhone, picture: Annotated[UploadFile, File()]) -> dict[str, str]:
    try:
        code = await asyncio.to_thread(camera.read, await picture.read())
    except LinkError as error:
        raise HTTPException(409, str(error)) from None
    return await _link(phone, code)


@phones.delete("/devices/{device}", status_code=204)
async def unlink(phone: APhone, device: int) -> None:
    for linked in phone.linked_devices:
        if linked.id == device:
            phone.unlink(linked)


def create(
    server: Loopback, *, key: str, codes: Callable[[], Awaitable[list[str]]], sign_in: Callable[[], Awaitable[str]]
) -> FastAPI:
    """The demo's web app, whose start page is /start/{key}.

    `codes` finds the QR codes on screen now, `sign_in` makes a one-time link to the web app; it needs the `key`.
    """
    app = FastAPI(title="Exponential demo", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app.state.server = server
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(phones)

    @app.get(f"/start/{key}")
    async def start() -> HTMLResponse:
        return HTMLResponse((STATIC / "start.html").read_text().replace("{key}", key))

    @app.get("/phone")
    async def phone_page() -> FileResponse:
        return FileResponse(STATIC / "phone.html")

    @app.get(f"/open/{key}")
    async def open_web_app() -> RedirectResponse:
        return RedirectResponse(await sign_in(), status_code=303)

    @app.get("/api/codes")
    async def codes_on_screen() -> list[str]:
        return await codes()

    @app.get("/api/phones")
    async def all_phones() -> list[dict[str, str]]:
        return [{"number": phone.number, "name": phone.name} for phone in server.phones]

    return app


async def _link(phone: Phone, code: str) -> dict[str, str]:
    try:
        return {"linked": (await phone.scan(code)).name}
    except LinkError as error:
        raise HTTPException(409, str(error)) from None


async def _states(phone: Phone) -> AsyncIterator[dict[str, Any]]:
    while True:
        yield {"data": json.dumps(state(phone))}
        await phone.changed()


def state(phone: Phone) -> dict[str, Any]:
    """What a phone shows: contacts, chats, who is typing, linked devices."""
    contacts = {other.number: other.name for other in phone.known_phones()} | phone.contacts
    return {
        "number": phone.number,
        "contacts": contacts,
        "chats": {chat: [asdict(line) for line in lines] for chat, lines in phone.chats.items()},
        "typing": sorted(phone.typing),
        "devices": [{"id": device.id, "name": device.name} for device in phone.linked_devices],
    }
