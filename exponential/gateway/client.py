"""Typed HTTP client of the gateway, for the app. Each call speaks for one user through a JWT of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.core.errors import BadInput, Conflict, ExponentialError, NotFound, Unauthorized, Unavailable
from exponential.core.validation import problems
from exponential.gateway.reply_prefix import REPLY_PREFIX
from exponential.gateway.schema import (
    AccessNow,
    Group,
    GroupList,
    Health,
    LoginStatus,
    MessageState,
    MessageStatus,
    NewMessage,
    OwnNumber,
    OwnNumbers,
    PairingCode,
    PairingRequest,
    Parked,
    ParkedList,
    Passkey,
    PasskeyAnswer,
    Proof,
    Reaction,
    Read,
    Request,
    Retried,
    SessionId,
    SessionInfo,
    SessionList,
    Shown,
    Typing,
    Unlinked,
)

REQUEST_TIMEOUT = httpx.Timeout(15.0, connect=3.0)  # seconds; DELETE waits for the phone's answer
SHORT_TIMEOUT = httpx.Timeout(3.0)  # seconds, for what the gateway knows by itself and a page waits for
PASSKEY_TIMEOUT = httpx.Timeout(30.0, connect=3.0)  # WhatsApp is asked three times
CALLS = httpx.Limits(max_connections=100, max_keepalive_connections=20)
STREAM_LIMITS = httpx.Limits(max_connections=500)  # one of each user who has a page open
AnswerT = TypeVar("AnswerT", bound=BaseModel)
RequestT = TypeVar("RequestT", bound=Request)
SILENCE_SECONDS = 3.0  # without a heartbeat, which comes every second, after which a stream is dead
_ERRORS: dict[int, type[ExponentialError]] = {
    400: BadInput,
    401: Unauthorized,
    404: NotFound,
    409: Conflict,
    413: BadInput,
    422: BadInput,
}


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
        return (await self._ask(SessionId, "POST", "/login", who)).session_id

    async def qr(self, who: Identity, session_id: str) -> bytes:
        """The current QR code as PNG. Raises Unavailable (no code yet), NotFound, or Conflict (already connected)."""
        return (await self._call("GET", f"/login/{_part(session_id)}/qr", who, timeout=SHORT_TIMEOUT)).content

    async def login_status(self, who: Identity, session_id: str) -> LoginStatus:
        path = f"/login/{_part(session_id)}/status"
        return await self._ask(LoginStatus, "GET", path, who, timeout=SHORT_TIMEOUT)

    async def restart(self, who: Identity, session_id: str) -> None:
        """Ask for fresh QR codes in the same session. Raises Conflict when it is connected already."""
        await self._call("POST", f"/login/{_part(session_id)}/restart", who)

    async def pairing_code(self, who: Identity, session_id: str, phone: str) -> PairingCode:
        """A code to type on the phone with this number. Raises BadInput, Conflict (not pending) or Unavailable."""
        path = f"/login/{_part(session_id)}/code"
        return await self._ask(PairingCode, "POST", path, who, _body(PairingRequest, phoneNumber=phone))

    async def passkey(self, who: Identity, session_id: str) -> Passkey:
        """What the account's passkey is asked. Raises Conflict when it isn't."""
        path = f"/login/{_part(session_id)}/passkey"
        return await self._ask(Passkey, "GET", path, who, timeout=SHORT_TIMEOUT)

    async def answer_passkey(self, who: Identity, session_id: str, credential: Any) -> None:
        """Hand in the passkey's answer (PublicKeyCredential.toJSON()). Raises BadInput, Conflict or Unavailable."""
        path = f"/login/{_part(session_id)}/passkey"
        await self._call("POST", path, who, _body(PasskeyAnswer, credential=credential), timeout=PASSKEY_TIMEOUT)

    async def confirm_codes(self, who: Identity, session_id: str) -> None:
        """The person has seen the same code in both places. Raises Conflict or Unavailable."""
        path = f"/login/{_part(session_id)}/passkey"
        await self._call("POST", path, who, _body(PasskeyAnswer, codesMatch=True), timeout=PASSKEY_TIMEOUT)

    async def sessions(self, who: Identity) -> list[SessionInfo]:
        """All sessions of `who`, oldest first."""
        return (await self._ask(SessionList, "GET", "/sessions", who, timeout=SHORT_TIMEOUT)).sessions

    async def session(self, who: Identity, session_id: str) -> SessionInfo:
        path = f"/sessions/{_part(session_id)}"
        return await self._ask(SessionInfo, "GET", path, who, timeout=SHORT_TIMEOUT)

    async def disconnect(self, who: Identity, session_id: str) -> bool:
        """Unlink the device on the phone and forget the session. False: the phone will be told as soon as it can be."""
        return (await self._ask(Unlinked, "DELETE", f"/sessions/{_part(session_id)}", who)).unlinked

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
                        yield _parsed(SessionList, line[5:]).sessions
        except httpx.ReadTimeout:
            raise _silent() from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise _unreachable() from None

    async def groups(self, who: Identity, session_id: str) -> list[Group]:
        """The account's groups. Raises Unavailable while it isn't connected."""
        return (await self._ask(GroupList, "GET", f"/sessions/{_part(session_id)}/groups", who)).groups

    async def send(
        self,
        who: Identity,
        session_id: str,
        chat: str,
        text: str,
        *,
        key: str,
        prefixed: bool = False,
        reply_to: str | None = None,
        owner_only: bool = False,
    ) -> str:
        """Queue `text` to the chat with JID `chat`; its message id. The same `key` never sends twice.

        `prefixed`: it begins as replies of the assistant do. `reply_to`: the WhatsApp id of the message to quote. With
        `owner_only` it goes to no chat but the account's own and the owner's proved numbers'. Raises BadInput with code
        `chat_not_allowed`; Conflict with `not_linked`, or `chat_paused` while a human answers there by hand.
        """
        # Not in the body: a gateway of an earlier version refuses fields that it doesn't know.
        query = "?ownerOnly=true" if owner_only else ""
        path = f"/sessions/{_part(session_id)}/messages{query}"
        text = REPLY_PREFIX + text if prefixed else text
        message = _body(NewMessage, chat=chat, text=text, replyTo=reply_to or None)
        return (await self._ask(MessageState, "POST", path, who, message, {"Idempotency-Key": key})).message_id

    async def message(self, who: Identity, session_id: str, message_id: str) -> str:
        """queued, sending, sent, delivered, read or failed."""
        return (await self._message(who, session_id, message_id)).status

    async def sent_at(self, who: Identity, session_id: str, message_id: str) -> datetime | None:
        """When a message left for WhatsApp; None while it waits."""
        return (await self._message(who, session_id, message_id)).sent_at

    async def _message(self, who: Identity, session_id: str, message_id: str) -> MessageStatus:
        path = f"/sessions/{_part(session_id)}/messages/{_part(message_id)}"
        return await self._ask(MessageStatus, "GET", path, who)

    async def typing(self, who: Identity, session_id: str, chat: str, on: bool) -> None:
        """Show or hide "typing…" in a chat. It ends by itself after 20 seconds unless it is shown again."""
        await self._call(
            "PUT", f"/sessions/{_part(session_id)}/chats/{_part(chat)}/typing", who, _body(Typing, typing=on)
        )

    async def read(self, who: Identity, session_id: str, chat: str, message_ids: list[str]) -> bool:
        """Confirm messages as read. False when the owner has switched that off, or WhatsApp was away."""
        path = f"/sessions/{_part(session_id)}/chats/{_part(chat)}/read"
        return (await self._ask(Shown, "PUT", path, who, _body(Read, messageIds=message_ids))).shown

    async def react(self, who: Identity, session_id: str, chat: str, message_id: str, emoji: str) -> bool:
        """Put an emoji to a message, or take it back (""). False when the owner doesn't want reactions."""
        path = f"/sessions/{_part(session_id)}/chats/{_part(chat)}/reactions"
        return (await self._ask(Shown, "POST", path, who, _body(Reaction, messageId=message_id, emoji=emoji))).shown

    async def access(self, who: Identity, session_id: str) -> dict[str, Any]:
        """Who may talk to the assistant: mode, people, groups, reactions, readReceipts (docs/gateway-api.md)."""
        path = f"/sessions/{_part(session_id)}"
        return (await self._ask(AccessNow, "GET", path, who, timeout=SHORT_TIMEOUT)).access.as_json()

    async def change_access(self, who: Identity, session_id: str, **changes: Any) -> dict[str, Any]:
        """Change some of it; all of it as it is now. Raises BadInput."""
        path = f"/sessions/{_part(session_id)}"
        return (await self._ask(AccessNow, "PATCH", path, who, {"access": changes})).access.as_json()

    async def prove(self, who: Identity, session_id: str) -> tuple[str, datetime]:
        """A one-time code to text from one's own phone to the linked number, and when it ends. Raises Conflict."""
        proof = await self._ask(Proof, "POST", f"/sessions/{_part(session_id)}/proofs", who)
        return proof.code, proof.expires_at

    async def proved(self, who: Identity, session_id: str) -> list[OwnNumber]:
        """The numbers that are proved to be the owner's own."""
        path = f"/sessions/{_part(session_id)}/proofs"
        return (await self._ask(OwnNumbers, "GET", path, who, timeout=SHORT_TIMEOUT)).numbers

    async def disown(self, who: Identity, session_id: str, proof_id: str) -> None:
        """The number is a contact like any other again. Raises NotFound."""
        await self._call("DELETE", f"/sessions/{_part(session_id)}/proofs/{_part(proof_id)}", who)

    async def parked(self, who: Identity, session_id: str) -> list[Parked]:
        """Messages that were set aside because the app couldn't take them, oldest first."""
        path = f"/sessions/{_part(session_id)}/parked"
        return (await self._ask(ParkedList, "GET", path, who, timeout=SHORT_TIMEOUT)).parked

    async def retry_parked(self, who: Identity, session_id: str) -> int:
        """Have them handed over again; how many."""
        return (await self._ask(Retried, "POST", f"/sessions/{_part(session_id)}/parked/retry", who)).retried

    async def health(self) -> Health:
        return await self._ask(Health, "GET", "/health", None, timeout=SHORT_TIMEOUT)

    def _headers(self, who: Identity) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {service_tokens.issue(who, secret=self._secret, audience=service_tokens.GATEWAY)}"
        }

    async def _ask(
        self,
        kind: type[AnswerT],
        method: str,
        path: str,
        who: Identity | None,
        body: Request | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: httpx.Timeout = REQUEST_TIMEOUT,
    ) -> AnswerT:
        return _parsed(kind, (await self._call(method, path, who, body, headers, timeout=timeout)).content)

    async def _call(
        self,
        method: str,
        path: str,
        who: Identity | None,
        body: Request | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: httpx.Timeout = REQUEST_TIMEOUT,
    ) -> httpx.Response:
        headers = {**(headers or {}), **(self._headers(who) if who is not None else {})}
        json = body.as_json() if isinstance(body, Request) else body
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


def _body(kind: type[RequestT], **fields: Any) -> RequestT:
    """Raises BadInput for what the gateway would refuse."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise BadInput(f"The request can't be understood. {problems(error.errors())}.") from None


def _parsed(kind: type[AnswerT], answer: bytes | str) -> AnswerT:
    try:
        return kind.model_validate_json(answer)
    except ValidationError:
        raise Unavailable(
            "What answers in place of the WhatsApp gateway isn't one, or is of another version. Check "
            "WHATSAPP_GATEWAY_URL.",
            code="gateway_error",
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


def _part(value: str) -> str:
    """One path segment: a JID's `@`, `:` and anything else stay inside it."""
    return quote(value, safe="")
