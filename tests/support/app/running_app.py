"""The app on a real Postgres, as tests hold it, and a gateway stand-in that a test can put in any state."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import segno
from fastapi import FastAPI
from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from exponential.auth import service_tokens, sign_in
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import Database
from exponential.core.errors import Unauthorized
from exponential.core.settings import AppSettings
from support.browser import Window, open_window
from support.http_server import serving

SECRET = "a secret that app and gateway share in tests"
ACCESS = {"mode": "only_me", "people": [], "groups": "off", "reactions": False, "readReceipts": True}


@dataclass
class GatewayStandIn:
    """Speaks the contract's routes on a real port. Tests set `sessions`, `mode`, `limit` and `qr_ready`."""

    url: str = ""
    mode: str = "whatsapp"
    limit: int = 5
    qr_ready: bool = True
    codes: int = 0  # QR images handed out
    restarts: int = 0
    after_restart: str = "pending"
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    followed: list[str] = field(default_factory=list)  # whose sessions, once for each stream
    following: int = 0  # streams that are open
    codes_shown: dict[str, str] = field(default_factory=dict)  # of pending sessions, for who follows them
    owners: dict[str, str] = field(default_factory=dict)

    def add(self, owner: str, status: str, phone: str | None = None, reason: str | None = None) -> str:
        session_id = str(clock.new_id())
        self.owners[session_id] = owner
        self.sessions[session_id] = {
            "sessionId": session_id,
            "phoneNumber": phone,
            "connected": status == "connected",
            "status": status,
            "statusReason": reason,
            "createdAt": clock.now().isoformat(),
            "connectedAt": clock.now().isoformat() if phone else None,
        }
        return session_id

    def set(self, session_id: str, status: str, phone: str | None = None, reason: str | None = None) -> None:
        session = self.sessions[session_id]
        session.update(status=status, connected=status == "connected", statusReason=reason)
        if phone:
            session.update(phoneNumber=phone, connectedAt=clock.now().isoformat())

    def app(self) -> Starlette:
        return Starlette(
            exception_handlers={Unauthorized: lambda request, error: _error(401, str(error), "token_invalid")},
            routes=[
                Route("/health", lambda request: JSONResponse({"ok": True, "mode": self.mode})),
                Route("/login", self._login, methods=["POST"]),
                Route("/login/{id}/qr", self._qr),
                Route("/login/{id}/status", self._status),
                Route("/login/{id}/restart", self._restart, methods=["POST"]),
                Route("/sessions", self._sessions),
                Route("/events", self._events),
                Route("/sessions/{id}", self._delete, methods=["DELETE"]),
                Route("/sessions/{id}", self._one),
                Route("/sessions/{id}/parked", lambda request: JSONResponse({"parked": []})),
                Route("/sessions/{id}/proofs", lambda request: JSONResponse({"numbers": [], "openUntil": None})),
            ],
        )

    def _who(self, request: Request) -> str:
        token = service_tokens.from_header(request.headers.get("authorization"))
        return service_tokens.verify(token, secret=SECRET, audience=service_tokens.GATEWAY).user_id

    def _mine(self, request: Request) -> dict[str, Any] | None:
        session_id = request.path_params["id"]
        return self.sessions.get(session_id) if self.owners.get(session_id) == self._who(request) else None

    async def _login(self, request: Request) -> Response:
        if len(self.sessions) >= self.limit:
            return _error(409, "Maximum sessions reached.", "session_limit")
        return JSONResponse({"sessionId": self.add(self._who(request), "pending")})

    async def _qr(self, request: Request) -> Response:
        if self._mine(request) is None:
            return _error(404, "There is no such session.", "session_not_found")
        if not self.qr_ready:
            return _error(503, "There is no QR code yet; it comes in a moment.", "qr_not_ready")
        self.codes += 1
        image = io.BytesIO()
        segno.make(f"https://wa.me/settings/linked_devices#{'x' * 200}{self.codes}").save(image, kind="png", scale=6)
        return Response(image.getvalue(), media_type="image/png")

    async def _status(self, request: Request) -> Response:
        session = self._mine(request)
        if session is None:
            return _error(404, "There is no such session.", "session_not_found")
        body = {key: session[key] for key in ("connected", "phoneNumber", "status", "statusReason")}
        pending = session["status"] == "pending"
        return JSONResponse({**body, "qrAvailable": pending and self.qr_ready, "qrExpiresAt": None})

    async def _restart(self, request: Request) -> Response:
        self.restarts += 1
        self.set(request.path_params["id"], self.after_restart)
        return JSONResponse({"success": True})

    async def _sessions(self, request: Request) -> Response:
        who = self._who(request)
        return JSONResponse({"sessions": [s for i, s in self.sessions.items() if self.owners[i] == who]})

    async def _one(self, request: Request) -> Response:
        session = self._mine(request)
        if session is None:
            return _error(404, "There is no such session.", "session_not_found")
        return JSONResponse({**session, "access": ACCESS})

    async def _events(self, request: Request) -> Response:
        who, told = self._who(request), self._sessions

        async def lists() -> AsyncIterator[bytes]:
            before = None
            self.following += 1
            try:
                for _ in range(500):
                    body = bytes((await told(request)).body)
                    now = body, self.codes_shown.copy()
                    if now != before:
                        before = now
                        yield b"event: sessions\ndata: " + body + b"\n\n"
                    await asyncio.sleep(0.02)
            finally:
                self.following -= 1

        self.followed.append(who)
        return StreamingResponse(lists(), media_type="text/event-stream")

    async def _delete(self, request: Request) -> Response:
        if self._mine(request) is None:
            return _error(404, "There is no such session.", "session_not_found")
        del self.sessions[request.path_params["id"]]
        return JSONResponse({"success": True})


def _error(status: int, sentence: str, code: str) -> Response:
    return JSONResponse({"error": sentence, "code": code}, status)


@dataclass
class House:
    """A running app and its database."""

    app: FastAPI
    database: Database
    settings: AppSettings

    async def user(self, email: str = "alice@example.org", name: str = "Alice") -> User:
        async with self.database.transaction() as session:
            user = User(email=email, name=name, timezone="Europe/Berlin")
            session.add(user)
        return user

    async def link(self, user: User) -> str:
        """Path of a fresh sign-in link."""
        async with self.database.transaction() as session:
            return f"/sign-in/{await sign_in.make_link(session, user)}"

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://app.test", headers=headers)

    @asynccontextmanager
    async def signed_in(self, user: User, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        async with self.client(**headers) as client:
            assert (await client.post(await self.link(user))).status_code == 303
            yield client

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[str]:
        """The running app on a real port; yields its address."""
        board = self.app.state.exponential.live_updates
        async with serving(self.app, port=port, before_stop=board.close, lifespan="off") as url:
            yield url

    @asynccontextmanager
    async def window(self, browser: Browser, user: User) -> AsyncIterator[tuple[Window, str]]:
        """A page that is signed in, and the address of the app."""
        async with self.served() as url, open_window(browser) as window:
            await window.sign_in(url + await self.link(user))
            yield window, url


MakeHouse = Callable[..., Any]
