"""Taking up an invite: the page on which somebody makes an account."""

from typing import Annotated

from fastapi import Depends, Form, Request
from fastapi.responses import Response

from exponential.app.core.rendering import page
from exponential.app.core.state import COOKIE, TheState, state_of
from exponential.app.sign_in.sign_in import device_of, signed_in_response
from exponential.auth import invites, passwords, sign_in
from exponential.auth.invites import Invite
from exponential.core.errors import BadInput, Conflict, ExponentialError, Unavailable
from exponential.core.http.routes import Router, before_body

router = Router()


@before_body
async def _invited(request: Request) -> Invite:
    async with state_of(request).database.transaction() as session:
        return await invites.get(session, request.path_params["token"])


Invited = Annotated[Invite, Depends(_invited)]


@router.get("/invite/{token}")
async def invite_page(request: Request, invite: Invited) -> Response:
    return await _page(request, invite)


@router.post("/invite/{token}")
async def accept(
    request: Request,
    state: TheState,
    invite: Invited,
    token: str,
    email: Annotated[str, Form(max_length=1_000)] = "",
    name: Annotated[str, Form(max_length=1_000)] = "",
    password: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Make the account and sign this browser in. What can't be taken is said on the form; the invite stays good."""
    try:
        password_hash = await passwords.hash_password(password, invite.email or email, str(invite.id))
        async with state.database.transaction() as session:
            user = await invites.accept(session, token, email=email, name=name, password_hash=password_hash)
            opened = await sign_in.sign_in(session, user.id, "invite", device_of(request))
            await sign_in.close_session(session, request.cookies.get(COOKIE, ""))
    except (BadInput, Conflict, Unavailable) as error:
        return await _page(request, invite, error=error, email=email, name=name)
    return signed_in_response(request, opened)


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
        shortest=passwords.MIN_CHARS,
        longest=passwords.MAX_CHARS,
    )
