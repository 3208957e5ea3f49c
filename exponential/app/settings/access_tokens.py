"""Settings of access tokens: what one's own programs speak with, made and revoked; and answers that wait for a yes."""

from collections.abc import Collection
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form, Request
from fastapi.responses import Response

from exponential.app.core.state import SignedIn, State, TheState
from exponential.app.settings.account import back, settings_page
from exponential.assistant import approvals
from exponential.auth import access_tokens
from exponential.auth.users import User
from exponential.core.errors import BadInput, Conflict, ExponentialError
from exponential.core.http.routes import Router
from exponential.workspace import history
from exponential.workspace.text.zones import zone_of

router = Router(prefix="/settings")
LIFETIMES = (("30", "after 30 days"), ("90", "after 90 days"), ("365", "after a year"), ("never", "never"))


@router.get("/programs")
async def programs_page(request: Request, state: TheState, user: SignedIn) -> Response:
    return await _programs(request, state, user)


async def _programs(
    request: Request,
    state: State,
    user: User,
    *,
    error: ExponentialError | None = None,
    secret: str = "",
    name: str = "",
    scopes: Collection[str] = (access_tokens.MEETINGS,),
    days: str = str(access_tokens.DEFAULT_DAYS),
) -> Response:
    async with state.database.transaction() as session:
        found = await access_tokens.of_user(session, user.id)
    return await settings_page(
        request,
        "settings-programs.html",
        status=error.status if error else 200,
        error=str(error) if error else "",
        tokens=found,
        secret=secret,
        name=name,
        scopes=access_tokens.SCOPES,
        chosen=scopes,
        lifetimes=LIFETIMES,
        days=days,
        zone=zone_of(user),
    )


@router.post("/programs")
async def make(
    request: Request,
    state: TheState,
    user: SignedIn,
    name: Annotated[str, Form(max_length=1_000)] = "",
    scope: Annotated[list[str] | None, Form()] = None,
    days: Annotated[Literal["30", "90", "365", "never"], Form()] = "90",
) -> Response:
    """Make a token. It is shown once: only a hash of it is kept."""
    try:
        async with state.database.transaction() as session:
            given = {"name": name, "scope": " ".join(scope or ()), "days": days}
            await history.begin(session, user.id, "make_token", "web", given)
            lives = None if days == "never" else int(days)
            _, secret = await access_tokens.make(session, user.id, name, scopes=scope or (), days=lives)
    except (BadInput, Conflict) as error:
        return await _programs(request, state, user, error=error, name=name, scopes=scope or (), days=days)
    return await _programs(request, state, user, secret=secret)


@router.post("/programs/{token_id}/revoke")
async def revoke(state: TheState, user: SignedIn, token_id: UUID) -> Response:
    async with state.database.transaction() as session:
        token = await access_tokens.revoke(session, user.id, token_id)
        await history.begin(session, user.id, "revoke_token", "web", {"name": token.name})
    return back("/programs", "revoked")


@router.post("/approvals")
async def choose_approvals(state: TheState, user: SignedIn, required: Annotated[bool, Form()] = False) -> Response:
    """Whether Paddy's answers to others wait for the owner's yes."""
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "require_approval", "web", {"required": required})
        await approvals.require(session, user.id, required)
    return back("/paddy", "approvals")


@router.post("/approvals/{pending_id}/send")
async def send(
    state: TheState, user: SignedIn, pending_id: UUID, text: Annotated[str, Form(max_length=65_536)] = ""
) -> Response:
    """Send an answer that waits, in the owner's own words if there are any."""
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "approve_send", "web", {"pending": str(pending_id)})
        await approvals.send(session, user.id, pending_id, text.strip() or None)
    return back("/paddy", "sent")


@router.post("/approvals/{pending_id}/drop")
async def drop(state: TheState, user: SignedIn, pending_id: UUID) -> Response:
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "refuse_send", "web", {"pending": str(pending_id)})
        await approvals.drop(session, user.id, pending_id)
    return back("/paddy", "dropped")
