"""How the gateway's API says that something failed: every error as one JSON sentence with a stable code."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from exponential.core import database, log
from exponential.core.errors import ExponentialError, NotFound, Unavailable
from exponential.core.http.bodies import Bodies

_log = log.get(__name__)


def install(app: FastAPI) -> None:
    """Give the application these answers and the limits on bodies."""
    app.add_middleware(Bodies)
    app.add_exception_handler(ExponentialError, _expected_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    app.add_exception_handler(UnicodeEncodeError, _database_error)
    app.add_exception_handler(Exception, _unexpected_error)


def _answer(error: ExponentialError) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else None
    return JSONResponse(error.as_json(), error.status, headers)


async def _expected_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ExponentialError)
    return _answer(error)


async def _bad_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"][1:] if not isinstance(part, int)) or "the request body"
        problems.append(f"{where}: {item['msg']}")
    sentence = f"The request can't be understood. {'; '.join(problems)}."
    return JSONResponse({"error": sentence, "code": "bad_input"}, 422)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _answer(
            NotFound("There is nothing at this address. docs/gateway-api.md lists the routes.", code="no_route")
        )
    if error.status_code == 405:
        sentence = f"{request.method} isn't possible here. docs/gateway-api.md lists the routes."
        return JSONResponse({"error": sentence, "code": "method_not_allowed"}, 405, error.headers)
    return JSONResponse({"error": f"{error.detail}.", "code": "bad_input"}, error.status_code, error.headers)


async def _database_error(_request: Request, error: Exception) -> JSONResponse:
    refusal = database.refused(error)
    if refusal is not None:
        _log.warning("value_refused", error=error)
        return _answer(refusal)
    outage = database.outage(error)
    if outage is None:
        return await _unexpected_error(_request, error)
    _log.error("database_unavailable", error=error)
    return _answer(outage)


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    _log.error("request_failed", method=request.method, error=error)
    sentence = "The gateway failed at this request through a fault of its own; its log says more."
    return JSONResponse({"error": sentence, "code": "internal_error"}, 500)
