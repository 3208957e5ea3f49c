"""A user's sessions: listed, looked at, their groups, disconnected."""

from typing import Any

from exponential.core.http.routes import Router
from exponential.gateway.access import policies
from exponential.gateway.api import access
from exponential.gateway.api.dependencies import Caller, Use, iso
from exponential.gateway.sessions import reasons, sessions
from exponential.gateway.sessions.sessions import Session

router = Router()


def as_json(session: Session) -> dict[str, Any]:
    return {
        "sessionId": str(session.id),
        "phoneNumber": session.phone,
        "connected": session.status == sessions.CONNECTED,
        "status": session.status,
        "statusReason": session.reason,
        "statusCode": reasons.code_of(session.reason),
        "statusSince": iso(session.since),
        "createdAt": iso(session.created_at),
        "connectedAt": iso(session.connected_at),
    }


@router.get("/sessions")
async def list_sessions(caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        return {"sessions": [as_json(session) for session in await sessions.of_owner(db, caller.user_id)]}


@router.get("/sessions/{session_id}")
async def one_session(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        policy = await policies.load(db, session.id)
    return {**as_json(session), "access": access.as_json(policy)}


@router.get("/sessions/{session_id}/groups")
async def groups(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    found = await use.groups.of(caller.user_id, session_id)
    return {"groups": [{"jid": jid, "subject": subject, "participants": count} for jid, subject, count in found]}


@router.delete("/sessions/{session_id}")
async def disconnect(session_id: str, caller: Caller, use: Use) -> dict[str, bool]:
    return {"success": True, "unlinked": await use.disconnect(caller.user_id, session_id)}
