"""A user's sessions: listed, looked at, their groups, disconnected."""

from exponential.core.http.routes import Router
from exponential.gateway.access import policies
from exponential.gateway.api import access
from exponential.gateway.api.dependencies import Caller, Use
from exponential.gateway.schema import (
    Group,
    GroupList,
    SessionInfo,
    SessionList,
    SessionState,
    SessionWithAccess,
    Unlinked,
)
from exponential.gateway.sessions import reasons, sessions
from exponential.gateway.sessions.sessions import Session

router = Router()


def state(session: Session) -> SessionState:
    return SessionState(
        connected=session.status == sessions.CONNECTED,
        phone_number=session.phone,
        status=session.status,
        status_reason=session.reason,
        status_code=reasons.code_of(session.reason),
        status_since=session.since,
    )


def info(session: Session) -> SessionInfo:
    return SessionInfo(
        **dict(state(session)),
        session_id=str(session.id),
        created_at=session.created_at,
        connected_at=session.connected_at,
    )


@router.get("/sessions")
async def list_sessions(caller: Caller, use: Use) -> SessionList:
    async with use.database.transaction() as db:
        return SessionList(sessions=[info(session) for session in await sessions.of_owner(db, caller.user_id)])


@router.get("/sessions/{session_id}")
async def one_session(session_id: str, caller: Caller, use: Use) -> SessionWithAccess:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        policy = await policies.load(db, session.id)
    return SessionWithAccess(**dict(info(session)), access=access.of(policy))


@router.get("/sessions/{session_id}/groups")
async def groups(session_id: str, caller: Caller, use: Use) -> GroupList:
    found = await use.groups.of(caller.user_id, session_id)
    return GroupList(groups=[Group(jid=jid, subject=subject, participants=count) for jid, subject, count in found])


@router.delete("/sessions/{session_id}")
async def disconnect(session_id: str, caller: Caller, use: Use) -> Unlinked:
    return Unlinked(unlinked=await use.disconnect(caller.user_id, session_id))
