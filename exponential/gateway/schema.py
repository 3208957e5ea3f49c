"""What is said over the gateway's HTTP API, in both directions: its routes and its client have these shapes from here.

The contract is docs/gateway-api.md. Names are camelCase on the wire, times are ISO 8601 with an offset.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StrictBool
from pydantic.alias_generators import to_camel

Moment = Annotated[datetime, PlainSerializer(datetime.isoformat, return_type=str, when_used="json")]


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    def as_json(self) -> dict[str, Any]:
        """As it is on the wire."""
        return self.model_dump(mode="json", by_alias=True)


class Request(_Shape):
    """A request's body: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)

    def as_json(self) -> dict[str, Any]:
        """Without what isn't said: a gateway of an earlier version refuses fields that it doesn't know."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)


class SessionState(_Shape):
    """How a session is. `phone_number` is "+49…" once known.

    `status_code` is the reason as a word; None when there is none for it. The original gateway doesn't tell it, nor
    since when the status is what it is.
    """

    connected: bool
    phone_number: str | None
    status: str
    status_reason: str | None
    status_code: str | None = None
    status_since: Moment | None = None


class SessionInfo(SessionState):
    """One WhatsApp session of the caller."""

    session_id: str
    created_at: Moment
    connected_at: Moment | None


class SessionList(_Shape):
    sessions: list[SessionInfo]


class Access(_Shape):
    """Who may talk to the assistant (docs/access.md)."""

    mode: str
    people: list[str]
    groups: str
    reactions: bool
    read_receipts: bool


class AccessNow(_Shape):
    access: Access


class SessionWithAccess(SessionInfo):
    access: Access


class SessionId(_Shape):
    session_id: str


class LoginStatus(SessionState):
    """How far a login is."""

    qr_available: bool
    qr_expires_at: Moment | None
    passkey_required: bool = False


class QrCode(_Shape):
    code: str | None
    expires_at: Moment | None


class PairingRequest(Request):
    phone_number: str = Field(alias="phoneNumber", max_length=40)


class PairingCode(_Shape):
    """ "ABCD-EFGH", to type on the phone until `expires_at`."""

    code: str
    expires_at: Moment


class Passkey(_Shape):
    """How far confirming with a passkey is.

    `step` is "sign" (these WebAuthn request options, until `expires_at`), "sent", or "compare" (this code with the
    phone's).
    """

    step: str | None
    options: dict[str, Any] | None
    code: str | None
    expires_at: Moment | None


class PasskeyAnswer(Request):
    """One of the two: the browser's PublicKeyCredential.toJSON(), or that the codes are the same."""

    credential: Any = None
    codes_match: bool = Field(False, alias="codesMatch")


class Group(_Shape):
    """A WhatsApp group of the account, with the number of its participants."""

    jid: str
    subject: str
    participants: int


class GroupList(_Shape):
    groups: list[Group]


class Unlinked(_Shape):
    """`unlinked`: the device is off the phone already. The original gateway doesn't say."""

    success: bool = True
    unlinked: bool = True


class Done(_Shape):
    success: bool = True


class NewMessage(Request):
    """`reply_to` is the WhatsApp id of the message to quote."""

    chat: str
    text: str
    reply_to: str | None = Field(None, alias="replyTo", max_length=128)


class MessageState(_Shape):
    """`status` is queued, sending, sent, delivered, read or failed."""

    message_id: str
    status: str


class MessageStatus(MessageState):
    status_reason: str | None = None
    sent_at: Moment | None = None
    delivered_at: Moment | None = None
    read_at: Moment | None = None


class Typing(Request):
    typing: StrictBool


class Read(Request):
    message_ids: list[str] = Field(alias="messageIds")


class Reaction(Request):
    message_id: str = Field(alias="messageId")
    emoji: str


class Shown(_Shape):
    shown: bool


class Proof(_Shape):
    """A one-time code to text from one's own phone to the linked number."""

    code: str
    expires_at: Moment


class OwnNumber(_Shape):
    """A number that its owner has proved. `phone_number` is None when WhatsApp tells only a LID; `chat` is the JID to
    write to, None when an older gateway doesn't tell it."""

    id: str
    phone_number: str | None
    chat: str | None = None
    proved_at: Moment


class OwnNumbers(_Shape):
    """`open_until`: until when a code that was asked for can be texted."""

    numbers: list[OwnNumber]
    open_until: Moment | None = None


class Parked(_Shape):
    """A message that the app couldn't take, and why."""

    message_id: str
    reason: str | None
    waiting_since: Moment


class ParkedList(_Shape):
    parked: list[Parked]


class Retried(_Shape):
    retried: int


class Health(_Shape):
    """Whether the gateway is well, and whether it talks to WhatsApp or to the loopback server."""

    ok: bool
    mode: Literal["whatsapp", "loopback"]
