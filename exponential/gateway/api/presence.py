"""Typing, read receipts and reactions."""

from pydantic import ConfigDict, StrictBool
from pydantic.alias_generators import to_camel

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Body, Caller, Use

router = Router()


class TypingState(Body):
    typing: StrictBool


class Read(Body):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    message_ids: list[str]


class Reaction(Body):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    message_id: str
    emoji: str


@router.put("/sessions/{session_id}/chats/{chat}/typing")
async def typing(session_id: str, chat: str, body: TypingState, caller: Caller, use: Use) -> dict[str, bool]:
    await use.typing(caller.user_id, session_id, chat, body.typing)
    return {"success": True}


@router.put("/sessions/{session_id}/chats/{chat}/read")
async def read(session_id: str, chat: str, body: Read, caller: Caller, use: Use) -> dict[str, bool]:
    return {"shown": await use.presence.read(caller.user_id, session_id, chat, body.message_ids)}


@router.post("/sessions/{session_id}/chats/{chat}/reactions")
async def react(session_id: str, chat: str, body: Reaction, caller: Caller, use: Use) -> dict[str, bool]:
    shown = await use.presence.react(caller.user_id, session_id, chat, body.message_id, body.emoji)
    return {"shown": shown}
