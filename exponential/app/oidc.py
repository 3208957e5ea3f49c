"""Signing in through an OpenID Connect provider (authlib: authorization code with PKCE, state and nonce).

What must be remembered while the browser is at the provider travels in a sealed cookie that lasts ten minutes.
"""

import base64
import binascii
import json
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from fastapi import Request
from fastapi.responses import Response
from joserfc.errors import JoseError

from exponential import encryption, log
from exponential.app.signing import a_path, device_of, let_in
from exponential.app.state import COOKIE, State, TheState, is_https
from exponential.auth import identities, signin
from exponential.errors import ConfigurationError, NotFound, Unauthorized, Unavailable
from exponential.http import Router
from exponential.settings import AppSettings

router = Router(prefix="/oidc")
MEMORY = "exponential_oidc"  # the cookie
MINUTES = 10
TIMEOUT = 10.0  # seconds that the provider gets for an answer
_REFUSALS = (OAuthError, JoseError, ValueError, KeyError)
_log = log.get(__name__)


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
    sealed = encryption.encrypt(json.dumps({"to": a_path(to), "session": memory}).encode())
    answer.set_cookie(
        MEMORY,
        base64.urlsafe_b64encode(sealed).decode(),
        max_age=MINUTES * 60,
        path="/oidc",
        httponly=True,
        samesite="lax",
        secure=is_https(request),
    )
    return answer


@router.get("/callback")
async def callback(request: Request, state: TheState) -> Response:
    """Back from the provider, with a code or a refusal."""
    provider = _provider(state)
    memory = _remembered(request)
    request.scope["session"] = memory["session"]
    try:
        token = await provider.authorize_access_token(request)
        claims = token.get("userinfo") or {}
        issuer, subject = str(claims["iss"]), str(claims["sub"])
    except _REFUSALS as error:
        _log.warning("oidc_refused", kind=type(error).__name__)
        raise Unauthorized(
            "The sign-in provider didn't confirm who you are. Start again from the sign-in page.", code="oidc_refused"
        ) from None
    except Exception as error:
        raise _silent(error) from None
    async with state.database.transaction() as session:
        user = await identities.user_of(
            session,
            issuer,
            subject,
            email=str(claims.get("email") or ""),
            email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name") or ""),
        )
        opened = await signin.sign_in(session, user.id, "oidc", device_of(request))
        await signin.close_session(session, request.cookies.get(COOKIE, ""))
    answer = let_in(request, opened, str(memory["to"]))
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
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": TIMEOUT},
    )
    return provider


def _provider(state: State) -> StarletteOAuth2App:
    if state.provider is None:
        raise NotFound("This installation has no sign-in provider. Use the sign-in page.", code="oidc_not_configured")
    return state.provider


def _callback(request: Request, state: State) -> str:
    base = state.settings.app_url.rstrip("/") or str(request.base_url).rstrip("/")
    return f"{base}/oidc/callback"


def _remembered(request: Request) -> dict[str, Any]:
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(MEMORY, ""))
        memory: dict[str, Any] = json.loads(encryption.decrypt(sealed))
    except (binascii.Error, ConfigurationError, ValueError):
        raise Unauthorized(
            "This sign-in took too long, or began in another browser. Start again from the sign-in page.",
            code="oidc_expired",
        ) from None
    return memory


def _silent(error: Exception) -> Unavailable:
    _log.warning("oidc_silent", kind=type(error).__name__)
    return Unavailable(
        "The sign-in provider can't be reached. Try again, or sign in with your password.", code="oidc_unavailable"
    )
