"""What the lines of a WhatsApp client's log mean: whatsmeow logs every stanza, and what becomes of each message.

Sources: whatsmeow client.go (handleFrame, sendNodeAndGetData), message.go (decryptMessages), receipt.go
(sendMessageReceipt), connectionevents.go (handleStreamError, handleConnectFailure), binary/xml.go (XMLString:
attributes sorted by name), client.go (onDisconnect).
"""

import re
from dataclasses import dataclass, field

_TAG = re.compile(r"<(\w+)([^>]*)")
_ATTRIBUTE = re.compile(r' (id|type|class|xmlns)="([^"]*)"')
_FAILURE = re.compile(r'<failure [^>]*\breason="(?P<reason>\d+)"')
_STREAM_ERROR = re.compile(
    r'<stream:error(?=[^>]*\bcode="(?P<code>\d+)"|)[^>]*>(?:.*<conflict [^>]*\btype="(?P<conflict>\w+)")?', re.DOTALL
)
# Why WhatsApp refuses a login (whatsmeow types/events, ConnectFailureReason); 401, 403 and 406 log the device out.
_REFUSALS = {"401": "logged_out", "402": "banned", "403": "account_locked", "405": "outdated", "406": "account_banned"}
_COME_LATER = ("500", "503")
_CONFLICTS = {"device_removed": "logged_out", "replaced": "replaced"}
# Receipts that acknowledge a message; others speak of earlier ones.
_ACKNOWLEDGING = ("", "inactive", "sender", "peer_msg")
# The client's words for parts of a message that will not come: one that came before; one that can't be opened, after
# which it leaves the rest of the stanza; a message without any.
_NOT_OPENED = re.compile(
    r"(?P<how>Ignoring|Error decrypting|Unavailable) message (?P<id>\S+) from (?P<why>.*)", re.DOTALL
)
# The store's fault, not the message's: SQLite's and database/sql's words in what whatsmeow says of a failed decryption.
_STORE_FAILED = re.compile(
    r"\b(?:database|disk|sql|driver|context canceled|context deadline|interrupted)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Stanza:
    """A stanza's tag, the first value of each attribute that matters here, and how many encrypted parts it has."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    parts: int = 0
    links: bool = False  # it completes the linking of a device

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")

    @property
    def acknowledges(self) -> bool:
        """Whether WhatsApp takes it for the word that a message has arrived here."""
        if self.tag == "receipt":
            return self.attributes.get("type", "") in _ACKNOWLEDGING
        return self.tag == "ack" and self.attributes.get("class") == "message"

    @property
    def acknowledges_receipt(self) -> bool:
        return self.tag == "ack" and self.attributes.get("class") == "receipt"

    @property
    def is_remembered(self) -> bool:
        """Whether WhatsApp, or a phone, remembers it: what it rests on must not be forgotten here."""
        return (
            self.acknowledges
            or self.links
            or self.tag in ("message", "receipt")
            or self.attributes.get("xmlns") == "encrypt"
        )


@dataclass(frozen=True)
class Farewell:
    """WhatsApp ends the connection. `cause` says why the session is over, a key of reasons.ENDINGS; "": it isn't.

    `restart`: the client shall connect again at once.
    """

    cause: str = ""
    restart: bool = False


@dataclass(frozen=True)
class NotOpened:
    """`whole`: no part of the stanza comes any more. `store_failed`: by the store's fault."""

    id: str
    whole: bool
    store_failed: bool


def stanza(line: str) -> Stanza:
    """A stanza as it is logged; one without a tag when it is none."""
    found = _TAG.match(line)
    if found is None:
        return Stanza("")
    attributes: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(found[2]):
        attributes.setdefault(name, value)
    return Stanza(found[1], attributes, line.count("<enc "), found[1] == "iq" and "<pair-device-sign" in line)


def farewell(line: str) -> Farewell | None:
    """What a stanza that ends the connection says; None for all others."""
    if (failure := _FAILURE.match(line)) is not None:
        reason = failure["reason"]
        return Farewell("" if reason in _COME_LATER else _REFUSALS.get(reason, "refused"))
    if (error := _STREAM_ERROR.match(line)) is not None:
        return Farewell(_CONFLICTS.get(error["conflict"] or "", ""), restart=error["code"] == "515")
    return None


def says_nothing_of_hanging_up(line: str) -> bool:
    """Whether the connection has ended, and the client neither tells of it nor connects again."""
    return line.startswith("OnDisconnect() called, but it was expected")


def not_opened(line: str) -> NotOpened | None:
    """What a line says of a message that won't come to our callback, if it does."""
    found = _NOT_OPENED.match(line)
    if found is None:
        return None
    failed = found["how"] == "Error decrypting" and _STORE_FAILED.search(found["why"]) is not None
    return NotOpened(found["id"], found["how"] != "Ignoring", failed)


def opens(line: str) -> bool:
    """Whether the client is about to open a message."""
    return line.startswith("Decrypting message from")
