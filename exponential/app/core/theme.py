"""Light or dark, as the user chose on this browser: kept in a cookie, so that pages come in the right colours."""

from typing import Annotated, Literal

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response

from exponential.app.core.rendering import THEME_COOKIE, wants_json
from exponential.app.core.state import is_https
from exponential.core.http.routes import Router
from exponential.core.validation import split_url

router = Router()
_A_YEAR = 365 * 24 * 3600  # seconds


@router.post("/theme")
async def choose_theme(request: Request, theme: Annotated[Literal["system", "light", "dark"], Form()]) -> Response:
    """Remember the choice; a browser without script goes back to the page it came from."""
    answer = Response(status_code=204) if wants_json(request) else RedirectResponse(came_from(request), 303)
    answer.set_cookie(THEME_COOKIE, theme, max_age=_A_YEAR, httponly=True, samesite="lax", secure=is_https(request))
    return answer


def came_from(request: Request) -> str:
    """The path of this site's page that the request was sent from, else "/": never an address elsewhere."""
    referrer = split_url(request.headers.get("referer", ""))
    if referrer.netloc != request.headers.get("host") or not referrer.path.startswith("/"):
        return "/"
    path = "/" + referrer.path.lstrip("/\\")
    return f"{path}?{referrer.query}" if referrer.query else path
