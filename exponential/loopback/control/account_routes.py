"""A phone's account by HTTP and JSON below /api/phones/{number}: state, groups, linked devices, profile, network."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, HTTPException, Request, UploadFile
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from exponential.loopback.control import phone_state
from exponential.loopback.control.phone_lookup import AGroup, APhone, find, sentences
from exponential.loopback.phones import camera


class Code(BaseModel):
    """The text of a QR code, or the eight characters of a pairing code."""

    code: str


class Switch(BaseModel):
    on: bool


class Presence(BaseModel):
    """Whether a phone has a network."""

    online: bool


class Profile(BaseModel):
    """The push name."""

    name: Annotated[str, Field(min_length=1, max_length=1000)]


class NewGroup(BaseModel):
    """A group of this phone and the phones of these numbers."""

    subject: Annotated[str, Field(min_length=1, max_length=100)]
    members: list[str] = []


router = APIRouter(prefix="/api/phones/{number}", dependencies=[Depends(sentences)])


@router.get("")
async def one_phone(phone: APhone) -> dict[str, Any]:
    return phone_state.state(phone)


@router.get("/events")
async def events(phone: APhone) -> EventSourceResponse:
    return EventSourceResponse(phone_state.stream(phone))


@router.post("/groups", status_code=201)
async def create_group(request: Request, phone: APhone, new: NewGroup) -> dict[str, str]:
    members = [find(request, number) for number in dict.fromkeys(new.members) if number != phone.number]
    return {"id": str(phone.create_group(new.subject, members).jid)}


@router.put("/groups/{group}/members/{member}", status_code=204)
async def add_member(request: Request, phone: APhone, group: AGroup, member: str) -> None:
    account = find(request, member)
    if account.account in group.members:
        raise HTTPException(409, f"{member} is in the group already.")
    phone.add_to_group(group, account)


@router.delete("/groups/{group}/members/{member}", status_code=204)
async def remove_member(request: Request, phone: APhone, group: AGroup, member: str) -> None:
    account = find(request, member)
    if account.account not in group.members:
        raise HTTPException(409, f"{member} is not in the group.")
    phone.remove_from_group(group, account)


@router.post("/scan")
async def scan(phone: APhone, code: Code) -> dict[str, str]:
    return {"linked": (await phone.scan(code.code)).name}


@router.post("/photo")
async def photo(phone: APhone, picture: Annotated[UploadFile, File()]) -> dict[str, str]:
    code = await asyncio.to_thread(camera.read, await picture.read())
    return {"linked": (await phone.scan(code)).name}


@router.post("/code")
async def enter_code(phone: APhone, code: Code) -> dict[str, str]:
    return {"linked": (await phone.enter_code(code.code)).name}


@router.delete("/devices/{device}", status_code=204)
async def unlink(phone: APhone, device: int) -> None:
    for linked in phone.linked_devices:
        if linked.id == device:
            return phone.unlink(linked)
    raise HTTPException(404, f"This phone has no linked device {device}.")


@router.put("/presence", status_code=204)
async def presence(phone: APhone, wanted: Presence) -> None:
    (phone.go_online if wanted.online else phone.go_offline)()


@router.put("/passkey", status_code=204)
async def passkey(phone: APhone, wanted: Switch) -> None:
    phone.account.passkey = wanted.on


@router.post("/passkey/answer")
async def answer_passkey(phone: APhone) -> dict[str, str]:
    """What the account's passkey answers to the computer that is just being linked: to be brought there."""
    exchange = phone.exchange()
    if exchange is None:
        raise HTTPException(409, "No computer asks for this account's passkey now.")
    return {"answer": json.dumps(exchange.sign())}


@router.put("/profile", status_code=204)
async def profile(phone: APhone, wanted: Profile) -> None:
    phone.rename(wanted.name)
