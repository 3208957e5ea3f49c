"""Server-sent events: what happens to one session, and the list of a user's sessions whenever it changes."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import StreamingResponse

from exponential.gateway import sessions as rows
from exponential.gateway.events import Changed, Note, Receipt
from exponential.gateway.guards import Caller, Use, iso
from exponential.gateway.routes import login, sessions
from exponential.http.routes import Router

router = Router()


@router.get("/sessions/{session_id}/events")
async def session_events(session_id: str, caller: Caller, use: Use) -> StreamingResponse:
    async with use.database.transaction() as db:
        await rows.owned(db, caller.user_id, session_id)

    async def told() -> AsyncIterator[tuple[str, dict[str, Any]]]:
        async for what in use.events.of_session(caller.user_id, session_id):
            match what:
                case Changed(session, code_is_new):
                    yield "status", login.login_status_of(session)
                    if code_is_new:
                        yield "qr", {"code": session.qr_code, "expiresAt": iso(session.qr_expires_at)}
                case Receipt(message_id, status):
                    yield "receipt", {"messageId": message_id, "status": status}
                case Note("removed"):
                    yield "removed", {"sessionId": session_id}
                case _:
                    yield "", {}

    return _stream(told())


@router.get("/events")
async def all_events(caller: Caller, use: Use) -> StreamingResponse:
    async def told() -> AsyncIterator[tuple[str, dict[str, Any]]]:
        async for found in use.events.of_owner(caller.user_id):
            if isinstance(found, Note):
                yield "", {}
            else:
                yield "sessions", {"sessions": [sessions.as_json(session) for session in found]}

    return _stream(told())


def _stream(events: AsyncIterator[tuple[str, dict[str, Any]]]) -> StreamingResponse:
    """(name, data) as text/event-stream; nameless ones become comments, which keep proxies from closing the stream."""

    async def text() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        numbers = itertools.count(1)
        async for name, data in events:
            yield f"id: {next(numbers)}\nevent: {name}\ndata: {json.dumps(data)}\n\n" if name else ": alive\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(text(), media_type="text/event-stream", headers=headers)
