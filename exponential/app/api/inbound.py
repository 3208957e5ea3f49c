"""Messages that the gateway hands over: stored with their turn before the 202; one that was seen changes nothing."""

import base64
import binascii
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from exponential.app.core.state import TheState, state_of
from exponential.assistant import conversation
from exponential.assistant.channels import delivery, whatsapp
from exponential.assistant.channels.whatsapp import WhatsApp
from exponential.assistant.conversation import Incoming
from exponential.assistant.files import attachments
from exponential.assistant.files.reader import VIDEO
from exponential.assistant.turns import store
from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.core.errors import NotFound
from exponential.core.http.bodies import known
from exponential.core.http.routes import Router, before_body
from exponential.core.validation import cleaned

PREFIX = "/api/whatsapp-gateway/"
router = Router(prefix=PREFIX.rstrip("/"))
MAX_MESSAGE_BYTES = 90_000_000  # the largest EXPONENTIAL_MEDIA_LIMIT in base64, and the message around it
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)
MAX_QUOTED_CHARS = 4_000  # of a quoted message that are kept
_KINDS: dict[str, attachments.Kind] = {
    "image": "image",
    "document": "document",
    "voice": "voice",
    "audio": "voice",
    "video": "video",
    "sticker": "sticker",
}


# What strangers wrote: it is never refused, for the gateway would have to set the message aside.
Text = Annotated[str, AfterValidator(cleaned)]


class File(BaseModel):
    """The message's file: `data` in base64, or the `problem`, a sentence, for which the gateway hasn't got it."""

    mime: Text = Field("", max_length=200)
    name: Text = Field("", max_length=1000)
    size: int = Field(0, ge=0)
    data: str = ""
    problem: str = Field("", max_length=500)


class Quoted(BaseModel):
    """The message that another one replies to. `key` is the idempotency key of one that this app has sent."""

    text: Text = ""
    key: Text | None = None


class Inbound(BaseModel):
    """One WhatsApp message. `chat` and `sender` are JIDs; `message_id` is WhatsApp's."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    session_id: Text = Field(min_length=1, max_length=100)
    message_id: Text = Field(min_length=1, max_length=200)
    chat: Text = Field(min_length=1, max_length=200)
    sender: Text = Field(min_length=1, max_length=200)
    sender_phone: Text | None = Field(None, max_length=32)
    sender_name: Text | None = Field(None, max_length=500)
    role: Literal["owner", "guest"]
    type: Text = Field(min_length=1, max_length=50)
    text: Text
    timestamp: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)]
    media: File | None = None
    forwarded: bool = False
    quoted: Quoted | None = None


class Accepted(BaseModel):
    accepted: bool = True
    duplicate: bool


@before_body
async def _owner(request: Request) -> Identity:
    token = service_tokens.from_header(request.headers.get("authorization"))
    owner = service_tokens.verify(token, secret=state_of(request).settings.auth_secret, audience=service_tokens.APP)
    known(request, None)  # the gateway itself, which sends few files at once; a 503 would tell it that nobody is here
    return owner


Owner = Annotated[Identity, Depends(_owner)]


@router.post("/messages", status_code=202, max_body_size=MAX_MESSAGE_BYTES)
async def messages(state: TheState, request: Request, owner: Owner) -> Accepted:
    """Take over one message for the token's user. The gateway repeats it until this answers 2xx."""
    try:
        body = Inbound.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from None
    in_group = whatsapp.is_group(body.chat)
    incoming = Incoming(
        user_id=_account(owner.user_id),
        channel=WhatsApp.name,
        text=body.text,
        role=body.role,
        account=body.session_id,
        address=body.chat,
        external_id=body.message_id,
        sender_name=body.sender_name,
        sender=body.sender,
        sender_handle=body.sender_phone or whatsapp.phone_number(body.sender, *([] if in_group else [body.chat])),
        is_group=in_group,
        type=body.type,
        attachments=_attachments(body, state.settings.media_limit),
        forwarded=body.forwarded,
        quoted=body.quoted.text[:MAX_QUOTED_CHARS] if body.quoted else "",
        quoted_turn_id=delivery.turn_of(body.quoted.key) if body.quoted and body.quoted.key else None,
        written_at=body.timestamp,
    )
    async with state.database.transaction() as session:
        # Nobody would ever read it: what guests send there would only fill the disk.
        if incoming.attachments and incoming.role == "guest":
            if store.is_quiet(await conversation.chat_of(session, incoming)):
                incoming = replace(incoming, attachments=attachments.without_data(incoming.attachments))
        received = await conversation.receive(session, incoming, media_limit=state.settings.media_limit)
    return Accepted(duplicate=received.duplicate)


def _attachments(body: Inbound, limit: int) -> tuple[attachments.Attachment, ...]:
    """The message's file; one that is no good is told of, for the message itself must not be lost over it."""
    file, kind = body.media, _KINDS.get(body.type)
    if file is None or kind is None:
        return ()
    data, problem = b"", f"I couldn't get this file. {file.problem}" if file.problem else ""
    if kind == "video":
        problem = VIDEO
    elif not problem:
        try:
            data = base64.b64decode(file.data, validate=True)
        except binascii.Error:
            data = b""
        if not data:
            problem = "The file was damaged on its way here."
        elif limit == 0:
            data, problem = b"", "Files are switched off here."
        elif len(data) > limit * 1_000_000:
            data, problem = b"", f"The file has {len(data) / 1e6:.1f} MB; I take up to {limit} MB."
    return (attachments.Attachment(kind, file.mime, file.name, data, problem),)


def _account(user_id: str) -> UUID:
    try:
        return UUID(user_id)
    except ValueError:
        raise NotFound("There is no such account here.", code="unknown_user") from None
