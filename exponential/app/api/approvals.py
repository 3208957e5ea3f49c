"""JSON routes of approvals: whether Paddy asks before it answers others, what waits, and deciding it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.core.authentication import Anyone, Caller
from exponential.app.core.rendering import JSON, in_turn
from exponential.app.core.state import IN_TURN, TheState
from exponential.assistant import approvals
from exponential.core.http.routes import Router
from exponential.workspace import history

router = Router(prefix="/api/approvals")


MAX_SHOWN_CHARS = 300_000  # of what waits that are shown at once; the rest follows as these are decided


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Waiting(_Answer):
    """An answer that waits: to whom, what they wrote, what Paddy would say."""

    id: UUID
    number: int
    contact: str
    asked: str
    reply: str
    created_at: datetime
    expires_at: datetime


class Overview(_Answer):
    required: bool
    waiting: list[Waiting]


async def _begin(session: AsyncSession, caller: Caller, name: str, args: dict[str, Any]) -> None:
    await history.begin(session, caller.user.id, name, caller.source, args, program=caller.program)


@router.get("", dependencies=[IN_TURN], response_model=Overview)
async def overview(request: Request, state: TheState, caller: Anyone) -> Response:
    """An Overview; of what waits, the oldest."""
    async with state.database.transaction() as session:
        found = await approvals.waiting(session, caller.user.id, MAX_SHOWN_CHARS)
        required = await approvals.is_required(session, caller.user.id)
    told = Overview(
        required=required,
        waiting=[
            Waiting(
                id=each.pending.id,
                number=each.pending.number,
                contact=each.contact,
                asked=each.asked,
                reply=each.reply,
                created_at=each.pending.created_at,
                expires_at=each.pending.expires_at,
            )
            for each in found
        ],
    )
    return await in_turn(request, caller.user.id, lambda: told.model_dump_json(by_alias=True), JSON)


@router.put("", status_code=204)
async def require(state: TheState, caller: Anyone, required: Annotated[bool, Body(embed=True)]) -> None:
    """Switch it on or off."""
    async with state.database.transaction() as session:
        await _begin(session, caller, "require_approval", {"required": required})
        await approvals.require(session, caller.user.id, required)


@router.post("/{pending_id}/send", status_code=204)
async def send(
    state: TheState, caller: Anyone, pending_id: UUID, text: Annotated[str | None, Body(embed=True)] = None
) -> None:
    """Send it, with other words if `text` is given. 404, or 409 when it doesn't wait any more."""
    async with state.database.transaction() as session:
        await _begin(session, caller, "approve_send", {"pending": str(pending_id)})
        await approvals.send(session, caller.user.id, pending_id, text)


@router.post("/{pending_id}/drop", status_code=204)
async def drop(state: TheState, caller: Anyone, pending_id: UUID) -> None:
    """Never send it. 404, or 409 when it doesn't wait any more."""
    async with state.database.transaction() as session:
        await _begin(session, caller, "refuse_send", {"pending": str(pending_id)})
        await approvals.drop(session, caller.user.id, pending_id)
