"""The guard of the simulated WhatsApp's web pages: a strict content policy, and nothing that another site asks for."""

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from exponential.core.http.origin_guard import REFUSAL, OriginGuard

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def protect(app: FastAPI) -> None:
    """Let `app` answer to loopback host names only, and only to its own pages and to programs."""
    app.add_middleware(OriginGuard, headers=lambda _path: _HEADERS, refusal={"detail": REFUSAL})
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
