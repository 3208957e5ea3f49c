"""Files of a conversation, for the user whose it is: pictures and sound are shown, all else is saved."""

from contextlib import AsyncExitStack
from urllib.parse import quote
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from exponential.app.chat.entries import SHOWN
from exponential.app.core.downloads import Download, in_pieces
from exponential.app.core.state import SignedIn, TheState
from exponential.assistant.files import attachments
from exponential.core.http.bodies import Claim
from exponential.core.http.routes import Router

router = Router()
_PLAYED = ("audio/", "video/")


@router.get("/files/{file_id}")
async def file(request: Request, state: TheState, user: SignedIn, file_id: UUID) -> Response:
    """Whatever somebody sent, it can run no script here: it has a type that can't, or is a download, in a sandbox."""
    async with AsyncExitStack() as holds:
        await holds.enter_async_context(state.downloads.of(user.id, request))
        async with state.database.transaction() as session:
            found = await attachments.of_user(session, user.id, file_id)
        holds.enter_context(Claim(state.budget)).grow(user.id, found.size)
        async with state.database.transaction() as session:
            data = await attachments.data_of(session, file_id)
        shown = found.mime in SHOWN or found.mime.startswith(_PLAYED)
        name = quote(found.name or f"{found.kind}", safe="")
        headers = {
            "Content-Type": found.mime if shown else "application/octet-stream",
            "Content-Encoding": "identity",  # compressed as it is, mostly; and large
            "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        return Download(in_pieces(data), len(data), holds.pop_all(), headers)
