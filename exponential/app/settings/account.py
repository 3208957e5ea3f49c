"""Settings of one's own account: name and address, time zone, password, signed-in browsers."""

from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response

from exponential.app.core.rendering import page
from exponential.app.core.state import COOKIE, SignedIn, State, TheState
from exponential.app.sign_in.sign_in import by_password, signed_out_response
from exponential.auth import passwords, sign_in, users
from exponential.auth.users import User
from exponential.core.errors import BadInput, Conflict, ExponentialError, TooMany, Unauthorized, Unavailable
from exponential.core.http.routes import Router
from exponential.workspace.text.zones import zone_of

Proof = Literal["given", "password", "sign-in"]
router = Router(prefix="/settings")
_DONE = {
    "account": "Saved.",
    "zone": "The time zone is saved.",
    "password": "The password is set. All other browsers are signed out.",
    "ended": "That browser is signed out.",
    "others": "Signed out everywhere else.",
    "forgotten": "Forgotten. You can undo it under Activity.",
    "cancelled": "The reminder is cancelled. You can undo it under Activity.",
    "undone": "Undone.",
    "revoked": "The token opens nothing any more.",
    "approvals": "Saved.",
    "sent": "On its way.",
    "dropped": "It is not sent.",
    "role": "The role is changed.",
    "address-free": "The address is free. Their sign-ins stay; they can enter another address under Account.",
    "removed": "The account is removed.",
    "invite-gone": "The invite is taken back.",
}


async def settings_page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page of Settings; `?done=` in its address names what was just done."""
    done = _DONE.get(request.query_params.get("done", ""))
    return await page(request, template, status=status, toast={"said": done, "act": None} if done else None, **context)


def back(path: str, done: str) -> Response:
    """To a page of Settings, which says what was done."""
    return RedirectResponse(f"/settings{path}?done={done}", 303)


@router.get("")
async def account_page(request: Request, state: TheState, user: SignedIn) -> Response:
    return await _account(request, state, user)


async def _account(
    request: Request,
    state: State,
    user: User,
    *,
    error: ExponentialError | None = None,
    name: str = "",
    email: str = "",
) -> Response:
    return await settings_page(
        request,
        "settings.html",
        status=error.status if error else 200,
        error=str(error) if error else "",
        name=name or user.name,
        email=email or user.email,
        proof=await _proof(request, state, user),
        zones=sorted(available_timezones()),
    )


@router.post("")
async def save_account(
    request: Request,
    state: TheState,
    user: SignedIn,
    name: Annotated[str, Form(max_length=1_000)] = "",
    email: Annotated[str, Form(max_length=1_000)] = "",
    current: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Another address needs the current password: whoever has it signs in with it."""
    try:
        if users.validate_email(email, current=user.email) != user.email:
            await _confirm(request, state, user, current)
        async with state.database.transaction() as session:
            await users.update(session, user.id, email=email, name=name)
    except (BadInput, Conflict, Unauthorized, TooMany) as error:
        return await _account(request, state, user, error=error, name=name, email=email)
    return back("", "account")


@router.post("/timezone")
async def save_zone(state: TheState, user: SignedIn, timezone: Annotated[str, Form(max_length=64)] = "") -> Response:
    """An IANA name; empty: whatever the browser has."""
    async with state.database.transaction() as session:
        await users.set_zone(session, user.id, timezone)
    return back("", "zone")


@router.get("/security")
async def security_page(request: Request, state: TheState, user: SignedIn) -> Response:
    return await _security(request, state, user)


async def _security(request: Request, state: State, user: User, *, error: ExponentialError | None = None) -> Response:
    token = request.cookies.get(COOKIE, "")
    async with state.database.transaction() as session:
        found = await sign_in.sessions_of(session, user.id, token)
    return await settings_page(
        request,
        "settings-security.html",
        status=error.status if error else 200,
        error=str(error) if error else "",
        proof=await _proof(request, state, user),
        shortest=passwords.MIN_CHARS,
        longest=passwords.MAX_CHARS,
        sessions=found,
        zone=zone_of(user),
    )


@router.post("/password")
async def set_password(
    request: Request,
    state: TheState,
    user: SignedIn,
    current: Annotated[str, Form(max_length=1_000)] = "",
    password: Annotated[str, Form(max_length=1_000)] = "",
    again: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Set or change the password, and sign out everywhere else."""
    token = request.cookies.get(COOKIE, "")
    try:
        if password != again:
            raise BadInput("The two new passwords are not the same.", code="password_mismatch")
        passwords.require_good(password, user.email)
        await _confirm(request, state, user, current)
        password_hash = await passwords.hash_password(password, user.email, str(user.id))
        async with state.database.transaction() as session:
            await passwords.change(session, user.id, password_hash)
            await sign_in.end_others(session, user.id, token)
    except (BadInput, Unauthorized, TooMany, Unavailable) as error:
        return await _security(request, state, user, error=error)
    return back("/security", "password")


async def _proof(request: Request, state: State, user: User) -> Proof:
    """What shows that it is the user who sits there, before what would give the account away."""
    async with state.database.transaction() as session:
        if await sign_in.is_fresh(session, user, request.cookies.get(COOKIE, "")):
            return "given"
    return "password" if user.password_hash else "sign-in"


async def _confirm(request: Request, state: State, user: User, current: str) -> None:
    """Raises BadInput, Unauthorized, TooMany or Unavailable unless it is the user who sits there."""
    proof = await _proof(request, state, user)
    if proof == "given":
        return
    if proof == "sign-in":
        raise Unauthorized(
            "You signed in more than an hour ago and have no password to confirm this with. For this, sign in again: "
            "with a fresh one-time link, or through your provider.",
            code="sign_in_again",
        )
    if not current:
        raise BadInput("Type your current password, too: it shows that it is you.", code="password_missing")
    try:
        await by_password(request, state, user.email, current)
    except Unauthorized:
        raise Unauthorized("The current password is not right.", code="credentials_wrong") from None


@router.post("/sessions/{session_id}/end")
async def end_session(state: TheState, user: SignedIn, session_id: UUID) -> Response:
    async with state.database.transaction() as session:
        await sign_in.end_session(session, user.id, session_id)
    return back("/security", "ended")


@router.post("/sessions/end-others")
async def end_others(request: Request, state: TheState, user: SignedIn) -> Response:
    async with state.database.transaction() as session:
        await sign_in.end_others(session, user.id, request.cookies.get(COOKIE, ""))
    return back("/security", "others")


@router.post("/sessions/end-all")
async def end_all(request: Request, state: TheState, user: SignedIn) -> Response:
    """Sign out everywhere, here too."""
    async with state.database.transaction() as session:
        await sign_in.end_others(session, user.id)
    return signed_out_response(request)
