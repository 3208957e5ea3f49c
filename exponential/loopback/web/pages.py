"""The demo's start page and the page of the simulated phones (`/phone`). Loopback only."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from exponential.core.http.routes import serve_routes
from exponential.loopback.control import account_routes, application, message_routes, phone_lookup
from exponential.loopback.server.server import Loopback
from exponential.loopback.state.middleware import SaveMiddleware
from exponential.loopback.web import security

STATIC = Path(__file__).parent / "static"


def create(
    server: Loopback, *, key: str, codes: Callable[[], Awaitable[list[str]]], sign_in: Callable[[], Awaitable[str]]
) -> FastAPI:
    """The demo's web app, whose start page is /start/{key}.

    `codes` finds the QR codes on screen now, `sign_in` makes a one-time link to the web app; it needs the `key`.
    """
    app = FastAPI(title="Exponential demo", docs_url=None, redoc_url=None, openapi_url=None)
    security.protect(app)
    app.add_middleware(SaveMiddleware, save=server.save)
    app.state.server = server
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    serve_routes(app, application.phones, message_routes.router, account_routes.router)
    phone_lookup.explain_bad_input(app)

    @app.get(f"/start/{key}")
    async def start() -> HTMLResponse:
        return HTMLResponse((STATIC / "start.html").read_text(encoding="utf-8").replace("{key}", key))

    @app.get("/phone")
    async def phone_page() -> FileResponse:
        return FileResponse(STATIC / "phone.html")

    @app.get(f"/open/{key}")
    async def open_web_app() -> RedirectResponse:
        return RedirectResponse(await sign_in(), status_code=303)

    @app.get("/api/codes")
    async def codes_on_screen() -> list[str]:
        return await codes()

    return app
