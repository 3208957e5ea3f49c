"""Error handlers: what both services answer when something fails; each tells it in its own form."""

from collections.abc import Awaitable, Callable

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from exponential.core import database, log
from exponential.core.errors import BadInput, ExponentialError, NotFound
from exponential.core.validation import problems

Tell = Callable[[Request, ExponentialError], Awaitable[Response]]
_log = log.get(__name__)


def install(app: FastAPI, tell: Tell, *, no_route: NotFound, fault: str) -> None:
    """Have `tell` answer for every exception: with `no_route` at an address that isn't there, and with the sentence
    `fault` for what nobody has foreseen."""

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, ExponentialError)
        return await tell(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = problems(error.errors(), "the request body", skip=1)
        return await tell(request, BadInput(f"The request can't be understood. {found}."))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return await tell(request, no_route)
        refusal: ExponentialError = BadInput(f"{error.detail}.")
        if error.status_code == 405:
            refusal = ExponentialError(f"{request.method} isn't possible here.", code="method_not_allowed")
        refusal.status, refusal.headers = error.status_code, error.headers or {}
        return await tell(request, refusal)

    async def failed(request: Request, error: Exception) -> Response:
        if refusal := database.refused(error):
            _log.warning("value_refused", error=error)
            return await tell(request, refusal)
        if outage := database.outage(error):
            _log.error("database_unavailable", error=error)
            return await tell(request, outage)
        route = getattr(request.scope.get("route"), "path", "")  # not the path: it may hold a secret
        _log.error("request_failed", method=request.method, route=route, error=error)
        return await tell(request, ExponentialError(fault))

    app.add_exception_handler(ExponentialError, expected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    for kind in (SQLAlchemyError, UnicodeEncodeError, psycopg.OperationalError, Exception):
        app.add_exception_handler(kind, failed)


async def tell_json(_request: Request, error: ExponentialError) -> Response:
    """One JSON sentence with a stable code."""
    return JSONResponse(error.as_json(), error.status, error.headers)
