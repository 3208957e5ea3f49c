"""JWTs between app and gateway: issued and verified here and nowhere else (contract in docs/gateway-api.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import jwt

from exponential.core import clock, validation
from exponential.core.errors import BadInput, Unauthorized

ISSUER = "exponential"
Audience = Literal["whatsapp-gateway", "exponential-app"]
GATEWAY: Audience = "whatsapp-gateway"
APP: Audience = "exponential-app"
TOKEN_LIFETIME = timedelta(hours=1)
LEEWAY = timedelta(seconds=60)  # by which the clocks of the two machines may differ


@dataclass(frozen=True)
class Identity:
    """Who a token speaks for."""

    user_id: str
    email: str | None = None
    name: str | None = None


def issue(identity: Identity, *, secret: str, audience: Audience = GATEWAY) -> str:
    """A token for `audience` that speaks for `identity` during one hour (HS256, claims of the contract §1)."""
    now = clock.now()
    claims = {
        "sub": identity.user_id,
        "userId": identity.user_id,
        "email": identity.email,
        "name": identity.name,
        "iat": now,
        "nbf": now,
        "exp": now + TOKEN_LIFETIME,
        "jti": str(clock.new_id()),
        "tokenType": audience,
        "aud": audience,
        "iss": ISSUER,
    }
    return jwt.encode({key: value for key, value in claims.items() if value is not None}, secret, algorithm="HS256")


def verify(token: str, *, secret: str, audience: Audience = GATEWAY, issuers: Sequence[str] = (ISSUER,)) -> Identity:
    """Check signature, algorithm, exp, nbf, aud, iss and sub. Raises Unauthorized with one plain sentence."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=audience,
            issuer=list(issuers),
            leeway=LEEWAY,
            options={"require": ["exp", "aud", "iss", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthorized(
            f"The token has expired, by this machine's clock ({_now()}). Ask for a new one; if this one is new, set "
            "the clocks of both machines (NTP).",
            code="token_expired",
        ) from None
    except jwt.ImmatureSignatureError:
        raise Unauthorized(
            f"The token is not valid yet, by this machine's clock ({_now()}): the clock of whoever issued it is ahead, "
            f"or this one is behind, by more than {LEEWAY.seconds} s. Set both (NTP).",
            code="token_not_yet_valid",
        ) from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):  # whatever bytes a token is made of
        raise Unauthorized("The token is not valid here.", code="token_invalid") from None
    try:
        validation.check(claims, "The token")
    except BadInput as error:
        raise Unauthorized(str(error), code="token_invalid") from None
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise Unauthorized("The token names no user.", code="token_invalid")
    return Identity(claims["sub"], claims.get("email"), claims.get("name"))


def _now() -> str:
    return f"{clock.now():%Y-%m-%d %H:%M:%S} UTC"


def from_header(authorization: str | None) -> str:
    """The token of an `Authorization: Bearer …` header. Raises Unauthorized when there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("Authorization: Bearer <token> is missing.", code="token_missing")
    return token.strip()
