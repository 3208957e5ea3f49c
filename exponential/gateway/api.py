"""The gateway's HTTP API: thin routes — guard, schema, one use-case. The contract is docs/gateway-api.md."""

import io
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StrictBool
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential import log
from exponential.auth import tokens
from exponential.auth.tokens import Identity
from exponential.errors import ExponentialError, NotFound, Unavailable
from exponential.gateway import outbox, sessions
from exponential.gateway.operations import Operations
from exponential.gateway.sessions import Session
from exponential.settings import GatewaySettings

MAX_BODY = 1024 * 1024  # bytes; 65,536 characters take at most 786,432 when every one is escaped
QR_PIXELS_PER_MODULE = 8
_log = log.get(__name__)
router = APIRouter()
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]  # all of the gateway that isn't HTTP


def create(settings: GatewaySettings, operations: Operations, *, lifespan: Lifespan | None = None) -> FastAPI:
    """The ASGI application over these use-cases."""
    app = FastAPI(
        title="Exponential WhatsApp gateway", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.settings = settings
    app.state.operations = operations
    app.include_router(router)
    app.add_middleware(_BodyLimit)
    app.add_exception_handler(ExponentialError, _expected_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


# --- guards


def _operations(request: Request) -> Operations:
    operations: Operations = request.app.state.operations
    return operations


def _caller(request: Request, authorization: Annotated[str | None, Header()] = None) -> Identity:
    settings: GatewaySettings = request.app.state.settings
    return tokens.verify(
        tokens.from_header(authorization),
        secret=settings.auth_secret,
        audience=tokens.GATEWAY,
        issuers=settings.jwt_issuers,
    )


Use = Annotated[Operations, Depends(_operations)]
Caller = Annotated[Identity, Depends(_caller)]


# --- schemas


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewMessage(_Body):
    chat: str
    text: str


class TypingState(_Body):
    typing: StrictBool


def _login_status(session: Session) -> dict[str, Any]:
    return {
        "connected": session.status == sessions.CONNECTED,
        "phoneNumber": session.phone,
        "qrAvailable": session.qr_live,
        "status": session.status,
        "statusReason": session.reason,
        "statusSince": _time(session.since),
        "qrExpiresAt": _time(session.qr_expires_at) if session.qr_live else None,
    }


def _session(session: Session) -> dict[str, Any]:
    return {
        "sessionId": str(session.id),
        "phoneNumber": session.phone,
        "connected": session.status == sessions.CONNECTED,
        "status": session.status,
        "statusReason": session.reason,
        "statusSince": _time(session.since),
        "createdAt": _time(session.created_at),
        "connectedAt": _time(session.connected_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


# --- routes


@router.post("/login")
async def login(caller: Caller, use: Use) -> dict[str, str]:
    return {"sessionId": await use.login(caller.user_id)}


@router.get("/login/{session_id}/qr")
async def qr(session_id: str, caller: Caller, use: Use) -> Response:
    async with use.database.transaction() as db:
        code = sessions.current_code(await sessions.owned(db, caller.user_id, session_id))
    return Response(_png(code), media_type="image/png", headers={"Cache-Control": "no-store"})


@router.get("/login/{session_id}/status")
async def login_status(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        return _login_status(await sessions.owned(db, caller.user_id, session_id))


@router.post("/login/{session_id}/restart")
async def restart(session_id: str, caller: Caller, use: Use) -> dict[str, bool]:
    await use.restart(caller.user_id, session_id)
    return {"success": True}


@router.get("/sessions")
async def list_sessions(caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        return {"sessions": [_session(session) for session in await sessions.of_owner(db, caller.user_id)]}


@router.get("/sessions/{session_id}")
async def one_session(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        return _session(await sessions.owned(db, caller.user_id, session_id))


@router.delete("/sessions/{session_id}")
async def disconnect(session_id: str, caller: Caller, use: Use) -> dict[str, bool]:
    await use.disconnect(caller.user_id, session_id)
    return {"success": True}


@router.post("/sessions/{session_id}/messages", status_code=202)
async def send_message(
    session_id: str,
    body: NewMessage,
    caller: Caller,
    use: Use,
    idempotency_key: Annotated[str, Header()] = "",
) -> dict[str, str]:
    message = await use.queue(caller.user_id, session_id, key=idempotency_key, chat=body.chat, text=body.text)
    return {"messageId": str(message.id), "status": message.state}


@router.get("/sessions/{session_id}/messages/{message_id}")
async def message_status(session_id: str, message_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        session = await sessions.owned(db, caller.user_id, session_id)
        message = await outbox.get(db, session.id, message_id)
    return {
        "messageId": str(message.id),
        "status": message.state,
        "statusReason": message.reason,
        "sentAt": _time(message.sent_at),
        "deliveredAt": _time(message.delivered_at),
        "readAt": _time(message.read_at),
    }


@router.put("/sessions/{session_id}/chats/{chat}/typing")
async def typing(session_id: str, chat: str, body: TypingState, caller: Caller, use: Use) -> dict[str, bool]:
    await use.typing(caller.user_id, session_id, chat, body.typing)
    return {"success": True}


@router.get("/health")
async def health(request: Request) -> dict[str, Any]:
    return {"ok": True, "mode": request.app.state.settings.mode}


def _png(code: str) -> bytes:
    import segno

    picture = io.BytesIO()
    segno.make_qr(code, error="l").save(picture, kind="png", scale=QR_PIXELS_PER_MODULE, border=4)
    return picture.getvalue()


# --- errors


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
    if isinstance(error, DBAPIError) and not (
        error.connection_invalidated or "OperationalError" in type(error).__name__
    ):
        return await _unexpected_error(_request, error)
    _log.error("database_unavailable", error=type(error).__name__)
    return _answer(
        Unavailable(
            "The gateway's database doesn't answer right now. Try again in a moment.", code="database_unavailable"
        )
    )


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    _log.error("request_failed", method=request.method, error=type(error).__name__)
    sentence = "The gateway failed at this request through a fault of its own; its log says more."
    return JSONResponse({"error": sentence, "code": "internal_error"}, 500)


class _BodyLimit:
    """Refuse bodies above MAX_BODY, also those that don't say their length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MAX_BODY:
                raise HTTPException(413, f"The request body is larger than {MAX_BODY:,} bytes")
            return message

        await self._app(scope, limited, send)
