"""Signing in through an OpenID Connect provider (authlib: authorization code with PKCE, state and nonce).

What must be remembered from one request to the next travels in a sealed cookie that lasts ten minutes.
"""

import base64
import binascii
import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from fastapi import Depends, Form, Request
from fastapi.responses import Response
from joserfc.errors import JoseError

from exponential.app.core.rendering import page
from exponential.app.core.state import COOKIE, State, TheState, is_https
from exponential.app.sign_in.sign_in import by_password, device_of, safe_path, signed_in_response
from exponential.auth import identities, sign_in, users
from exponential.auth.identities import Claims
from exponential.auth.users import User
from exponential.core import clock, encryption, log
from exponential.core.errors import (
    ConfigurationError,
    Conflict,
    ExponentialError,
    NotFound,
    TooMany,
    Unauthorized,
    Unavailable,
)
from exponential.core.http.routes import Router, before_body
from exponential.core.settings import AppSettings

router = Router(prefix="/oidc")
MEMORY = "exponential_oidc"  # the cookie
STATE_LIFETIME = timedelta(minutes=10)  # of what is remembered
TIMEOUT_SECONDS = 10.0  # that the provider gets for an answer
_REFUSALS = (OAuthError, JoseError, ValueError, KeyError)
_log = log.get(__name__)


@before_body
async def _just_signed_in(request: Request) -> tuple[str, Claims]:
    """Whom the provider has just signed in, and where they want to get to. Raises Unauthorized."""
    to, claims = _remembered(request, "claims")
    return to, Claims(**claims)


@router.get("/start")
async def start(request: Request, state: TheState, to: str = "") -> Response:
    """On to the provider."""
    provider = _provider(state)
    memory: dict[str, Any] = {}
    request.scope["session"] = memory
    try:
        answer: Response = await provider.authorize_redirect(request, _callback(request, state))
    except Exception as error:  # which HTTP library authlib found, and so its errors, hangs on what is installed
        raise _silent(error) from None
    _remember(request, answer, to=safe_path(to), session=memory)
    return answer


@router.get("/callback")
async def callback(request: Request, state: TheState) -> Response:
    """Back from the provider, with a code or a refusal."""
    provider = _provider(state)
    to, request.scope["session"] = _remembered(request, "session")
    try:
        token = await provider.authorize_access_token(request)
        claims = _claims(token.get("userinfo") or {})
    except _REFUSALS as error:
        _log.warning("oidc_refused", error=error)
        raise Unauthorized(
            "The sign-in provider didn't confirm who you are. Start again from the sign-in page.", code="oidc_refused"
        ) from None
    except Exception as error:
        raise _silent(error) from None
    try:
        async with state.database.transaction() as session:
            user = await identities.user_of(session, claims)
    except Conflict as error:
        answer = await _ask_for_password(request, state, claims, error)
        _remember(request, answer, to=to, claims=asdict(claims))
        return answer
    return await _let_in(request, state, user, to)


@router.post("/connect")
async def connect(
    request: Request,
    state: TheState,
    who: Annotated[tuple[str, Claims], Depends(_just_signed_in)],
    password: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Connect the provider, which has just signed somebody in, to the account that has their address and password."""
    to, claims = who
    try:
        user = await by_password(request, state, claims.email, password)
    except (Unauthorized, TooMany) as error:
        return await _ask_for_password(request, state, claims, error)
    async with state.database.transaction() as session:
        await identities.connect(session, claims, await users.get(session, user.id))
    return await _let_in(request, state, user, to)


async def _ask_for_password(request: Request, state: State, claims: Claims, error: ExponentialError) -> Response:
    provider = urlsplit(state.settings.oidc_issuer).hostname
    answer = await page(
        request, "connect.html", status=error.status, email=claims.email, error=str(error), provider=provider
    )
    answer.headers.update(error.headers)
    return answer


async def _let_in(request: Request, state: State, user: User, to: str) -> Response:
    async with state.database.transaction() as session:
        opened = await sign_in.sign_in(session, user.id, "oidc", device_of(request))
        await sign_in.close_session(session, request.cookies.get(COOKIE, ""))
    answer = signed_in_response(request, opened, to)
    answer.delete_cookie(MEMORY, path="/oidc", httponly=True, samesite="lax", secure=is_https(request))
    return answer


def make_provider(settings: AppSettings) -> StarletteOAuth2App | None:
    """The configured provider; it is asked for its metadata when it is first needed."""
    if not settings.oidc_issuer:
        return None
    provider: StarletteOAuth2App = OAuth().register(
        "oidc",
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": TIMEOUT_SECONDS},
    )
    return provider


def _provider(state: State) -> StarletteOAuth2App:
    if state.provider is None:
        raise NotFound("This installation has no sign-in provider. Use the sign-in page.", code="oidc_not_configured")
    return state.provider


def _callback(request: Request, state: State) -> str:
    base = state.settings.app_url.rstrip("/") or str(request.base_url).rstrip("/")
    return f"{base}/oidc/callback"


def _claims(told: dict[str, Any]) -> Claims:
    """Raises KeyError. An address is verified when the provider says exactly that."""
    return Claims(
        issuer=str(told["iss"]),
        subject=str(told["sub"]),
        email=str(told.get("email") or ""),
        email_verified=told.get("email_verified") is True,
        name=str(told.get("name") or ""),
    )


def _remember(request: Request, answer: Response, **memory: Any) -> None:
    until = (clock.now() + STATE_LIFETIME).isoformat()
    sealed = encryption.encrypt(json.dumps({**memory, "until": until}).encode())
    answer.set_cookie(
        MEMORY,
        base64.urlsafe_b64encode(sealed).decode().rstrip("="),  # a cookie with = would be put in quotes
        max_age=int(STATE_LIFETIME.total_seconds()),
        path="/oidc",
        httponly=True,
        samesite="lax",
        secure=is_https(request),
    )


def _remembered(request: Request, what: str) -> tuple[str, dict[str, Any]]:
    """The path that the person wants to get to, and what this step needs of the one before. Raises Unauthorized."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(MEMORY, "") + "==")
        memory: dict[str, Any] = json.loads(encryption.decrypt(sealed))
        if datetime.fromisoformat(memory["until"]) > clock.now():
            return str(memory["to"]), memory[what]
    except (binascii.Error, ConfigurationError, ValueError, KeyError):
        pass
    raise Unauthorized(
        "This sign-in took too long, or began in another browser. Start again from the sign-in page.",
        code="oidc_expired",
    )


def _silent(error: Exception) -> Unavailable:
    _log.warning("oidc_silent", error=error)
    return Unavailable(
        "The sign-in provider can't be reached. Try again, or sign in with your password.", code="oidc_unavailable"
    )
