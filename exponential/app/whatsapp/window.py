"""What the WhatsApp Connection window holds: its way to the gateway, and what the gateway told last."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from exponential.app.core.state import SignedIn
from exponential.app.whatsapp.session_cache import SessionCache
from exponential.assistant.channels.whatsapp import gateway_of
from exponential.core.errors import Unavailable
from exponential.core.settings import AppSettings
from exponential.gateway.client import GatewayClient, own_refusals


class Window:
    """`gateway` is None where none is set up."""

    def __init__(self, gateway: GatewayClient | None) -> None:
        self.gateway = gateway
        self.told = SessionCache(gateway)


@asynccontextmanager
async def opened(app: FastAPI, settings: AppSettings) -> AsyncIterator[None]:
    """The window of a running app."""
    gateway = gateway_of(settings)
    app.state.whatsapp_window = Window(gateway)
    try:
        yield
    finally:
        if gateway is not None:
            await gateway.close()


def _window(request: Request) -> Window:
    window: Window = request.app.state.whatsapp_window
    return window


TheWindow = Annotated[Window, Depends(_window)]


async def _gateway(window: TheWindow, user: SignedIn) -> AsyncIterator[GatewayClient]:
    if window.gateway is None:
        raise Unavailable(
            "Gateway Not Configured: set the WHATSAPP_GATEWAY_URL environment variable and start the app again.",
            code="gateway_not_configured",
        )
    with own_refusals():
        yield window.gateway


Gateway = Annotated[GatewayClient, Depends(_gateway)]
