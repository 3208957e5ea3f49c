"""Messages that the app couldn't take and that were set aside: seen, and brought back."""

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Caller, Use
from exponential.gateway.messages import inbox
from exponential.gateway.schema import Parked, ParkedList, Retried
from exponential.gateway.sessions import sessions

router = Router()


@router.get("/sessions/{session_id}/parked")
async def parked(session_id: str, caller: Caller, use: Use) -> ParkedList:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        found = await inbox.parked(db, session.id)
    return ParkedList(
        parked=[Parked(message_id=row.message_id, reason=row.reason, waiting_since=row.received_at) for row in found]
    )


@router.post("/sessions/{session_id}/parked/retry")
async def retry(session_id: str, caller: Caller, use: Use) -> Retried:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        return Retried(retried=await inbox.retry(db, session.id))
