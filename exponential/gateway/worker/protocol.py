"""What supervisor and worker say to each other: typed commands and events, as length-prefixed JSON on a socket pair.

A frame is two lengths of 4 bytes (big-endian), then one JSON object whose `is` names the class below, then the value of
its field of bytes, if it has one.
"""

import dataclasses
import json
import struct
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_LENGTHS = struct.Struct(">II")
HEADER_BYTES = _LENGTHS.size
MAX_FRAME_BYTES = 4 * 1024 * 1024  # of JSON; a message of 65,536 characters is far below
MAX_DATA_BYTES = 2**30  # as large as a store can get


class TooLong(ValueError):
    """What is to be said doesn't fit into a frame."""


@dataclass(frozen=True)
class Account:
    """The WhatsApp account of a linked session: bare JIDs without device, e.g. "49…@s.whatsapp.net", "1…@lid"."""

    jid: str
    lid: str = ""


@dataclass(frozen=True)
class Inbound:
    """A message from WhatsApp as the spool keeps it. `sent_at` is Unix time in milliseconds.

    `alt` is the other address (LID or number), if known, of the sender, or of the recipient of what we wrote;
    `addressed` are the accounts that the message mentions or quotes; `media` is a media.MediaReference as JSON, of a
    message with a file. `forwarded`: somebody else's words, passed on. `quoted` is what it replies to: {"id", "text"}.
    """

    message_id: str
    chat: str
    sender: str
    sender_name: str
    from_me: bool
    kind: str
    text: str
    sent_at: int
    alt: str = ""
    addressed: list[str] = field(default_factory=list)
    media: dict[str, Any] | None = None
    forwarded: bool = False
    quoted: dict[str, str] | None = None

    def to_bytes(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), separators=(",", ":")).encode()

    def about(self, kind: str, text: str = "") -> "Inbound":
        """What is kept instead of a message whose words nobody needs: that it came, when, where and from whom."""
        return dataclasses.replace(
            self, kind=kind, text=text, sender_name="", addressed=[], media=None, forwarded=False, quoted=None
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Inbound":
        return cls(**json.loads(data))


@dataclass(frozen=True)
class Original:
    """A message that came, as WhatsApp wants it named: `chat` and `sender` as they were addressed, bare."""

    id: str
    chat: str
    sender: str
    from_me: bool
    text: str

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


# Commands, supervisor → worker.


@dataclass(frozen=True)
class Configure:
    """The first frame: the key that seals spool records, in hex."""

    spool_key: str


@dataclass(frozen=True)
class Open:
    """Run the client whose files are in `folder`: log in when it is linked, else show QR codes.

    `policy` is a Policy as JSON: who may be heard. `store` names this copy of its credentials, an SQLite file with this
    content. `own_linking`: a device is linked by our own client, as the library can't do it with a passkey.
    """

    session: str
    folder: str
    policy: dict[str, Any] = field(default_factory=dict)
    store: str = ""
    own_linking: bool = False
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class StoreKept:
    """What this store told of last is safe, or was refused: another copy of it counts now."""

    session: str
    store: str
    kept: bool


@dataclass(frozen=True)
class SetPolicy:
    """From now on this policy says who may be heard. Answered."""

    session: str
    request: int
    policy: dict[str, Any]


@dataclass(frozen=True)
class Close:
    """Stop the client; its credentials stay."""

    session: str


@dataclass(frozen=True)
class Unlink:
    """Remove this device from the account on the phone, then stop. Answered."""

    session: str
    request: int


@dataclass(frozen=True)
class Send:
    """Send `text` to the chat with this JID, beneath the Original `quote`, if any. Answered with the WhatsApp id.

    Before the message leaves, its WhatsApp id is told with Leaving; it leaves with Leave for this `message`.
    """

    session: str
    request: int
    message: str
    chat: str
    text: str
    quote: dict[str, Any] | None = None


@dataclass(frozen=True)
class Leave:
    """The id of this `message` is recorded: it may leave. Or it is `kept_back`: another node sends it."""

    session: str
    message: str
    kept_back: bool = False


@dataclass(frozen=True)
class Recorded:
    """What the receipts for these messages (WhatsApp ids) say is recorded."""

    session: str
    message_ids: list[str]


@dataclass(frozen=True)
class MarkRead:
    """Confirm messages of one sender as read. Answered."""

    session: str
    request: int
    chat: str
    sender: str
    message_ids: list[str]


@dataclass(frozen=True)
class React:
    """Put an emoji to the Original, or take it back (""). Answered."""

    session: str
    request: int
    original: dict[str, Any]
    emoji: str


@dataclass(frozen=True)
class Typing:
    """Show or hide "typing…". Answered."""

    session: str
    request: int
    chat: str
    on: bool


@dataclass(frozen=True)
class Fetch:
    """Fetch the file of a `message` (WhatsApp id), a media.MediaReference of up to `limit` bytes, into the session's
    folder.

    Answered once it lies there, sealed with the spool's key.
    """

    session: str
    request: int
    message: str
    kind: str
    media: dict[str, Any]
    limit: int


@dataclass(frozen=True)
class PairingCode:
    """Ask WhatsApp for a code to type on the phone with this number (digits). Answered with JSON: [code, seconds]."""

    session: str
    request: int
    phone: str


@dataclass(frozen=True)
class PasskeyAnswer:
    """What the account's passkey answered: WebAuthn's PublicKeyCredential as JSON. Answered."""

    session: str
    request: int
    credential: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class CodesMatch:
    """The person has seen the same code here and on the phone. Answered."""

    session: str
    request: int


@dataclass(frozen=True)
class Groups:
    """Which groups is the account in? Answered with a JSON list of [JID, subject, number of participants]."""

    session: str
    request: int


# Events, worker → supervisor.


@dataclass(frozen=True)
class StoreChanged:
    """These pages of a store, `size` bytes long now, are to be kept, as they are after transaction `generation`.

    `data` is one after the other. Answered by StoreKept; until then that store tells of no more.
    """

    session: str
    store: str
    generation: int
    size: int
    pages: list[int]
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Ready:
    """The client library is loaded; commands are welcome."""


@dataclass(frozen=True)
class QrCode:
    """A QR code to show for `seconds`."""

    session: str
    code: str
    seconds: int


@dataclass(frozen=True)
class PairingEnded:
    """Linking is over without success; `outcome` is whatsmeow's word for it, or "exhausted"."""

    session: str
    outcome: str


@dataclass(frozen=True)
class PasskeyWanted:
    """The account wants a passkey, so the session shall be opened anew, with `own_linking`."""

    session: str


@dataclass(frozen=True)
class PasskeyAsked:
    """The account wants its passkey: PublicKeyCredentialRequestOptions as JSON, good for `seconds`."""

    session: str
    options: dict[str, Any] = field(repr=False)
    seconds: int


@dataclass(frozen=True)
class PasskeyCode:
    """A code to be compared with the one that the phone shows."""

    session: str
    code: str = field(repr=False)


@dataclass(frozen=True)
class Online:
    """Logged in at WhatsApp."""

    session: str
    account: Account


@dataclass(frozen=True)
class Offline:
    """The connection is gone and will be tried again. `reason` is for people."""

    session: str
    reason: str


@dataclass(frozen=True)
class Ended:
    """WhatsApp ended this session: no reconnect helps. `cause` is a key of reasons.ENDINGS."""

    session: str
    cause: str


@dataclass(frozen=True)
class ClientStopped:
    """The client stopped by itself and shall be started again, from what is kept of its store."""

    session: str


@dataclass(frozen=True)
class Spooled:
    """The session's spool has something new."""

    session: str


@dataclass(frozen=True)
class SpoolFailed:
    """Messages can't be kept, so WhatsApp isn't told that we have them. Over with the next Online."""

    session: str
    reason: str


@dataclass(frozen=True)
class Leaving:
    """The `message` of a Send is about to leave under this WhatsApp id."""

    session: str
    message: str
    whatsapp_id: str


@dataclass(frozen=True)
class Receipt:
    """Messages we sent were `delivered` or `read`."""

    session: str
    message_ids: list[str]
    status: str


@dataclass(frozen=True)
class Answer:
    """Result of a command with a `request` number. `error` is None when it worked."""

    request: int
    result: str = ""
    error: str | None = None


Command = (
    Configure | Open | SetPolicy | StoreKept | Close  # the worker's own business
    | Unlink | Send | Leave | Recorded | MarkRead | React | Typing | Fetch | PairingCode | Groups
    | PasskeyAnswer | CodesMatch
)  # fmt: skip
Event = (
    Ready | QrCode | PairingEnded | PasskeyWanted | PasskeyAsked | PasskeyCode  # how linking goes
    | Online | Offline | Ended | ClientStopped  # how a client is
    | Spooled | SpoolFailed | Leaving | Receipt | StoreChanged | Answer
)  # fmt: skip
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (*Command.__args__, *Event.__args__)}
_DATA_FIELDS: dict[type[Any], str] = {
    kind: field.name for kind in _KINDS.values() for field in dataclasses.fields(kind) if field.type is bytes
}


class Header(NamedTuple):
    """What stands before each frame: how many bytes of JSON and of data follow."""

    json: int
    data: int

    @classmethod
    def read(cls, header: bytes) -> "Header":
        return cls(*_LENGTHS.unpack(header))

    @property
    def total(self) -> int:
        return self.json + self.data

    @property
    def too_long(self) -> bool:
        """Whether this frame is to be read over."""
        return self.json > MAX_FRAME_BYTES or self.data > MAX_DATA_BYTES


def pack(item: Command | Event) -> bytes:
    """One frame, ready to write. Raises TooLong."""
    fields = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    data = fields.pop(_DATA_FIELDS.get(type(item), ""), b"")
    body = json.dumps({"is": type(item).__name__, **fields}, default=dataclasses.asdict, separators=(",", ":")).encode()
    if (header := Header(len(body), len(data))).too_long:
        raise TooLong(f"{type(item).__name__} has {header.total} bytes.")
    return b"".join((_LENGTHS.pack(*header), body, data))


def unpack(header: Header, frame: bytes) -> Any:
    """The command or event in a frame of `header.total` bytes."""
    fields = json.loads(frame[: header.json])
    kind = _KINDS[fields.pop("is")]
    if kind is Online:
        fields["account"] = Account(**fields["account"])
    if kind in _DATA_FIELDS:
        fields[_DATA_FIELDS[kind]] = frame[header.json :]
    return kind(**fields)
