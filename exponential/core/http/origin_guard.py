"""Origin guard: refuses what a page of another site asks for, and puts security headers on every answer."""

from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential.core.validation import split_url

REFUSAL = "This request came from another site and was refused."
_SAFE = ("GET", "HEAD", "OPTIONS")


class OriginGuard:
    """ASGI middleware. `headers` are those of a path, where the answer has no such header of its own. `refusal` is told
    to other sites as JSON; `known_host` isn't another one, and below `exempt` no browser calls.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        headers: Callable[[str], Mapping[str, str]],
        refusal: Mapping[str, str],
        known_host: str = "",
        exempt: str | None = None,
    ) -> None:
        self._app = app
        self._headers = headers
        self._refusal = refusal
        self._known_host = known_host
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers(scope["path"]).items():
                    headers.setdefault(name, value)
            await send(message)

        exempt = self._exempt is not None and scope["path"].startswith(self._exempt)
        allowed = scope["method"] in _SAFE or exempt or self._is_same_origin(Headers(scope=scope))
        await (self._app if allowed else JSONResponse(self._refusal, 403))(scope, receive, send_with_headers)

    def _is_same_origin(self, headers: Headers) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            return site in ("same-origin", "none")
        return origin is None or split_url(origin).netloc in {headers.get("host"), self._known_host} - {""}
