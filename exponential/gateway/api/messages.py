"""Messages to WhatsApp: queued once per key, followed to their receipts."""

from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import Field

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Body, Caller, Use, iso
from exponential.gateway.messages import outbox
from exponential.gateway.sessions import sessions

router = Router()


class NewMessage(Body):
    chat: str
    text: str
    reply_to: str | None = Field(None, alias="replyTo", max_length=128)


@router.post("/sessions/{session_id}/messages", status_code=202)
async def send_message(
    session_id: str,
    body: NewMessage,
    caller: Caller,
    use: Use,
    idempotency_key: Annotated[str, Header()] = "",
    owner_only: Annotated[bool, Query(alias="ownerOnly")] = False,
) -> dict[str, str]:
    message = await use.queue(
        caller.user_id,
        session_id,
        key=idempotency_key,
        chat=body.chat,
        text=body.text,
        reply_to=body.reply_to,
        owner_only=owner_only,
    )
    return {"messageId": str(message.id), "status": message.state}


@router.get("/sessions/{session_id}/messages/{message_id}")
async def message_status(session_id: str, message_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        message = await outbox.get(db, session.id, message_id)
    return {
        "messageId": str(message.id),
        "status": message.state,
        "statusReason": message.reason,
        "sentAt": iso(message.sent_at),
        "deliveredAt": iso(message.delivered_at),
        "readAt": iso(message.read_at),
    }
