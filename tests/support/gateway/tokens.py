"""Service tokens with any claims, as the gateway may get them."""

from typing import Any

import jwt

from exponential.core import clock
from support.gateways import SECRET


def bearer(**claims: Any) -> dict[str, str]:
    now = int(clock.now().timestamp())
    given = {"sub": "ada", "iat": now, "exp": now + 3600, "aud": "whatsapp-gateway", "iss": "exponential"}
    return {"Authorization": "Bearer " + jwt.encode({**given, **claims}, SECRET, algorithm="HS256")}
