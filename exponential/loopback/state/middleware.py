"""The middleware that saves the state before a request's answer leaves: what was answered survives a kill."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SaveMiddleware:
    """ASGI middleware. `save` is called first."""

    def __init__(self, app: ASGIApp, save: Callable[[], object]) -> None:
        self._app = app
        self._save = save

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def save_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._save()
            await send(message)

        await self._app(scope, receive, save_and_send)
