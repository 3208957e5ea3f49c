"""Typing, read receipts and reactions."""

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Caller, Use
from exponential.gateway.schema import Done, Reaction, Read, Shown, Typing

router = Router()


@router.put("/sessions/{session_id}/chats/{chat}/typing")
async def typing(session_id: str, chat: str, body: Typing, caller: Caller, use: Use) -> Done:
    await use.typing(caller.user_id, session_id, chat, body.typing)
    return Done()


@router.put("/sessions/{session_id}/chats/{chat}/read")
async def read(session_id: str, chat: str, body: Read, caller: Caller, use: Use) -> Shown:
    return Shown(shown=await use.presence.read(caller.user_id, session_id, chat, body.message_ids))


@router.post("/sessions/{session_id}/chats/{chat}/reactions")
async def react(session_id: str, chat: str, body: Reaction, caller: Caller, use: Use) -> Shown:
    return Shown(shown=await use.presence.react(caller.user_id, session_id, chat, body.message_id, body.emoji))
