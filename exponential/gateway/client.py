"""Typed HTTP client of the gateway, for the app. Each call speaks for one user through a JWT of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import httpx

from exponential.auth import tokens
from exponential.auth.tokens import Identity
from exponential.errors import BadInput, Conflict, ExponentialError, NotFound, Unauthorized, Unavailable

TIMEOUT = httpx.Timeout(15.0, connect=3.0)  # seconds; DELETE waits for the phone's answer
_ERRORS: dict[int, type[ExponentialError]] = {
    400: BadInput,
    401: Unauthorized,
    404: NotFound,
    409: Conflict,
    413: BadInput,
    422: BadInput,
}


@dataclass(frozen=True)
class LoginStatus:
    """How far a login is. `phone_number` is "+49…" once known; times are aware UTC."""

    connected: bool
    phone_number: str | None
    qr_available: bool
    status: str
    status_reason: str | None
    qr_expires_at: datetime | None


@dataclass(frozen=True)
class SessionInfo:
    """One WhatsApp session of the caller."""

    session_id: str
    phone_number: str | None
    connected: bool
    status: str
    status_reason: str | None
    created_at: datetime
    connected_at: datetime | None


@dataclass(frozen=True)
class Health:
    """Whether the gateway is well, and whether it talks to WhatsApp or to the loopback server."""

    ok: bool
    mode: Literal["whatsapp", "loopback"]


class GatewayClient:
    """Calls the gateway at `base_url` with tokens signed by `secret`.

    Every call raises the gateway's own sentence as NotFound, Conflict, Unauthorized, BadInput or Unavailable; when the
    gateway can't be reached at all, Unavailable with code `gateway_unreachable`. `http` replaces the transport.
    """

    def __init__(self, base_url: str, secret: str, *, http: httpx.AsyncClient | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._secret = secret
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT)

    async def close(self) -> None:
        await self._http.aclose()

    async def login(self, who: Identity) -> str:
        """Start linking an account; the new session's id. Raises Conflict at the session limit."""
        body: dict[str, str] = (await self._call("POST", "/login", who)).json()
        return body["sessionId"]

    async def qr(self, who: Identity, session_id: str) -> bytes:
        """The current QR code as PNG. Raises Unavailable (no code yet), NotFound, or Conflict (already connected)."""
        return (await self._call("GET", f"/login/{_part(session_id)}/qr", who)).content

    async def login_status(self, who: Identity, session_id: str) -> LoginStatus:
        body = (await self._call("GET", f"/login/{_part(session_id)}/status", who)).json()
        return LoginStatus(
            connected=body["connected"],
            phone_number=body["phoneNumber"],
            qr_available=body["qrAvailable"],
            status=body["status"],
            status_reason=body["statusReason"],
            qr_expires_at=_time(body["qrExpiresAt"]),
        )

    async def restart(self, who: Identity, session_id: str) -> None:
        """Ask for fresh QR codes in the same session. Raises Conflict when it is connected already."""
        await self._call("POST", f"/login/{_part(session_id)}/restart", who)

    async def sessions(self, who: Identity) -> list[SessionInfo]:
        """All sessions of `who`, oldest first."""
        body = (await self._call("GET", "/sessions", who)).json()
        return [_session(item) for item in body["sessions"]]

    async def session(self, who: Identity, session_id: str) -> SessionInfo:
        return _session((await self._call("GET", f"/sessions/{_part(session_id)}", who)).json())

    async def disconnect(self, who: Identity, session_id: str) -> None:
        """Unlink the device on the phone and forget the session."""
        await self._call("DELETE", f"/sessions/{_part(session_id)}", who)

    async def send(self, who: Identity, session_id: str, chat: str, text: str, *, key: str) -> str:
        """Queue `text` to the chat with JID `chat`; its message id. The same `key` never sends twice."""
        answer = await self._call(
            "POST",
            f"/sessions/{_part(session_id)}/messages",
            who,
            json={"chat": chat, "text": text},
            headers={"Idempotency-Key": key},
        )
        body: dict[str, str] = answer.json()
        return body["messageId"]

    async def message(self, who: Identity, session_id: str, message_id: str) -> str:
        """queued, sending, sent, delivered, read or failed."""
        answer = await self._call("GET", f"/sessions/{_part(session_id)}/messages/{_part(message_id)}", who)
        body: dict[str, str] = answer.json()
        return body["status"]

    async def typing(self, who: Identity, session_id: str, chat: str, on: bool) -> None:
        """Show or hide "typing…" in a chat."""
        await self._call("PUT", f"/sessions/{_part(session_id)}/chats/{_part(chat)}/typing", who, json={"typing": on})

    async def health(self) -> Health:
        body = (await self._call("GET", "/health", None)).json()
        return Health(ok=body["ok"], mode=body["mode"])

    async def _call(
        self,
        method: str,
        path: str,
        who: Identity | None,
        *,
        json: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        headers = dict(headers or {})
        if who is not None:
            headers["Authorization"] = f"Bearer {tokens.issue(who, secret=self._secret, audience=tokens.GATEWAY)}"
        try:
            answer = await self._http.request(method, self._base_url + path, json=json, headers=headers)
        except (httpx.TransportError, httpx.InvalidURL):
            raise Unavailable(
                "The WhatsApp gateway can't be reached. Check that the gateway service is running.",
                code="gateway_unreachable",
            ) from None
        if answer.is_success:
            return answer
        raise _error(answer)


def _error(answer: httpx.Response) -> ExponentialError:
    try:
        body = answer.json()
        sentence, code = str(body["error"]), str(body["code"])
    except (ValueError, KeyError, TypeError):
        sentence, code = f"The WhatsApp gateway answered with HTTP {answer.status_code}.", "gateway_error"
    kind = _ERRORS.get(answer.status_code)
    if kind is not None:
        return kind(sentence, code=code)
    wait = answer.headers.get("Retry-After", "")
    return Unavailable(sentence, code=code, retry_after=int(wait) if wait.isdecimal() else 2)


def _session(item: dict[str, Any]) -> SessionInfo:
    return SessionInfo(
        session_id=item["sessionId"],
        phone_number=item["phoneNumber"],
        connected=item["connected"],
        status=item["status"],
        status_reason=item["statusReason"],
        created_at=datetime.fromisoformat(item["createdAt"]),
        connected_at=_time(item["connectedAt"]),
    )


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _part(value: str) -> str:
    """One path segment: a JID's `@`, `:` and anything else stay inside it."""
    return quote(value, safe="")
