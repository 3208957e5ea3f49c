"""What a URL or a body names on a phone (chats, lines, groups), for FastAPI; what a phone refuses, as answers.

Errors are `{"detail": "<one sentence>"}`: 404 for what isn't there, 409 for what can't be done now, 422 for what makes
no sense.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from exponential.loopback.phones.chats import ChatMessage
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import Group
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.media_host import MediaError
from exponential.loopback.server.server import Loopback


def find(request: Request, number: str) -> Phone:
    """The phone of that number, or 404."""
    server: Loopback = request.app.state.server
    for phone in server.phones:
        if phone.number == number:
            return phone
    raise HTTPException(404, f"There is no simulated phone {number}.")


APhone = Annotated[Phone, Depends(find)]


def known(phone: Phone, chat: str) -> str:
    """The chat's name as it was given, or 404."""
    try:
        phone.messages(chat)
    except ValueError as error:
        raise HTTPException(404, f"{str(error).rstrip('.')}.") from None
    return chat


def _chat(phone: APhone, chat: str) -> str:
    return known(phone, chat)


AChat = Annotated[str, Depends(_chat)]


def quoted(phone: Phone, chat: str, id: str) -> ChatMessage:
    """The line of that id, or 404."""
    for line in phone.messages(chat):
        if line.id == id:
            return line
    raise HTTPException(404, f"There is no message {id} in this chat.")


def _line(phone: APhone, chat: AChat, id: str) -> ChatMessage:
    return quoted(phone, chat, id)


ALine = Annotated[ChatMessage, Depends(_line)]


def group_of(phone: APhone, group: str) -> Group:
    """The group of that JID, which the phone is in, or 404."""
    for known in phone.groups():
        if str(known.jid) == group:
            return known
    raise HTTPException(404, f"This phone is in no group {group}.")


AGroup = Annotated[Group, Depends(group_of)]


async def sentences() -> AsyncIterator[None]:
    """What a phone refuses, as an answer."""
    try:
        yield
    except MediaError as error:
        raise HTTPException(404, f"The file can't be opened: {error}.") from None
    except (LinkError, ValueError) as error:
        raise HTTPException(409, str(error)) from None


def explain_bad_input(app: FastAPI) -> None:
    """Let what doesn't fit a route be told in one sentence, too."""

    @app.exception_handler(RequestValidationError)
    async def told(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "The body"
        return JSONResponse({"detail": f"{where}: {first['msg']}."}, 422)
