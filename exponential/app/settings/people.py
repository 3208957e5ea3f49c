"""For admins: who has an account here, their roles, and invites."""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request
from fastapi.responses import Response

from exponential.app.core.state import Admin, State, TheState
from exponential.app.settings.account import back, settings_page
from exponential.app.settings.own_data import erase_account
from exponential.auth import invites, users
from exponential.auth.users import Role, User
from exponential.core.errors import BadInput, Conflict, ExponentialError, Unavailable
from exponential.core.http.routes import Router
from exponential.workspace.text.zones import zone_of

router = Router(prefix="/settings/people")


@router.get("")
async def people_page(request: Request, state: TheState, admin: Admin) -> Response:
    return await _page(request, state, admin)


async def _page(
    request: Request,
    state: State,
    admin: User,
    *,
    error: ExponentialError | None = None,
    link: str = "",
    email: str = "",
) -> Response:
    async with state.database.transaction() as session:
        people, waiting = await users.list_all(session), await invites.list_open(session)
    return await settings_page(
        request,
        "settings-people.html",
        status=error.status if error else 200,
        error=str(error) if error else "",
        people=people,
        invites=waiting,
        link=link,
        email=email,
        zone=zone_of(admin),
    )


@router.post("/invites")
async def invite(
    request: Request,
    state: TheState,
    admin: Admin,
    email: Annotated[str, Form(max_length=1_000)] = "",
    role: Annotated[Role, Form()] = "member",
) -> Response:
    """Make an invite. Its link is shown once: only a hash of it is kept."""
    try:
        async with state.database.transaction() as session:
            token = await invites.make(session, admin, email=email, role=role)
    except (BadInput, Conflict) as error:
        return await _page(request, state, admin, error=error, email=email)
    base = state.settings.app_url.rstrip("/") or str(request.base_url).rstrip("/")
    return await _page(request, state, admin, link=f"{base}/invite/{token}")


@router.post("/invites/{invite_id}/take-back")
async def take_back(state: TheState, admin: Admin, invite_id: UUID) -> Response:
    async with state.database.transaction() as session:
        await invites.revoke(session, invite_id)
    return back("/people", "invite-gone")


@router.post("/{user_id}/role")
async def change_role(
    request: Request, state: TheState, admin: Admin, user_id: UUID, role: Annotated[Role, Form()]
) -> Response:
    try:
        async with state.database.transaction() as session:
            await users.set_role(session, user_id, role)
    except Conflict as error:
        return await _page(request, state, admin, error=error)
    return back("/people", "role")


@router.post("/{user_id}/free-address")
async def free_address(request: Request, state: TheState, admin: Admin, user_id: UUID) -> Response:
    """Let whoever an address belongs to have it, by an invite or through the provider."""
    try:
        async with state.database.transaction() as session:
            await users.free_address(session, user_id)
    except Conflict as error:
        return await _page(request, state, admin, error=error)
    return back("/people", "address-free")


@router.get("/{user_id}/remove")
async def ask_to_remove(request: Request, state: TheState, admin: Admin, user_id: UUID) -> Response:
    return await _removing(request, state, user_id)


@router.post("/{user_id}/remove")
async def remove(
    request: Request, state: TheState, admin: Admin, user_id: UUID, confirm: Annotated[str, Form()] = ""
) -> Response:
    """Erase somebody's account and everything in it, their linked accounts too. `confirm` is their address."""
    async with state.database.transaction() as session:
        person = await users.get(session, user_id)
    try:
        if user_id == admin.id:
            raise Conflict("Erase your own account under Your data.", code="own_account")
        if users.normalize_email(confirm) != person.email:
            raise BadInput(f"To remove this account, type its e-mail address exactly: {person.email}")
        await erase_account(state, person)
    except (BadInput, Conflict, Unavailable) as error:
        return await _removing(request, state, user_id, error)
    return back("/people", "removed")


async def _removing(request: Request, state: State, user_id: UUID, error: ExponentialError | None = None) -> Response:
    async with state.database.transaction() as session:
        person = await users.get(session, user_id)
    status = error.status if error else 200
    sentence = str(error) if error else ""
    return await settings_page(request, "settings-remove.html", status=status, error=sentence, person=person)
