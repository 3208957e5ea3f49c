"""Messages that the app couldn't take and that were set aside: seen, and brought back."""

from typing import Any

from exponential.gateway import inbox, sessions
from exponential.gateway.guards import Caller, Use, iso
from exponential.http.routes import Router

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
