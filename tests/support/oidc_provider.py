"""A small OpenID Connect provider on a real port: authorization code with PKCE, RS256, discovery."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from support.http_server import serving

CLIENT_ID, CLIENT_SECRET = "exponential", "a client secret of the provider's"


def settings(url: str) -> dict[str, Any]:
    """Of an app that has people sign in there."""
    return {"oidc_issuer": url, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}


@dataclass
class Provider:
    """Whoever comes is `person`. Tests change what it says: `person`, `audience`, `nonce`, `key`, `refuses`."""

    person: dict[str, Any]
    url: str = ""
    audience: str = CLIENT_ID
    nonce: str | None = None
    refuses: bool = False
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    known_key: rsa.RSAPrivateKey | None = None

    def __post_init__(self) -> None:
        self.known_key = self.key

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _discovery(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        assert asked["client_id"] == CLIENT_ID and asked["code_challenge_method"] == "S256"
        if self.refuses:
            back = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"]}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 303)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        client = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        asked = self.codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if client != f"{CLIENT_ID}:{CLIENT_SECRET}" or asked is None or asked["code_challenge"] != challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        nonce = asked["nonce"] if self.nonce is None else self.nonce
        claims = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + 60, "nonce": nonce, **self.person}
        token = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "one"})
        return JSONResponse({"access_token": "unused", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    async def _keys(self, request: Request) -> Response:
        assert self.known_key is not None
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.known_key.public_key()))
        return JSONResponse({"keys": [{**key, "kid": "one", "use": "sig", "alg": "RS256"}]})


@asynccontextmanager
async def running(**person: Any) -> AsyncIterator[Provider]:
    provider = Provider({"sub": "4711", "email": "ada@example.org", "email_verified": True, "name": "Ada", **person})
    async with serving(provider.app()) as provider.url:
        yield provider
