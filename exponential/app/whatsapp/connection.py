"""JSON routes of the WhatsApp Connection window: thin proxies that speak to the gateway as the signed-in user."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Body, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from exponential.app.core.state import SignedIn, State, TheState
from exponential.app.whatsapp.window import Gateway, TheWindow, Window
from exponential.assistant.channels.whatsapp import WhatsApp
from exponential.auth import consents
from exponential.auth.users import User
from exponential.core import log
from exponential.core.errors import Conflict, ExponentialError, NotFound
from exponential.core.http.event_streams import EventStream
from exponential.core.http.routes import Router
from exponential.gateway.client import GatewayClient
from exponential.gateway.schema import LoginStatus, Passkey, SessionId, SessionInfo

CHANNEL = "whatsapp"  # of the board: what the gateway says, not the database
FOLLOW_AGAIN_SECONDS = 1.0  # after the gateway ended the stream or was away
router = Router(prefix="/api/whatsapp")
_log = log.get(__name__)


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Agreement(_Answer):
    """To the warning in its present version; `at` is None until the user has agreed."""

    version: str
    at: datetime | None


class Overview(_Answer):
    """`sessions` as the gateway told them at `told_at`; `error` says why it doesn't now."""

    configured: bool
    consent: Agreement
    loopback: bool = False
    error: str | None = None
    told_at: datetime | None = None
    sessions: list[SessionInfo] = []


async def agreement(state: State, user: User) -> Agreement:
    """Whether the user has agreed to the warning as it reads now."""
    async with state.database.transaction() as session:
        given = await consents.latest(session, user.id, consents.WHATSAPP, consents.WHATSAPP_VERSION)
    return Agreement(version=consents.WHATSAPP_VERSION, at=given.at if given else None)


async def begin(state: State, gateway: GatewayClient, user: User) -> str:
    """Start to link an account; the session's id. Raises Conflict: `consent_needed`, or at the session limit."""
    if (await agreement(state, user)).at is None:
        raise Conflict(
            "Read the security and privacy warning and accept it first, under WhatsApp Connection.",
            code="consent_needed",
        )
    return await gateway.login(user.identity)


async def agree(state: State, user: User, version: str) -> None:
    """Record the user's consent. Raises Conflict when the warning was changed since it was shown."""
    if version != consents.WHATSAPP_VERSION:
        raise Conflict(
            "The security and privacy warning was changed meanwhile. Read it again, then accept it.",
            code="consent_outdated",
        )
    async with state.database.transaction() as session:
        await consents.record(session, user.id, consents.WHATSAPP, version)


@router.get("")
async def overview(state: TheState, window: TheWindow, user: SignedIn) -> Overview:
    consent = await agreement(state, user)
    if window.gateway is None:
        return Overview(configured=False, consent=consent)
    loopback = await state.channels.get(WhatsApp.name).is_simulated()
    told = await window.told.sessions(user)
    return Overview(
        configured=True,
        consent=consent,
        loopback=loopback,
        error=str(told.error) if told.error else None,
        told_at=told.at,
        sessions=list(told.sessions),
    )


@router.post("/consent", status_code=204)
async def consent(state: TheState, user: SignedIn, version: Annotated[str, Body(embed=True, max_length=50)]) -> None:
    await agree(state, user, version)


@router.get("/events")
async def events(state: TheState, window: TheWindow, user: SignedIn) -> EventStream:
    """Server-sent events: `changed` whenever one of the user's sessions has, as soon as the gateway knows."""
    follow = partial(_follow, state, window, window.gateway, user) if window.gateway else None
    return state.live_updates.stream(CHANNEL, str(user.id), follow)


async def _follow(state: State, window: Window, gateway: GatewayClient, user: User) -> None:
    """Tell the user's open pages whatever changes, and that the gateway fell silent; of a session that is being linked
    each new code, too."""
    while True:
        try:
            async for sessions in gateway.follow(user.identity):
                window.told.heard(user, sessions)
                state.live_updates.tell(CHANNEL, str(user.id))
        except NotFound:
            return  # an older gateway, which has no such stream; the page asks now and then
        except ExponentialError as error:
            _log.debug("follow_again", code=error.code)
            window.told.lost(user, error)
            state.live_updates.tell(CHANNEL, str(user.id))
        await asyncio.sleep(FOLLOW_AGAIN_SECONDS)


@router.post("/login")
async def login(state: TheState, gateway: Gateway, user: SignedIn) -> SessionId:
    return SessionId(session_id=await begin(state, gateway, user))


@router.get("/login/{session_id}/qr")
async def qr(gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    """The current QR code. It links a device to whoever scans it, so nothing may keep a copy."""
    return Response(await gateway.qr(user.identity, session_id), media_type="image/png")


@router.get("/login/{session_id}/status")
async def status(gateway: Gateway, user: SignedIn, session_id: str) -> LoginStatus:
    return await gateway.login_status(user.identity, session_id)


@router.get("/login/{session_id}/passkey")
async def passkey(gateway: Gateway, user: SignedIn, session_id: str) -> Passkey:
    return await gateway.passkey(user.identity, session_id)


@router.post("/login/{session_id}/passkey", status_code=204)
async def answer_passkey(
    gateway: Gateway,
    user: SignedIn,
    session_id: str,
    credential: Annotated[Any, Body()] = None,
    codes_match: Annotated[bool, Body(alias="codesMatch")] = False,
) -> None:
    if codes_match:
        await gateway.confirm_codes(user.identity, session_id)
    else:
        await gateway.answer_passkey(user.identity, session_id, credential)


@router.post("/login/{session_id}/restart", status_code=204)
async def restart(gateway: Gateway, user: SignedIn, session_id: str) -> None:
    await gateway.restart(user.identity, session_id)


@router.delete("/sessions/{session_id}", status_code=204)
async def disconnect(gateway: Gateway, user: SignedIn, session_id: str) -> None:
    await gateway.disconnect(user.identity, session_id)
