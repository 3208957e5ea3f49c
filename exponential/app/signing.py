"""Signing in by one-time link, signing out, and the user's time zone as the browser tells it."""

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Body, Request
from fastapi.responses import RedirectResponse, Response

from exponential.app.pages import page
from exponential.app.state import COOKIE, SignedIn, TheState, state_of
from exponential.auth import signin
from exponential.auth.users import User
from exponential.errors import BadInput, Unauthorized

router = APIRouter()
HOME = "/chat"


@router.get("/")
async def home() -> Response:
    return RedirectResponse(HOME, 303)


@router.get("/sign-in/{token}")
async def sign_in(request: Request, state: TheState, token: str) -> Response:
    """Spend the link. A spent or expired one is fine for a browser that is signed in already."""
    before = request.cookies.get(COOKIE)
    answer = RedirectResponse(HOME, 303)
    try:
        async with state.database.transaction() as session:
            opened = await signin.open_session(session, token)
            if before:
                await signin.close_session(session, before)
    except Unauthorized as error:
        async with state.database.transaction() as session:
            try:
                await signin.who(session, before)
            except Unauthorized:
                raise error from None
        return answer
    answer.set_cookie(
        COOKIE,
        opened,
        max_age=int(signin.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )
    return answer


@router.get("/signed-out")
async def signed_out(request: Request) -> Response:
    return await page(
        request,
        "error.html",
        title="You are signed out",
        sentence="Your tasks and conversations are kept.",
        advice="To come back, run `exponential link` on the machine that runs Exponential and open the link it prints.",
    )


@router.post("/sign-out")
async def sign_out(request: Request, state: TheState) -> Response:
    async with state.database.transaction() as session:
        await signin.close_session(session, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/signed-out", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_is_https(request))
    return answer


@router.post("/api/timezone", status_code=204)
async def set_timezone(state: TheState, user: SignedIn, timezone: Annotated[str, Body(embed=True)]) -> None:
    """Remember the browser's IANA zone: "tomorrow" means the user's tomorrow."""
    if timezone not in available_timezones():
        raise BadInput("This time zone is not known here.", code="unknown_timezone")
    async with state.database.transaction() as session:
        (await session.get_one(User, user.id)).timezone = timezone


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https" or state_of(request).settings.app_url.startswith("https://")
