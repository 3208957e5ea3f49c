"""The gateway's HTTP application: its routes, its errors, its lifespan. The contract is docs/gateway-api.md."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from exponential.core.errors import NotFound
from exponential.core.http import errors
from exponential.core.http.bodies import Bodies
from exponential.core.http.event_streams import EventStreamLimit
from exponential.core.http.routes import serve_routes
from exponential.core.settings import GatewaySettings
from exponential.gateway.api import access, dead_letters, events, health, login, messages, presence, sessions
from exponential.gateway.health import Health
from exponential.gateway.operations import Operations

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]  # all of the gateway that isn't HTTP
_NO_ROUTE = NotFound("There is nothing at this address. docs/gateway-api.md lists the routes.", code="no_route")
_FAULT = "The gateway failed at this request through a fault of its own; its log says more."


def create(
    settings: GatewaySettings, operations: Operations, state: Health, *, lifespan: Lifespan | None = None
) -> FastAPI:
    """The ASGI application over these use-cases."""
    app = FastAPI(
        title="Exponential WhatsApp gateway", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.settings = settings
    app.state.operations = operations
    app.state.health = state
    modules = (login, sessions, access, messages, presence, events, dead_letters, health)
    serve_routes(app, *(module.router for module in modules))
    app.add_middleware(Bodies)
    errors.install(app, errors.tell_json, no_route=_NO_ROUTE, fault=_FAULT)
    app.add_middleware(EventStreamLimit)
    return app
