"""JSON routes of the audit: what was done in the user's workspace, by whom and from where, and taking one act back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from exponential.app.core.authentication import Anyone, Auditor
from exponential.app.core.rendering import JSON, in_turn
from exponential.app.core.state import IN_TURN, TheState
from exponential.core import validation
from exponential.core.http.routes import Router
from exponential.workspace import history

router = Router(prefix="/api/audit")


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Change(_Answer):
    """A record before and after; `before` is null when it was made, `after` when it was removed."""

    kind: str
    record_id: UUID
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Act(_Answer):
    """`source`: a channel (web, terminal …), mcp, webhook or api; `program`: the name of the access token that was
    used; `outcome`: "ok", or the code of the refusal."""

    id: UUID
    name: str
    source: str
    program: str | None
    args: Any
    outcome: str
    created_at: datetime
    undone_at: datetime | None
    undoable: bool
    changes: list[Change]


class Page(_Answer):
    """The latest acts first; `next`: what to ask for as `before` to see earlier ones."""

    acts: list[Act]
    next: int | None


@router.get("", dependencies=[IN_TURN], response_model=Page)
async def acts(
    request: Request,
    state: TheState,
    caller: Auditor,
    limit: Annotated[int, Query(ge=1, le=history.MAX_ACTS)] = 50,
    before: Annotated[int | None, Query(ge=1, le=validation.LARGEST)] = None,
    source: Annotated[str | None, Query(max_length=16)] = None,
    name: Annotated[str | None, Query(max_length=100)] = None,
    changed: bool = False,
) -> Response:
    """A Page of the user's acts, fewer than `limit` where they changed much; `changed`: only those that changed
    something."""
    wanted = history.ActFilter(source=source, name=name, changed=changed)
    async with state.database.transaction() as session:
        found = await history.page(session, caller.user.id, limit=limit, before=before, wanted=wanted)
    told = Page(
        acts=[
            Act(
                id=entry.act.id,
                name=entry.act.name,
                source=entry.act.source,
                program=entry.act.program,
                args=entry.act.args,
                outcome=entry.act.outcome,
                created_at=entry.act.created_at,
                undone_at=entry.act.undone_at,
                undoable=entry.undoable,
                changes=[
                    Change(kind=change.kind, record_id=change.record_id, before=change.before, after=change.after)
                    for change in entry.changes
                ],
            )
            for entry in found.entries
        ],
        next=found.next,
    )
    return await in_turn(request, caller.user.id, lambda: told.model_dump_json(by_alias=True), JSON)


@router.post("/{act_id}/undo", status_code=204)
async def undo(state: TheState, caller: Anyone, act_id: UUID) -> None:
    """Take one act back. 404, or 409 when it can't be (any more)."""
    async with state.database.transaction() as session:
        told = {"act": str(act_id)}
        await history.begin(session, caller.user.id, history.UNDO, caller.source, told, program=caller.program)
        await history.undo_act(session, caller.user.id, act_id)
