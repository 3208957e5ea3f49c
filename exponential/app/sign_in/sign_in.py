"""Signing in by one-time link or password, signing out, and the user's time zone as the browser tells it."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Body, Form, Request
from fastapi.responses import RedirectResponse, Response

from exponential.app.core.rendering import page
from exponential.app.core.state import COOKIE, SignedIn, State, TheState, is_https, state_of
from exponential.app.sign_in import user_agents
from exponential.auth import passwords, sign_in, sign_in_attempts, users
from exponential.auth.users import User
from exponential.core.errors import ExponentialError, TooMany, Unauthorized, Unavailable
from exponential.core.http.routes import Router
from exponential.core.validation import split_url

router = Router()
HOME = "/chat"


@router.get("/")
async def home() -> Response:
    return RedirectResponse(HOME, 303)


@router.get("/sign-in")
async def sign_in_page(request: Request, state: TheState) -> Response:
    async with state.database.transaction() as session:
        try:
            await sign_in.user_of(session, request.cookies.get(COOKIE))
        except Unauthorized:
            return await show_sign_in(request)
    return RedirectResponse(HOME, 303)


@router.post("/sign-in")
async def sign_in_by_password(
    request: Request,
    state: TheState,
    email: Annotated[str, Form(max_length=1_000)] = "",
    password: Annotated[str, Form(max_length=1_000)] = "",
    to: Annotated[str, Form()] = HOME,
) -> Response:
    """The same answer, after the same time, whether the address or the password is wrong."""
    try:
        user = await by_password(request, state, email, password)
    except (Unauthorized, TooMany, Unavailable) as error:
        return await show_sign_in(request, error=error, email=email, to=to)
    async with state.database.transaction() as session:
        token = await sign_in.sign_in(session, user.id, "password", device_of(request))
        await sign_in.close_session(session, request.cookies.get(COOKIE, ""))
    return signed_in_response(request, token, to)


async def by_password(request: Request, state: State, email: str, password: str) -> User:
    """Raises Unauthorized, also when there is no such account, TooMany, and Unavailable: that was no attempt."""
    address = request.client.host if request.client else ""
    async with passwords.turn(sign_in_attempts.network(address)):
        async with state.database.transaction() as session:
            counted = await sign_in_attempts.begin(session, email, address)
            user = await users.find(session, email)
        fits = await passwords.check(password, user.password_hash if user else None)
    if user is None or not fits:
        raise Unauthorized("The e-mail address or the password is not right.", code="credentials_wrong")
    async with state.database.transaction() as session:
        await sign_in_attempts.succeeded(session, counted)
    return user


@router.get("/sign-in/{token}")
async def link_page(request: Request, state: TheState, token: str) -> Response:
    """Ask before the link is spent: programs that preview links, or scan them, only GET them."""
    try:
        async with state.database.transaction() as session:
            person = await sign_in.user_of_link(session, token)
    except Unauthorized as error:
        return await _home_if_signed_in(request, state, error)
    return await page(request, "sign-in-link.html", person=person)


@router.post("/sign-in/{token}")
async def sign_in_by_link(request: Request, state: TheState, token: str) -> Response:
    """Spend the link."""
    try:
        async with state.database.transaction() as session:
            opened = await sign_in.open_session(session, token, device_of(request))
            await sign_in.close_session(session, request.cookies.get(COOKIE, ""))
    except Unauthorized as error:
        return await _home_if_signed_in(request, state, error)
    return signed_in_response(request, opened)


async def _home_if_signed_in(request: Request, state: State, error: Unauthorized) -> Response:
    """A spent or expired link is fine for a browser that is signed in already; else `error` is raised."""
    async with state.database.transaction() as session:
        try:
            await sign_in.user_of(session, request.cookies.get(COOKIE))
        except Unauthorized:
            raise error from None
    return RedirectResponse(HOME, 303)


@router.get("/signed-out")
async def signed_out(request: Request) -> Response:
    return await show_sign_in(request, title="You are signed out", status=200)


@router.get("/erased")
async def erased(request: Request) -> Response:
    return await page(
        request,
        "error.html",
        title="Everything is erased",
        sentence="Your account, conversations and workspace are deleted, and your linked accounts are unlinked.",
        advice="Backups of the database may keep copies for as long as whoever runs this installation keeps those.",
    )


@router.post("/sign-out")
async def sign_out(request: Request, state: TheState) -> Response:
    async with state.database.transaction() as session:
        await sign_in.close_session(session, request.cookies.get(COOKIE, ""))
    return signed_out_response(request)


@router.post("/api/timezone", status_code=204)
async def set_timezone(
    state: TheState, user: SignedIn, timezone: Annotated[str, Body(embed=True, min_length=1, max_length=64)]
) -> None:
    """Remember the browser's IANA zone: "tomorrow" means the user's tomorrow."""
    async with state.database.transaction() as session:
        await users.set_zone(session, user.id, timezone, by_browser=True)


async def show_sign_in(
    request: Request,
    *,
    title: str = "Sign in",
    error: ExponentialError | None = None,
    email: str = "",
    to: str = "",
    status: int | None = None,
) -> Response:
    """The page with the form; `to` is the path that signing in leads to."""
    settings = state_of(request).settings
    answer = await page(
        request,
        "sign-in.html",
        status=status or (error.status if error else 200),
        title=title,
        error=str(error) if error else "",
        email=email[:320],
        to=safe_path(to),
        provider=urlsplit(settings.oidc_issuer).hostname,
    )
    if error:
        answer.headers.update(error.headers)
    return answer


def signed_in_response(request: Request, token: str, to: str = HOME) -> Response:
    """On to the path `to`, with the cookie of a web session that was just opened."""
    answer = RedirectResponse(safe_path(to), 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(sign_in.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_https(request),
    )
    return answer


def signed_out_response(request: Request, to: str = "/signed-out") -> Response:
    """On to `to`, without the cookie."""
    answer = RedirectResponse(to, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=is_https(request))
    return answer


def device_of(request: Request) -> str:
    return user_agents.describe(request.headers.get("user-agent", ""))


def safe_path(to: str) -> str:
    """`to` if it is a path here, else home: nobody is sent to another site."""
    parts = split_url(to)
    inside = to.startswith("/") and to[1:2] not in ("/", "\\") and not (parts.scheme or parts.netloc)
    return to if inside and to.isprintable() and not to.startswith(("/sign", "/api")) else HOME
