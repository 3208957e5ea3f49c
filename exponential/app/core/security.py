"""What guards every request before a route sees it: the same-origin check, and security headers on every answer."""

from urllib.parse import urlsplit

from fastapi import FastAPI

from exponential.core import log
from exponential.core.errors import Forbidden
from exponential.core.http.origin_guard import REFUSAL, OriginGuard

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def protect(app: FastAPI, app_url: str, *, exempt: str) -> None:
    """`app_url` is the address people use when a proxy in front changes the Host header. Below the `exempt` path, a
    service calls with a JWT, never a browser with a cookie."""
    refusal = Forbidden(REFUSAL, code="cross_origin").as_json()
    known_host = urlsplit(app_url).netloc
    app.add_middleware(OriginGuard, headers=_headers, refusal=refusal, known_host=known_host, exempt=exempt)


def _headers(path: str) -> dict[str, str]:
    headers = {**_HEADERS, "Cache-Control": "no-cache" if path.startswith("/static/") else "no-store"}
    if path.lstrip("/").partition("/")[0] in log.SECRET_PATHS:
        headers["Referrer-Policy"] = "strict-origin"  # the path is told to nobody, not even to us
    return headers
