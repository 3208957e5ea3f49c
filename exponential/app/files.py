"""Files of a conversation, for the user whose it is: pictures and sound are shown, all else is saved."""

from urllib.parse import quote
from uuid import UUID

from fastapi.responses import Response

from exponential.app.entries import SHOWN
from exponential.app.state import SignedIn, TheState
from exponential.assistant import media
from exponential.http.routes import Router

router = Router()
_PLAYED = ("audio/", "video/")


@router.get("/files/{file_id}")
async def file(state: TheState, user: SignedIn, file_id: UUID) -> Response:
    """Whatever somebody sent, it can run no script here: it has a type that can't, or is a download, in a sandbox."""
    async with state.database.transaction() as session:
        found = await media.of_user(session, user.id, file_id)
    shown = found.mime in SHOWN or found.mime.startswith(_PLAYED)
    name = quote(found.name or f"{found.kind}", safe="")
    return Response(
        found.data,
        media_type=found.mime if shown else "application/octet-stream",
        headers={
            "Content-Encoding": "identity",  # compressed as it is, mostly; and large
            "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
