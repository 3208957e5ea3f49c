"""What guards every request before a route sees it: the same-origin check, and security headers on every answer."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential.core import log
from exponential.core.validation import split_url

FROM_GATEWAY = "/api/whatsapp-gateway/"  # called by a service with a JWT, never by a browser with a cookie
_SAFE = ("GET", "HEAD", "OPTIONS")
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


class OriginGuard:
    """ASGI middleware. `app_url` is the address people use when a proxy in front changes the Host header."""

    def __init__(self, app: ASGIApp, *, app_url: str = "") -> None:
        self._app = app
        self._known_origin = urlsplit(app_url).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].lstrip("/").partition("/")[0] in log.SECRET_PATHS:
                    headers["Referrer-Policy"] = "strict-origin"  # the path is told to nobody, not even to us
                headers.setdefault("Cache-Control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        if self._same_origin(scope):
            await self._app(scope, receive, send_with_headers)
        else:
            refusal = {"error": "This request came from another site and was refused.", "code": "cross_origin"}
            await JSONResponse(refusal, 403)(scope, receive, send_with_headers)

    def _same_origin(self, scope: Scope) -> bool:
        if scope["method"] in _SAFE or scope["path"].startswith(FROM_GATEWAY):
            return True
        headers = Headers(scope=scope)
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        return origin is None or split_url(origin).netloc in {headers.get("host"), self._known_origin} - {""}
