"""Server-sent events: what happens to one session, and the list of a user's sessions whenever it changes."""

import itertools
import json
from collections.abc import AsyncGenerator
from typing import Any

from exponential.core.http.event_streams import EventStream
from exponential.core.http.routes import Router
from exponential.gateway.api import login, sessions
from exponential.gateway.api.dependencies import Caller, Use
from exponential.gateway.schema import MessageState, QrCode, SessionId, SessionList
from exponential.gateway.sessions.events import Changed, Note, Receipt

router = Router()


@router.get("/sessions/{session_id}/events")
async def session_events(session_id: str, caller: Caller, use: Use) -> EventStream:
    async def told() -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        async for what in use.events.of_session(caller.user_id, session_id):
            match what:
                case Changed(session, code_is_new):
                    yield "status", login.status_of(session).as_json()
                    if code_is_new:
                        yield "qr", QrCode(code=session.qr_code, expires_at=session.qr_expires_at).as_json()
                    if session.passkey_step is not None:
                        yield "passkey", login.passkey_of(session).as_json()
                case Receipt(message_id, status):
                    yield "receipt", MessageState(message_id=message_id, status=status).as_json()
                case Note("removed"):
                    yield "removed", SessionId(session_id=session_id).as_json()
                case _:
                    yield "", {}

    return await _stream(told())


@router.get("/events")
async def all_events(caller: Caller, use: Use) -> EventStream:
    async def told() -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        async for found in use.events.of_owner(caller.user_id):
            if isinstance(found, Note):
                yield "", {}
            else:
                yield "sessions", SessionList(sessions=[sessions.info(session) for session in found]).as_json()

    return await _stream(told())


async def _stream(events: AsyncGenerator[tuple[str, dict[str, Any]]]) -> EventStream:
    """(name, data) as text/event-stream; nameless ones become comments, which keep proxies from closing the stream.

    The answer begins with the first of them: who can't be told anything gets an error instead.
    """
    numbers = itertools.count(1)

    def line(name: str, data: dict[str, Any]) -> str:
        return f"id: {next(numbers)}\nevent: {name}\ndata: {json.dumps(data)}\n\n" if name else ": alive\n\n"

    first = line(*await anext(events))

    async def text() -> AsyncGenerator[str]:
        yield f"retry: 1000\n\n{first}"
        async for name, data in events:
            yield line(name, data)

    return EventStream(text())
