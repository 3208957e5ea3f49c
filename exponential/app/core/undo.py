"""Acts of the user's own on these pages: in the history like Paddy's, told in a toast, and taken back from there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.core import action_names
from exponential.app.core.rendering import wants_json
from exponential.app.core.state import SignedIn, State, TheState
from exponential.app.core.theme import came_from
from exponential.auth.users import User
from exponential.core.http.routes import Router
from exponential.core.validation import split_url
from exponential.workspace import history
from exponential.workspace.history import Act

router = Router()
SOURCE = "web"
_PLACES = ("tasks", "projects", "meetings")
_TOLD = "said"  # the key in an act's arguments that holds what the toast says


@dataclass
class RunningAct:
    """An act in the making: its transaction, and what is told of it."""

    session: AsyncSession
    act: Act

    def tell(self, subject: str) -> None:
        """Say what it was done to."""
        self.act.args = {**self.act.args, _TOLD: action_names.said(self.act.name, subject)}


@asynccontextmanager
async def act_of(state: State, user: User, name: str, /, **args: Any) -> AsyncIterator[RunningAct]:
    """A transaction whose changes belong to one act; nothing is kept of one that is refused. `args` is JSON."""
    async with state.database.transaction() as session:
        given = {key: value for key, value in args.items() if value is not None}
        yield RunningAct(session, await history.begin(session, user.id, name, SOURCE, given))


def answer(request: Request, act: Act, back: str, *, undo: bool = True) -> Response:
    """JSON {"said", "act"} for a script; a browser without one goes to `back`, where the toast is part of the page."""
    if wants_json(request):
        return JSONResponse({"said": act.args.get(_TOLD, ""), "act": str(act.id) if undo else None})
    return RedirectResponse(_with(back, act.id), 303)


async def toast(request: Request, session: AsyncSession, user: User) -> dict[str, Any]:
    """{"toast": {"said", "act"} or None}: what the address says was just done, for pages without script."""
    try:
        act_id = UUID(request.query_params.get("act", ""))
    except ValueError:
        return {"toast": None}
    act = await session.get(Act, act_id)
    if act is None or act.user_id != user.id or act.undone_at is not None:
        return {"toast": None}
    undo = act_id in await history.undoable(session, [act_id])
    return {
        "toast": {"said": act.args.get(_TOLD) or action_names.said(act.name, ""), "act": str(act_id) if undo else None}
    }


@router.post("/undo")
async def undo(request: Request, state: TheState, user: SignedIn, act: Annotated[UUID, Form()]) -> Response:
    """Take back one act, the user's or Paddy's. 404, or 409 when it can't be taken back (any more)."""
    async with act_of(state, user, history.UNDO, act=str(act)) as this:
        taken_back = await history.undo_act(this.session, user.id, act)
        said = taken_back.args.get(_TOLD) if isinstance(taken_back.args, dict) else None
        this.act.args = {**this.act.args, _TOLD: f"Undone: {said}" if said else "Undone"}
    back = came_from(request)
    place = back.split("?")[0].split("/")[1]
    if back == "/" or (place in _PLACES and taken_back.name.startswith(("create", "import"))):
        back = f"/{place or 'tasks'}"  # the page of what is gone now
    return answer(request, this.act, back, undo=False)


def _with(back: str, act_id: UUID) -> str:
    parts = split_url(back)
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key != "act"]
    return parts._replace(query=urlencode([*kept, ("act", str(act_id))])).geturl()
