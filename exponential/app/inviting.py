"""Taking up an invite: the page on which somebody makes an account."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from exponential.app.pages import page
from exponential.app.signing import device_of, let_in
from exponential.app.state import COOKIE, TheState
from exponential.auth import invites, passwords, signin
from exponential.auth.invites import Invite
from exponential.errors import BadInput, Conflict, ExponentialError

router = APIRouter()


@router.get("/invite/{token}")
async def invite_page(request: Request, state: TheState, token: str) -> Response:
    async with state.database.transaction() as session:
        invite = await invites.look(session, token)
    return await _page(request, invite)


@router.post("/invite/{token}")
async def accept(
    request: Request,
    state: TheState,
    token: str,
    email: Annotated[str, Form(max_length=1_000)] = "",
    name: Annotated[str, Form(max_length=1_000)] = "",
    password: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Make the account and sign this browser in. What can't be taken is said on the form; the invite stays good."""
    try:
        async with state.database.transaction() as session:
            user = await invites.accept(session, token, email=email, name=name, password=password)
            opened = await signin.sign_in(session, user.id, "invite", device_of(request))
            await signin.close_session(session, request.cookies.get(COOKIE, ""))
    except (BadInput, Conflict) as error:
        async with state.database.transaction() as session:
            invite = await invites.look(session, token)
        return await _page(request, invite, error=error, email=email, name=name)
    return let_in(request, opened)


async def _page(
    request: Request, invite: Invite, *, error: ExponentialError | None = None, email: str = "", name: str = ""
) -> Response:
    return await page(
        request,
        "invite.html",
        status=error.status if error else 200,
        error=str(error) if error else "",
        invite=invite,
        email=invite.email or email,
        name=name,
        shortest=passwords.SHORTEST,
        longest=passwords.LONGEST,
    )
