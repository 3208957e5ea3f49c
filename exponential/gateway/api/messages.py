"""Messages to WhatsApp: queued once per key, followed to their receipts."""

from typing import Annotated

from fastapi import Header, Query

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Caller, Use
from exponential.gateway.messages import outbox
from exponential.gateway.schema import MessageState, MessageStatus, NewMessage
from exponential.gateway.sessions import sessions

router = Router()


@router.post("/sessions/{session_id}/messages", status_code=202)
async def send_message(
    session_id: str,
    body: NewMessage,
    caller: Caller,
    use: Use,
    idempotency_key: Annotated[str, Header()] = "",
    owner_only: Annotated[bool, Query(alias="ownerOnly")] = False,
) -> MessageState:
    message = await use.queue(
        caller.user_id,
        session_id,
        key=idempotency_key,
        chat=body.chat,
        text=body.text,
        reply_to=body.reply_to,
        owner_only=owner_only,
    )
    return MessageState(message_id=str(message.id), status=message.state)


@router.get("/sessions/{session_id}/messages/{message_id}")
async def message_status(session_id: str, message_id: str, caller: Caller, use: Use) -> MessageStatus:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        message = await outbox.get(db, session.id, message_id)
    return MessageStatus(
        message_id=str(message.id),
        status=message.state,
        status_reason=message.reason,
        sent_at=message.sent_at,
        delivered_at=message.delivered_at,
        read_at=message.read_at,
    )
