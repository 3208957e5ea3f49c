"""The app service: FastAPI put together from its routers, and the server that runs it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from exponential.app.api import approvals, audit, inbound, meeting_webhook
from exponential.app.api.mcp import PATH, McpEndpoint
from exponential.app.chat import chat, chats, files
from exponential.app.core import security, theme, undo
from exponential.app.core.live_updates import LiveUpdates
from exponential.app.core.rendering import STATIC, failure, wants_json
from exponential.app.core.state import State
from exponential.app.settings import access_tokens, account, own_data, paddy, people
from exponential.app.sign_in import invites, oidc, sign_in
from exponential.app.whatsapp import connection, pages, window
from exponential.app.whatsapp import settings as accounts
from exponential.app.workspace import meetings, projects, tasks
from exponential.assistant import retention
from exponential.assistant.channels import registry
from exponential.assistant.runtime import Runtime
from exponential.assistant.turns.stream import ProgressFeed
from exponential.core import key_check, log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database
from exponential.core.errors import ConfigurationError, ExponentialError, NotFound
from exponential.core.http import errors
from exponential.core.http.bodies import Bodies, Budget
from exponential.core.http.event_streams import EventStreamLimit
from exponential.core.http.routes import serve_routes
from exponential.core.http.server import Server
from exponential.core.http.sockets import bind_app
from exponential.core.settings import AppSettings

STOP_SECONDS = 4.0
_PARTS = (
    *(sign_in, oidc, invites, theme, connection, pages, accounts),
    *(undo, chat, chats, files, tasks, projects, meetings),
    *(account, access_tokens, paddy, own_data, people, inbound),
    *(meeting_webhook, audit, approvals),
)

_log = log.get(__name__)
_TITLES: dict[str | int, str] = {  # by code, else by status
    "link_invalid": "This link no longer works",
    "invite_invalid": "This invite no longer works",
    401: "Sign in",
    403: "Not allowed",
    404: "There is nothing here",
    409: "That can’t be done now",
    413: "That is too large",
    422: "That can’t be understood",
    500: "A fault of ours",
    503: "Not available right now",
}
_ADVICE: dict[str | int, str] = {
    "link_invalid": "",
    "invite_invalid": "",
    "admins_only": "",
    "oidc_expired": "",
    "oidc_refused": "",
    401: "Each link works once; `exponential link` prints a fresh one.",
    404: "The address may be mistyped, or what it led to was removed.",
    500: "Load the page again. If it stays, the service’s log says what happened, with the time.",
    503: "Wait a moment and load the page again.",
}
_FAULT = "Exponential has a fault: this request could not be finished. What you had saved is kept."


def create(settings: AppSettings) -> FastAPI:
    """The app for `settings`, whose database is prepared and whose key ring is set. It connects in its lifespan."""

    budget = Budget()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        db = Database(settings.database_url)
        channels, provider = registry.connect(settings), oidc.make_provider(settings)
        state = State(settings, db, LiveUpdates(db), ProgressFeed(db), channels, budget, provider)
        app.state.exponential = state
        background = {
            asyncio.create_task(state.live_updates.run()),
            asyncio.create_task(channels.run(db)),
            asyncio.create_task(retention.keep_tidy(db, settings.retention_days)),
        }
        app.state.mcp = mcp = McpEndpoint()
        async with window.opened(app, settings):
            try:
                async with _stopping_in_time(Runtime(db, settings, channels)):
                    yield
            finally:
                state.live_updates.close()
                await cancel_and_wait(*background)
                await mcp.close()
                await channels.close()
                await db.close()

    app = FastAPI(title="Exponential", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Bodies, budget=budget)
    app.add_middleware(EventStreamLimit)
    security.protect(app, settings.app_url, exempt=inbound.PREFIX)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    serve_routes(app, *(part.router for part in _PARTS))
    app.add_api_route("/health", _health)
    app.router.routes.append(Route(PATH, _Mcp()))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    errors.install(app, _tell, no_route=NotFound("This page does not exist."), fault=_FAULT)
    return app


@asynccontextmanager
async def _stopping_in_time(runtime: Runtime) -> AsyncIterator[None]:
    """Give the runtime STOP_SECONDS to end: its turns are durable, and whoever asked to stop is waiting."""
    await runtime.__aenter__()
    try:
        yield
    finally:
        try:
            await asyncio.wait_for(runtime.__aexit__(None, None, None), STOP_SECONDS)
        except TimeoutError:
            _log.warning("runtime_stopped_late")


def serve(settings: AppSettings, listener: socket.socket | None = None) -> None:
    """Run the app until a signal, then return. `settings` has its database URL and secrets filled in.

    Raises ConfigurationError when the database or the port can't be used.
    """
    log.configure(settings.log_level, service="app")
    key_check.prepare("app", settings.database_url, settings.encryption_keys)
    listener = listener or bind_app(settings)
    app = create(settings)
    _log.info("app_listening", port=listener.getsockname()[1])
    server = Server(
        app, before_stop=lambda: app.state.exponential.live_updates.close(), trusted_proxies=settings.trusted_proxies
    )
    server.run(sockets=[listener])
    if not server.started:
        raise ConfigurationError("The app could not start; the log line above says why.")


class _Mcp:
    """The endpoint of the running app."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.mcp(scope, receive, send)


async def _health(request: Request) -> Response:
    """200 while the service and its database answer, else 503."""
    state: State = request.app.state.exponential
    try:
        await state.database.ping()
    except SQLAlchemyError:
        return JSONResponse({"ok": False, "error": "The database does not answer."}, 503)
    return JSONResponse({"ok": True})


async def _tell(request: Request, error: ExponentialError) -> Response:
    if error.code == "signed_out" and request.method == "GET" and not wants_json(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return await sign_in.show_sign_in(request, to=request.url.path + query, status=error.status)
    title = _TITLES.get(error.code) or _TITLES.get(error.status, "That didn’t work")
    return await failure(request, error, title=title, advice=_ADVICE.get(error.code, _ADVICE.get(error.status, "")))
