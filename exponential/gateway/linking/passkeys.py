"""Use-cases of linking an account with a passkey: what it is asked, its answer, and the codes that were compared."""

import json
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

from fido2.utils import websafe_decode

from exponential.core import clock
from exponential.core.database import Database
from exponential.core.errors import BadInput, Conflict, Unavailable
from exponential.gateway.cluster.rpc import NodeRpc
from exponential.gateway.messages.sender import SendFailed
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.supervisor import Supervisor
from exponential.protocol.passkey import ORIGIN

MAX_VALUE_BYTES = 16 * 1024  # of one value of an answer
_TYPE = "public-key"


class Passkeys:
    """Each call is a user's about a session of theirs, and raises NotFound when it isn't."""

    def __init__(self, database: Database, supervisor: Supervisor, rpc: NodeRpc) -> None:
        self._database = database
        self._supervisor = supervisor
        self._answer_passkey = rpc.at_client("answer_passkey", self._answer_here)
        self._confirm_codes = rpc.at_client("confirm_codes", self._confirm_here)

    async def waiting(self, owner: str, session_id: str) -> Session:
        """The session, which waits for its account's passkey. Raises Conflict when it doesn't."""
        async with self._database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
        if session.passkey_step is None:
            raise Conflict(f"WhatsApp doesn't ask for a passkey now. {session.reason}", code="passkey_not_asked")
        return session

    async def answer(self, owner: str, session_id: str, credential: Any) -> None:
        """Hand WhatsApp what the passkey answered: WebAuthn's PublicKeyCredential as JSON.

        Raises BadInput when it can't be the answer, Conflict when none is asked for or WhatsApp refuses it, or
        Unavailable.
        """
        session = await self.waiting(owner, session_id)
        if session.passkey_step != sessions.SIGN or session.passkey is None:
            raise _answered()
        if session.passkey_expires_at is None or session.passkey_expires_at < clock.now():
            raise _expired()
        answer = checked(credential, session.passkey["options"])
        await self._tell(session, self._answer_passkey(session.id, credential=answer))

    async def confirm(self, owner: str, session_id: str) -> None:
        """The person says that the codes are the same. Raises Conflict or Unavailable."""
        session = await self.waiting(owner, session_id)
        if session.passkey_step != sessions.COMPARE:
            raise Conflict(f"There is no code to compare. {session.reason}", code="passkey_not_asked")
        await self._tell(session, self._confirm_codes(session.id))

    async def _tell(self, session: Session, question: Awaitable[str]) -> None:
        try:
            await _done(question)
        except Conflict as error:
            if error.code == "passkey_answered":
                await self._sent(session)
            raise
        await self._sent(session)

    async def _sent(self, session: Session) -> None:
        async with self._database.transaction() as db:
            await sessions.passkey_sent(db, session.id, session.passkey)

    async def _answer_here(self, session_id: UUID, credential: dict[str, Any]) -> None:
        await self._supervisor.answer_passkey(session_id, credential)

    async def _confirm_here(self, session_id: UUID) -> None:
        await self._supervisor.confirm_codes(session_id)


def checked(credential: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The credential as WhatsApp takes it (whatsmeow types/passkey.go), if it answers these request options.

    WhatsApp checks the signature; what the person can mend is found here. Raises BadInput.
    """
    try:
        given = credential["response"]
        names = ("clientDataJSON", "authenticatorData", "signature")
        response = {name: _base64url(given[name]) for name in names}
        handle = given.get("userHandle")
        answer = {
            "id": _base64url(credential["id"]),
            "rawId": _base64url(credential.get("rawId", credential["id"])),
            "type": credential["type"],
            "response": {**response, "userHandle": None if handle is None else _base64url(handle)},
        }
        client_data = json.loads(_bytes(response["clientDataJSON"]))
        challenge, origin, kind = (client_data[name] for name in ("challenge", "origin", "type"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadInput(
            "This isn't the answer of a passkey, or not all of it. Copy the whole answer and try again.",
            code="passkey_invalid",
        ) from None
    if answer["type"] != _TYPE or kind != "webauthn.get":
        raise BadInput("This isn't the answer of a passkey to a sign-in. Try again.", code="passkey_invalid")
    if origin != ORIGIN:
        raise BadInput(
            "The passkey was confirmed on another site. It counts only on web.whatsapp.com; try again there.",
            code="passkey_wrong_site",
        )
    if challenge != options["challenge"]:
        raise BadInput(
            "This is the answer to an earlier question. Take the question that is shown now, and try again.",
            code="passkey_stale",
        )
    allowed = options.get("allowCredentials")
    if allowed and answer["id"] not in [each.get("id") for each in allowed]:
        raise BadInput(
            "This passkey belongs to another WhatsApp account. Choose the passkey of the phone that scanned the code.",
            code="passkey_of_another",
        )
    return answer


def _base64url(value: Any) -> str:
    """The value without padding. Raises ValueError."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_VALUE_BYTES:
        raise ValueError
    _bytes(value)
    return value.rstrip("=")


def _bytes(text: str) -> bytes:
    if not text.isascii() or set(text) & set("+/"):
        raise ValueError
    return websafe_decode(text.rstrip("="))


def _expired() -> Conflict:
    return Conflict("The time to confirm with the passkey is over. Start over with a new code.", code="passkey_expired")


def _answered() -> Conflict:
    return Conflict("The passkey was confirmed already; WhatsApp goes on with it.", code="passkey_answered")


async def _done(question: Awaitable[str]) -> None:
    try:
        await question
    except Unavailable as error:
        if error.code != "not_connected":
            raise
        raise Conflict(
            "The connection on which WhatsApp asked for the passkey is gone. Start over with a new code.",
            code="passkey_not_asked",
        ) from None
    except SendFailed as error:
        if str(error) in ("late", "answered"):
            raise (_expired() if str(error) == "late" else _answered()) from None
        raise Conflict(
            "WhatsApp did not accept this passkey. Try again with the account's own passkey, or start over.",
            code="passkey_refused",
        ) from None
