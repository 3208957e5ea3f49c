"""What a person writes, reads and does to messages on a phone, by HTTP and JSON below /api/phones/{number}."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, File, Form, HTTPException, Request, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from exponential.loopback.control.phone_lookup import AChat, ALine, APhone, find, group_of, known, quoted, sentences

MAX_WAIT_SECONDS = 300.0
# Shown inside the page; anything else that a stranger's message claims to be is only offered as a download.
SHOWN = {"image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "video/webm", "audio/ogg", "audio/mpeg"}


class Outgoing(BaseModel):
    """What a person types, or passes on. `quote`: the id of a line of that chat; `mentions`: numbers of members of a
    group."""

    to: str
    text: Annotated[str, Field(max_length=65_536)]
    quote: str = ""
    mentions: list[str] = []
    forwarded: bool = False


class Place(BaseModel):
    """A location, in degrees."""

    to: str
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    name: str = ""


class Card(BaseModel):
    """Somebody's contact card."""

    to: str
    name: Annotated[str, Field(min_length=1)]
    number: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]


class Words(BaseModel):
    text: str


class Emoji(BaseModel):
    """What to put beneath a line; empty takes it back."""

    emoji: Annotated[str, Field(max_length=32)]


class Typing(BaseModel):
    on: bool
    recording: bool = False


class Timer(BaseModel):
    seconds: Annotated[int, Field(ge=0, le=7_776_000)]


class Wanted(BaseModel):
    """A line to wait for in `chat` that holds `text` and was not typed on this phone."""

    text: str
    chat: str = "me"
    timeout: Annotated[float, Field(gt=0, le=MAX_WAIT_SECONDS)] = 15  # seconds


router = APIRouter(prefix="/api/phones/{number}", dependencies=[Depends(sentences)])


@router.get("/messages/{chat}")
async def messages(phone: APhone, chat: AChat) -> list[dict[str, Any]]:
    return [asdict(line) for line in phone.messages(chat)]


@router.post("/messages", status_code=201)
async def send(request: Request, phone: APhone, outgoing: Outgoing) -> dict[str, str]:
    chat = known(phone, outgoing.to)
    if not outgoing.text.strip():
        raise HTTPException(422, "There is nothing to send.")
    if outgoing.quote and outgoing.mentions:
        raise HTTPException(422, "A reply mentions nobody here. Send the mention in a message of its own.")
    if outgoing.forwarded and (outgoing.quote or outgoing.mentions):
        raise HTTPException(422, "What is forwarded neither replies nor mentions. Send that in a message of its own.")
    if outgoing.quote:
        return {"id": phone.reply(quoted(phone, chat, outgoing.quote), outgoing.text).id}
    if outgoing.mentions:
        members = [find(request, number) for number in outgoing.mentions]
        return {"id": phone.send_to_group(group_of(phone, chat), outgoing.text, mentions=members).id}
    return {"id": phone.send_text(chat, outgoing.text, forwarded=outgoing.forwarded).id}


@router.post("/messages/{chat}/{id}/forward", status_code=201)
async def forward(phone: APhone, line: ALine, to: Annotated[str, Body(embed=True)]) -> dict[str, str]:
    return {"id": phone.forward(line, known(phone, to)).id}


@router.post("/files", status_code=201)
async def send_file(
    phone: APhone,
    file: Annotated[UploadFile, File()],
    to: Annotated[str, Form()],
    kind: Annotated[Literal["image", "video", "voice", "document", "sticker"], Form()],
    text: Annotated[str, Form()] = "",
    seconds: Annotated[int, Form(ge=0)] = 0,
) -> dict[str, str]:
    chat, data = known(phone, to), await file.read()
    name, mime = file.filename or "file", file.content_type or "application/octet-stream"
    if not data:
        raise HTTPException(422, "The file is empty.")
    if kind == "image":
        return {"id": phone.send_image(chat, data, text, mime=mime).id}
    if kind == "video":
        return {"id": phone.send_video(chat, data, text, seconds=seconds).id}
    if kind == "voice":
        return {"id": phone.send_voice(chat, data, seconds=seconds).id}
    if kind == "sticker":
        return {"id": phone.send_sticker(chat, data).id}
    return {"id": phone.send_document(chat, data, name, text, mime=mime).id}


@router.get("/files/{chat}/{id}")
async def open_file(phone: APhone, line: ALine) -> Response:
    data = await asyncio.to_thread(phone.open_file, line)
    mime = line.media.mime.partition(";")[0].strip().lower() if line.media else ""
    shown = mime in SHOWN
    return Response(
        data,
        media_type=mime if shown else "application/octet-stream",
        headers={} if shown else {"Content-Disposition": "attachment"},
    )


@router.post("/locations", status_code=201)
async def send_location(phone: APhone, place: Place) -> dict[str, str]:
    return {"id": phone.send_location(known(phone, place.to), place.latitude, place.longitude, place.name).id}


@router.post("/contacts", status_code=201)
async def send_contact(phone: APhone, card: Card) -> dict[str, str]:
    return {"id": phone.send_contact(known(phone, card.to), card.name, card.number).id}


@router.put("/messages/{chat}/{id}/text", status_code=204)
async def edit(phone: APhone, line: ALine, words: Words) -> None:
    if not words.text.strip():
        raise HTTPException(422, "There is nothing to change the message to. To take it back, delete it.")
    phone.edit(line, words.text)


@router.put("/messages/{chat}/{id}/reaction", status_code=204)
async def react(phone: APhone, line: ALine, wanted: Emoji) -> None:
    phone.react(line, wanted.emoji)


@router.delete("/messages/{chat}/{id}", status_code=204)
async def revoke(phone: APhone, line: ALine) -> None:
    phone.revoke(line)


@router.post("/messages/{chat}/{id}/played", status_code=204)
async def played(phone: APhone, line: ALine) -> None:
    if line.from_me:
        raise HTTPException(422, "Only what others sent can be played for the first time.")
    phone.mark_played(line)


@router.post("/read/{chat}", status_code=204)
async def read(phone: APhone, chat: AChat) -> None:
    phone.mark_read(chat)


@router.put("/typing/{chat}", status_code=204)
async def typing(phone: APhone, chat: AChat, wanted: Typing) -> None:
    phone.show_typing(chat, wanted.on, recording=wanted.recording)


@router.put("/timer/{chat}", status_code=204)
async def disappearing(phone: APhone, chat: AChat, wanted: Timer) -> None:
    phone.set_disappearing(chat, wanted.seconds)


@router.post("/wait")
async def wait(phone: APhone, wanted: Wanted) -> dict[str, Any]:
    try:
        return asdict(await phone.wait_for(wanted.text, chat=known(phone, wanted.chat), timeout=wanted.timeout))
    except TimeoutError:
        raise HTTPException(408, f"No such line came within {wanted.timeout:g} seconds.") from None
