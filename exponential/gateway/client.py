"""Typed HTTP client of the gateway, for the app. Each call speaks for one user through a JWT of its own."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import httpx

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.core.errors import BadInput, Conflict, ExponentialError, NotFound, Unauthorized, Unavailable

REQUEST_TIMEOUT = httpx.Timeout(15.0, connect=3.0)  # seconds; DELETE waits for the phone's answer
SHORT_TIMEOUT = httpx.Timeout(3.0)  # seconds, for what the gateway knows by itself and a page waits for
PASSKEY_TIMEOUT = httpx.Timeout(30.0, connect=3.0)  # WhatsApp is asked three times
CALLS = httpx.Limits(max_connections=100, max_keepalive_connections=20)
STREAM_LIMITS = httpx.Limits(max_connections=500)  # one of each user who has a page open
SILENCE_SECONDS = 3.0  # without a heartbeat, which comes every second, after which a stream is dead
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
    """How far a login is. `phone_number` is "+49…" once known; times are aware UTC.

    `status_code` is the reason as a word (docs/gateway-api.md); None when there is none for it.
    """

    connected: bool
    phone_number: str | None
    qr_available: bool
    status: str
    status_reason: str | None
    qr_expires_at: datetime | None
    status_code: str | None = None
    status_since: datetime | None = None
    passkey_required: bool = False


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
    status_code: str | None = None


@dataclass(frozen=True)
class PairingCode:
    """ "ABCD-EFGH", to type on the phone until `expires_at`."""

    code: str
    expires_at: datetime


@dataclass(frozen=True)
class Passkey:
    """How far confirming with a passkey is.

    `step` is "sign" (these WebAuthn request options, until `expires_at`), "sent", or "compare" (this code with the
    phone's).
    """

    step: str
    options: dict[str, Any] | None
    code: str | None
    expires_at: datetime | None


@dataclass(frozen=True)
class Group:
    """A WhatsApp group of the account, with the number of its participants."""

    jid: str
    subject: str
    participants: int


@dataclass(frozen=True)
class OwnNumber:
    """A number that its owner has proved. `phone_number` is None when WhatsApp tells only a LID; `chat` is the JID to
    write to, None when an older gateway doesn't tell it."""

    id: str
    phone_number: str | None
    proved_at: datetime
    chat: str | None = None


@dataclass(frozen=True)
class Parked:
    """A message that the app couldn't take, and why."""

    message_id: str
    reason: str | None
    waiting_since: datetime


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
        self._http = http or _direct(CALLS)
        self._streams = http or _direct(STREAM_LIMITS)  # which last, so that no call waits for the end of one

    async def close(self) -> None:
        await self._http.aclose()
        await self._streams.aclose()

    async def login(self, who: Identity) -> str:
        """Start linking an account; the new session's id. Raises Conflict at the session limit."""
        body: dict[str, str] = (await self._call("POST", "/login", who)).json()
        return body["sessionId"]

    async def qr(self, who: Identity, session_id: str) -> bytes:
        """The current QR code as PNG. Raises Unavailable (no code yet), NotFound, or Conflict (already connected)."""
        return (await self._call("GET", f"/login/{_part(session_id)}/qr", who, timeout=SHORT_TIMEOUT)).content

    async def login_status(self, who: Identity, session_id: str) -> LoginStatus:
        body = (await self._call("GET", f"/login/{_part(session_id)}/status", who, timeout=SHORT_TIMEOUT)).json()
        return LoginStatus(
            connected=body["connected"],
            phone_number=body["phoneNumber"],
            qr_available=body["qrAvailable"],
            status=body["status"],
            status_reason=body["statusReason"],
            qr_expires_at=_time(body["qrExpiresAt"]),
            status_code=body.get("statusCode"),  # the original gateway doesn't tell these three
            status_since=_time(body.get("statusSince")),
            passkey_required=body.get("passkeyRequired", False),
        )

    async def restart(self, who: Identity, session_id: str) -> None:
        """Ask for fresh QR codes in the same session. Raises Conflict when it is connected already."""
        await self._call("POST", f"/login/{_part(session_id)}/restart", who)

    async def pairing_code(self, who: Identity, session_id: str, phone: str) -> PairingCode:
        """A code to type on the phone with this number. Raises BadInput, Conflict (not pending) or Unavailable."""
        body = (await self._call("POST", f"/login/{_part(session_id)}/code", who, json={"phoneNumber": phone})).json()
        return PairingCode(body["code"], datetime.fromisoformat(body["expiresAt"]))

    async def passkey(self, who: Identity, session_id: str) -> Passkey:
        """What the account's passkey is asked. Raises Conflict when it isn't."""
        path = f"/login/{_part(session_id)}/passkey"
        body = (await self._call("GET", path, who, timeout=SHORT_TIMEOUT)).json()
        return Passkey(body["step"], body["options"], body["code"], _time(body["expiresAt"]))

    async def answer_passkey(self, who: Identity, session_id: str, credential: Any) -> None:
        """Hand in the passkey's answer (PublicKeyCredential.toJSON()). Raises BadInput, Conflict or Unavailable."""
        await self._call(
            "POST", f"/login/{_part(session_id)}/passkey", who, json={"credential": credential}, timeout=PASSKEY_TIMEOUT
        )

    async def confirm_codes(self, who: Identity, session_id: str) -> None:
        """The person has seen the same code in both places. Raises Conflict or Unavailable."""
        await self._call(
            "POST", f"/login/{_part(session_id)}/passkey", who, json={"codesMatch": True}, timeout=PASSKEY_TIMEOUT
        )

    async def sessions(self, who: Identity) -> list[SessionInfo]:
        """All sessions of `who`, oldest first."""
        body = (await self._call("GET", "/sessions", who, timeout=SHORT_TIMEOUT)).json()
        return [_session(item) for item in body["sessions"]]

    async def session(self, who: Identity, session_id: str) -> SessionInfo:
        return _session((await self._call("GET", f"/sessions/{_part(session_id)}", who, timeout=SHORT_TIMEOUT)).json())

    async def disconnect(self, who: Identity, session_id: str) -> bool:
        """Unlink the device on the phone and forget the session. False: the phone will be told as soon as it can be."""
        body: dict[str, bool] = (await self._call("DELETE", f"/sessions/{_part(session_id)}", who)).json()
        return body.get("unlinked", True)  # the original gateway doesn't say

    async def follow(self, who: Identity) -> AsyncIterator[list[SessionInfo]]:
        """All sessions of `who` now, and again whenever one has changed or its QR code has, until the gateway ends the
        stream.

        Raises what the other calls raise, also in the middle; ask again after a pause.
        """
        headers, timeout = self._headers(who), httpx.Timeout(15.0, read=SILENCE_SECONDS)
        try:
            async with self._streams.stream(
                "GET", f"{self._base_url}/events", headers=headers, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _error(answer)
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        yield [_session(item) for item in json.loads(line[5:])["sessions"]]
        except httpx.ReadTimeout:
            raise _silent() from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise _unreachable() from None

    async def groups(self, who: Identity, session_id: str) -> list[Group]:
        """The account's groups. Raises Unavailable while it isn't connected."""
        body = (await self._call("GET", f"/sessions/{_part(session_id)}/groups", who)).json()
        return [Group(item["jid"], item["subject"], item["participants"]) for item in body["groups"]]

    async def send(
        self,
        who: Identity,
        session_id: str,
        chat: str,
        text: str,
        *,
        key: str,
        reply_to: str | None = None,
        owner_only: bool = False,
    ) -> str:
        """Queue `text` to the chat with JID `chat`; its message id. The same `key` never sends twice.

        `reply_to` is the WhatsApp id of the message to quote. With `owner_only` it goes to no chat but the account's
        own and the owner's proved numbers'. Raises BadInput with code `chat_not_allowed`; Conflict with `not_linked`,
        or `chat_paused` while a human answers there by hand.
        """
        # Not in the body: a gateway of an earlier version refuses fields that it doesn't know.
        query = "?ownerOnly=true" if owner_only else ""
        answer = await self._call(
            "POST",
            f"/sessions/{_part(session_id)}/messages{query}",
            who,
            json={"chat": chat, "text": text, **({"replyTo": reply_to} if reply_to else {})},
            headers={"Idempotency-Key": key},
        )
        body: dict[str, str] = answer.json()
        return body["messageId"]

    async def message(self, who: Identity, session_id: str, message_id: str) -> str:
        """queued, sending, sent, delivered, read or failed."""
        answer = await self._call("GET", f"/sessions/{_part(session_id)}/messages/{_part(message_id)}", who)
        body: dict[str, str] = answer.json()
        return body["status"]

    async def sent_at(self, who: Identity, session_id: str, message_id: str) -> datetime | None:
        """When a message left for WhatsApp; None while it waits."""
        answer = await self._call("GET", f"/sessions/{_part(session_id)}/messages/{_part(message_id)}", who)
        return _time(answer.json()["sentAt"])

    async def typing(self, who: Identity, session_id: str, chat: str, on: bool) -> None:
        """Show or hide "typing…" in a chat. It ends by itself after 20 seconds unless it is shown again."""
        await self._call("PUT", f"/sessions/{_part(session_id)}/chats/{_part(chat)}/typing", who, json={"typing": on})

    async def read(self, who: Identity, session_id: str, chat: str, message_ids: list[str]) -> bool:
        """Confirm messages as read. False when the owner has switched that off, or WhatsApp was away."""
        path = f"/sessions/{_part(session_id)}/chats/{_part(chat)}/read"
        return bool((await self._call("PUT", path, who, json={"messageIds": message_ids})).json()["shown"])

    async def react(self, who: Identity, session_id: str, chat: str, message_id: str, emoji: str) -> bool:
        """Put an emoji to a message, or take it back (""). False when the owner doesn't want reactions."""
        path = f"/sessions/{_part(session_id)}/chats/{_part(chat)}/reactions"
        answer = await self._call("POST", path, who, json={"messageId": message_id, "emoji": emoji})
        return bool(answer.json()["shown"])

    async def access(self, who: Identity, session_id: str) -> dict[str, Any]:
        """Who may talk to the assistant: mode, people, groups, reactions, readReceipts (docs/gateway-api.md)."""
        answer = await self._call("GET", f"/sessions/{_part(session_id)}", who, timeout=SHORT_TIMEOUT)
        body: dict[str, Any] = answer.json()["access"]
        return body

    async def change_access(self, who: Identity, session_id: str, **changes: Any) -> dict[str, Any]:
        """Change some of it; all of it as it is now. Raises BadInput."""
        answer = await self._call("PATCH", f"/sessions/{_part(session_id)}", who, json={"access": changes})
        body: dict[str, Any] = answer.json()["access"]
        return body

    async def prove(self, who: Identity, session_id: str) -> tuple[str, datetime]:
        """A one-time code to text from one's own phone to the linked number, and when it ends. Raises Conflict."""
        body = (await self._call("POST", f"/sessions/{_part(session_id)}/proofs", who)).json()
        return body["code"], datetime.fromisoformat(body["expiresAt"])

    async def proved(self, who: Identity, session_id: str) -> list[OwnNumber]:
        """The numbers that are proved to be the owner's own."""
        body = (await self._call("GET", f"/sessions/{_part(session_id)}/proofs", who, timeout=SHORT_TIMEOUT)).json()
        return [
            OwnNumber(item["id"], item["phoneNumber"], datetime.fromisoformat(item["provedAt"]), item.get("chat"))
            for item in body["numbers"]
        ]

    async def disown(self, who: Identity, session_id: str, proof_id: str) -> None:
        """The number is a contact like any other again. Raises NotFound."""
        await self._call("DELETE", f"/sessions/{_part(session_id)}/proofs/{_part(proof_id)}", who)

    async def parked(self, who: Identity, session_id: str) -> list[Parked]:
        """Messages that were set aside because the app couldn't take them, oldest first."""
        body = (await self._call("GET", f"/sessions/{_part(session_id)}/parked", who, timeout=SHORT_TIMEOUT)).json()
        return [
            Parked(item["messageId"], item["reason"], datetime.fromisoformat(item["waitingSince"]))
            for item in body["parked"]
        ]

    async def retry_parked(self, who: Identity, session_id: str) -> int:
        """Have them handed over again; how many."""
        body = (await self._call("POST", f"/sessions/{_part(session_id)}/parked/retry", who)).json()
        return int(body["retried"])

    async def health(self) -> Health:
        body = (await self._call("GET", "/health", None, timeout=SHORT_TIMEOUT)).json()
        return Health(ok=body["ok"], mode=body["mode"])

    def _headers(self, who: Identity) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {service_tokens.issue(who, secret=self._secret, audience=service_tokens.GATEWAY)}"
        }

    async def _call(
        self,
        method: str,
        path: str,
        who: Identity | None,
        *,
        json: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout = REQUEST_TIMEOUT,
    ) -> httpx.Response:
        headers = {**(headers or {}), **(self._headers(who) if who is not None else {})}
        try:
            answer = await self._http.request(
                method, self._base_url + path, json=json, headers=headers, timeout=timeout
            )
        except httpx.ReadTimeout:
            raise _silent() from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise _unreachable() from None
        if answer.is_success:
            return answer
        raise _error(answer)


@contextmanager
def own_refusals() -> Iterator[None]:
    """A token that the gateway refuses is this installation's fault: the browser must not think it is signed out."""
    try:
        yield
    except Unauthorized:
        raise Unavailable(
            "The gateway refused this app's token. Both must have the same AUTH_SECRET; contact your administrator.",
            code="gateway_refused",
        ) from None


def _direct(limits: httpx.Limits) -> httpx.AsyncClient:
    """With a transport of its own, httpx sends nothing through a proxy that the environment names for the outside."""
    return httpx.AsyncClient(timeout=REQUEST_TIMEOUT, transport=httpx.AsyncHTTPTransport(limits=limits))


def _unreachable() -> Unavailable:
    return Unavailable(
        "The WhatsApp gateway can't be reached. Check that the gateway service is running.", code="gateway_unreachable"
    )


def _silent() -> Unavailable:
    return Unavailable(
        "The WhatsApp gateway doesn't answer: it hangs, or its machine has too much to do. If it stays so, restart the "
        "gateway service.",
        code="gateway_silent",
    )


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
        status_code=item.get("statusCode"),
    )


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _part(value: str) -> str:
    """One path segment: a JID's `@`, `:` and anything else stay inside it."""
    return quote(value, safe="")
