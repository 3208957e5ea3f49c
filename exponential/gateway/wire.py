"""What supervisor and worker say to each other: typed commands and events, as length-prefixed JSON on a socket pair.

A frame is 4 bytes length (big-endian), then one JSON object whose `is` names the class below.
"""

import dataclasses
import json
import struct
from dataclasses import dataclass
from typing import Any

_LENGTH = struct.Struct(">I")
MAX_FRAME = 4 * 1024 * 1024  # bytes; a message of 65,536 characters is far below


@dataclass(frozen=True)
class Account:
    """The WhatsApp account of a linked session: bare JIDs without device, e.g. "49…@s.whatsapp.net", "1…@lid"."""

    jid: str
    lid: str = ""


@dataclass(frozen=True)
class Inbound:
    """A message from WhatsApp as the spool keeps it. `sent_at` is Unix time in milliseconds."""

    message_id: str
    chat: str
    sender: str
    sender_name: str
    from_me: bool
    kind: str
    text: str
    sent_at: int

    def to_bytes(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Inbound":
        return cls(**json.loads(data))


# Commands, supervisor → worker.


@dataclass(frozen=True)
class Configure:
    """The first frame: the key that seals spool records, in hex."""

    spool_key: str


@dataclass(frozen=True)
class Open:
    """Run the client whose files are in `folder`: log in when it is linked, else show QR codes."""

    session: str
    folder: str


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
    """Send `text` to the chat with this JID. Answered with the WhatsApp message id."""

    session: str
    request: int
    chat: str
    text: str


@dataclass(frozen=True)
class Typing:
    """Show or hide "typing…". Answered."""

    session: str
    request: int
    chat: str
    on: bool


# Events, worker → supervisor.


@dataclass(frozen=True)
class Ready:
    """The client library is loaded; commands are welcome."""


@dataclass(frozen=True)
class Code:
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
    """WhatsApp ended this session: no reconnect helps. `cause` is a key of sessions.ENDINGS."""

    session: str
    cause: str


@dataclass(frozen=True)
class Spooled:
    """The session's spool has something new."""

    session: str


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


Command = Configure | Open | Close | Unlink | Send | Typing
Event = Ready | Code | PairingEnded | Online | Offline | Ended | Spooled | Receipt | Answer
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (*Command.__args__, *Event.__args__)}


def pack(item: Command | Event) -> bytes:
    """One frame, ready to write."""
    body = json.dumps({"is": type(item).__name__, **dataclasses.asdict(item)}, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def body_length(prefix: bytes) -> int:
    """Length of the frame body after these 4 bytes. Raises ValueError when no frame is that long."""
    (length,) = _LENGTH.unpack(prefix)
    if length > MAX_FRAME:
        raise ValueError(f"A frame of {length} bytes can't come from our own process.")
    return int(length)


def unpack(body: bytes) -> Any:
    """The command or event in a frame body."""
    fields = json.loads(body)
    kind = _KINDS[fields.pop("is")]
    if kind is Online:
        fields["account"] = Account(**fields["account"])
    return kind(**fields)
