"""Saves the simulated WhatsApp's state before a request's answer leaves: what was answered survives a kill."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential.loopback.server.server import Loopback


class SaveFirst:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, server: Loopback) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def save_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._server.save()
            await send(message)

        await self._app(scope, receive, save_and_send)
