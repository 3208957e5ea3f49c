"""Messages that the app couldn't take and that were set aside: seen, and brought back."""

from typing import Any

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Caller, Use, iso
from exponential.gateway.messages import inbox
from exponential.gateway.sessions import sessions

router = Router()


@router.get("/sessions/{session_id}/parked")
async def parked(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        found = await inbox.parked(db, session.id)
    return {
        "parked": [
            {"messageId": row.message_id, "reason": row.reason, "waitingSince": iso(row.received_at)} for row in found
        ]
    }


@router.post("/sessions/{session_id}/parked/retry")
async def retry(session_id: str, caller: Caller, use: Use) -> dict[str, int]:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        return {"retried": await inbox.retry(db, session.id)}
