"""JSON routes of the WhatsApp Connection modal: thin proxies that speak to the gateway as the signed-in user."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from exponential.app.state import SignedIn, TheState
from exponential.errors import ExponentialError, Unauthorized, Unavailable
from exponential.gateway.client import GatewayClient

router = APIRouter(prefix="/api/whatsapp")


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Session(_Answer):
    session_id: str
    phone_number: str | None
    connected: bool
    status: str
    status_reason: str | None
    created_at: datetime
    connected_at: datetime | None


class Overview(_Answer):
    """`error` says why there are no sessions to show; None when they could be asked for."""

    configured: bool
    loopback: bool = False
    error: str | None = None
    sessions: list[Session] = []


class Login(_Answer):
    session_id: str


class LoginStatus(_Answer):
    connected: bool
    phone_number: str | None
    qr_available: bool
    status: str
    status_reason: str | None
    qr_expires_at: datetime | None


@contextmanager
def _own_refusals() -> Iterator[None]:
    """A token that the gateway refuses is this installation's fault: the browser must not think it is signed out."""
    try:
        yield
    except Unauthorized:
        raise Unavailable(
            "The gateway refused this app's token. Both must have the same AUTH_SECRET; contact your administrator.",
            code="gateway_refused",
        ) from None


async def _gateway(state: TheState, user: SignedIn) -> AsyncIterator[GatewayClient]:
    if state.gateway is None:
        raise Unavailable(
            "Gateway Not Configured: set the WHATSAPP_GATEWAY_URL environment variable and start the app again.",
            code="gateway_not_configured",
        )
    with _own_refusals():
        yield state.gateway


Gateway = Annotated[GatewayClient, Depends(_gateway)]


@router.get("")
async def overview(state: TheState, user: SignedIn) -> Overview:
    if state.gateway is None:
        return Overview(configured=False)
    try:
        with _own_refusals():
            found = await state.gateway.sessions(user.identity)
    except ExponentialError as error:
        return Overview(configured=True, loopback=await state.mode.is_loopback(), error=str(error))
    return Overview(
        configured=True,
        loopback=await state.mode.is_loopback(),
        sessions=[Session.model_validate(item) for item in found],
    )


@router.post("/login")
async def login(gateway: Gateway, user: SignedIn) -> Login:
    return Login(session_id=await gateway.login(user.identity))


@router.get("/login/{session_id}/qr")
async def qr(gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    """The current QR code. It links a device to whoever scans it, so nothing may keep a copy."""
    return Response(await gateway.qr(user.identity, session_id), media_type="image/png")


@router.get("/login/{session_id}/status")
async def status(gateway: Gateway, user: SignedIn, session_id: str) -> LoginStatus:
    return LoginStatus.model_validate(await gateway.login_status(user.identity, session_id))


@router.post("/login/{session_id}/restart", status_code=204)
async def restart(gateway: Gateway, user: SignedIn, session_id: str) -> None:
    await gateway.restart(user.identity, session_id)


@router.delete("/sessions/{session_id}", status_code=204)
async def disconnect(gateway: Gateway, user: SignedIn, session_id: str) -> None:
    await gateway.disconnect(user.identity, session_id)
