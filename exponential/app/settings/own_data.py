"""One's own data: all of it as a zip of JSON files, and erasing the account with everything in it."""

from typing import Annotated, Literal

from fastapi import Form, Request
from fastapi.responses import Response

from exponential.app.core.rendering import wants_json
from exponential.app.core.state import SignedIn, State, TheState
from exponential.app.settings.account import settings_page
from exponential.app.sign_in.sign_in import signed_out_response
from exponential.auth import user_data, users
from exponential.auth.users import User
from exponential.core import log
from exponential.core.errors import BadInput, Conflict, ExponentialError, Unavailable
from exponential.core.http.routes import Router

router = Router(prefix="/settings/data")
_log = log.get(__name__)


@router.get("")
async def data_page(request: Request, state: TheState, user: SignedIn) -> Response:
    return await _page(request, state)


async def _page(
    request: Request, state: State, error: ExponentialError | None = None, *, of: Literal["export", "erase"] = "erase"
) -> Response:
    return await settings_page(
        request,
        "settings-data.html",
        status=error.status if error else 200,
        errors={"export": "", "erase": "", of: str(error or "")},
        retention=state.settings.retention_days,
    )


@router.get("/export")
async def export(request: Request, state: TheState, user: SignedIn) -> Response:
    """Everything as a zip file; the page, with the reason, while there can be none."""
    try:
        return await state.exports.make(state.database, user.id, await state.channels.export(user))
    except (Conflict, Unavailable) as error:
        if wants_json(request):
            raise
        return await _page(request, state, error, of="export")


@router.post("/erase")
async def erase(request: Request, state: TheState, user: SignedIn, confirm: Annotated[str, Form()] = "") -> Response:
    """Let go of all linked accounts, then delete the account and everything in it. `confirm` is the user's address."""
    try:
        if users.normalize_email(confirm) != user.email:
            raise BadInput(f"To erase everything, type your e-mail address exactly: {user.email}", code="not_confirmed")
        await erase_account(state, user)
    except (BadInput, Conflict, Unavailable) as error:
        return await _page(request, state, error)
    return signed_out_response(request, "/erased")


async def erase_account(state: State, user: User) -> None:
    """Raises Conflict (the last admin of other people), Unavailable: then nothing was deleted here."""
    async with state.database.transaction() as session:
        await users.may_be_erased(session, user)
    await state.channels.erase(user)
    async with state.database.transaction() as session:
        await users.may_be_erased(session, user)
        await user_data.erase(session, user.id)
    _log.info("account_erased", user=str(user.id))
