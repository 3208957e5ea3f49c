"""JSON routes of approvals: whether Paddy asks before it answers others, what waits, and deciding it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Body
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from exponential.app.callers import Caller
from exponential.app.state import TheState
from exponential.assistant import approvals
from exponential.http import Router
from exponential.workspace import history

router = Router(prefix="/api/approvals")


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


@router.get("")
async def overview(state: TheState, user: Caller) -> Overview:
    async with state.database.transaction() as session:
        found = await approvals.waiting(session, user.id)
        required = await approvals.is_required(session, user.id)
    return Overview(
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


@router.put("", status_code=204)
async def require(state: TheState, user: Caller, required: Annotated[bool, Body(embed=True)]) -> None:
    """Switch it on or off."""
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "require_approval", "web", {"required": required})
        await approvals.require(session, user.id, required)


@router.post("/{pending_id}/send", status_code=204)
async def send(
    state: TheState, user: Caller, pending_id: UUID, text: Annotated[str | None, Body(embed=True)] = None
) -> None:
    """Send it, with other words if `text` is given. 404, or 409 when it doesn't wait any more."""
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "approve_send", "web", {"pending": str(pending_id)})
        await approvals.send(session, user.id, pending_id, text)


@router.post("/{pending_id}/drop", status_code=204)
async def drop(state: TheState, user: Caller, pending_id: UUID) -> None:
    """Never send it. 404, or 409 when it doesn't wait any more."""
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "refuse_send", "web", {"pending": str(pending_id)})
        await approvals.drop(session, user.id, pending_id)
