"""What the lines of a WhatsApp client's log mean: whatsmeow logs every stanza, and what becomes of each message.

Works around: neonize tells of a message that came to our callback, and of little else.
Can go when: it has events for stanzas, for what a message brought, and for the end of a connection.
Relies on: the words of whatsmeow's log, which are no interface; they are pinned line by line (test_client_log.py) and
by the library itself (test_native_client.py).

Nothing in these lines is escaped, and much of them is a sender's choice: ids, push names, what stands in other nodes.
So a value ends only where the next attribute begins, attributes must come in the order in which whatsmeow writes them,
and a line's own words are looked for behind its last JID. A message is known by its id and its sender: what somebody
makes up in spite of that can only be taken for another message of the same sender.

Sources: whatsmeow client.go (handleFrame, sendNodeAndGetData, onDisconnect), message.go (parseMessageSource,
decryptMessages), receipt.go (sendAck, sendMessageReceipt), connectionevents.go (handleStreamError,
handleConnectFailure), types/jid.go (JID.String, IsBot), types/message.go (SourceString), binary/xml.go (XMLString:
attributes sorted by name).
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

# What a line begins with, behind a few bytes of protobuf, when it can mean anything to us.
_MATTERS = re.compile(
    rb"<(?:message|appdata|success|ack|receipt|iq|failure|stream:error)\b"
    rb"|Decrypting message |Error |Ignoring message |(?:Unavailable|Requested) message |Failed to send request "
    rb"|OnDisconnect\(\)"
)
_MATTERS_WITHIN = 40  # bytes: two field tags, two lengths, the level
_TAG = re.compile(r"<([\w:-]+)")
_ATTRIBUTE = re.compile(r' ([\w:-]+)="(.*?)"(?= [\w:-]+="|/?>)', re.DOTALL)
_PART = re.compile(r'<enc((?: [\w:-]+="[^"]*")*)')
_PART_ATTRIBUTE = re.compile(r' ([\w:-]+)="([^"]*)"')
_ID = re.compile(r'[^"\s<>]+')
_USER = re.compile(r"[^@.:]+")
_FAILURE = re.compile(r'<failure [^>]*\breason="(?P<reason>\d+)"')
_STREAM_ERROR = re.compile(
    r'<stream:error(?=[^>]*\bcode="(?P<code>\d+)"|)[^>]*>(?:.*<conflict [^>]*\btype="(?P<conflict>\w+)")?', re.DOTALL
)
# Why WhatsApp refuses a login (whatsmeow types/events, ConnectFailureReason); 401, 403 and 406 log the device out.
_REFUSALS = {"401": "logged_out", "402": "banned", "403": "account_locked", "405": "outdated", "406": "account_banned"}
_COME_LATER = ("500", "503")
_CONFLICTS = {"device_removed": "logged_out", "replaced": "replaced"}
_GROUPS = ("@g.us", "@broadcast")
_PAIR_DEVICE = re.compile(r"<iq [^>]*><pair-device>")
_REF = re.compile(r"<ref>([^<,]+)</ref>")
_OPENS = re.compile(r"Decrypting message from ([^\s@.:]+)")
_UNREADABLE = re.compile(r"Error unmarshaling decrypted message from ([^\s@.:]+)")
_BOT = re.compile(r"(?:1313555\d{4}|131655500\d{2})@s\.whatsapp\.net")
_MESSAGES = ("message", "appdata")  # what whatsmeow opens
# Receipts that acknowledge a message; others speak of earlier ones.
_ACKNOWLEDGING = ("", "inactive", "sender", "peer_msg")
# The client's words for a part that came before, and for one that can't be opened.
_NOT_OPENED = re.compile(
    r"(?P<how>Ignoring|Error decrypting) message (?P<id>.*) from "
    r"(?P<sender>[^\s@]+@[a-z.]+)(?: in [^\s@]+@[a-z.]+)?: (?P<why>.*)",
    re.DOTALL,
)
# The store's fault, not the message's: SQLite's and database/sql's words in what whatsmeow says of a failed decryption.
_STORE_FAILED = re.compile(
    r"\b(?:database|disk|sql|driver|no such table|context canceled|context deadline|interrupted)\b", re.IGNORECASE
)


class Key(NamedTuple):
    """What a message is known by: its id, and the user who sent it."""

    id: str
    user: str


def key(message_id: str, sender: str) -> Key | None:
    """The key of a message of this sender; None for an id or sender that no honest client gives."""
    found, user = _ID.fullmatch(message_id.partition('"')[0]), _USER.match(sender)
    return Key(found[0], user[0]) if found and user else None


@dataclass(frozen=True)
class Stanza:
    """A stanza's tag and attributes, and how many of its parts become a message each if they can be opened."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    parts: int = 0
    links: bool = False  # it completes the linking of a device

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")

    @property
    def key(self) -> Key | None:
        """Of the message that it is, or is about."""
        senders = (self.attributes.get(name) for name in ("participant", "from", "to"))
        return key(self.id, next(filter(None, senders), ""))

    @property
    def is_message(self) -> bool:
        return self.tag in _MESSAGES

    @property
    def is_request(self) -> bool:
        """Whether it is a message of the client itself to its account's own phone."""
        return self.tag == "message" and self.attributes.get("category") == "peer"

    @property
    def ends(self) -> bool:
        """Whether it tells WhatsApp that a message, as it just came, brings nothing more: whatsmeow sends a receipt for
        what it could open, and this for what it couldn't, for whatever reason."""
        return self.tag == "ack" and self.attributes.get("class") in _MESSAGES

    @property
    def acknowledges(self) -> bool:
        """Whether WhatsApp takes it for the word that a message has arrived here."""
        return self.ends or (self.tag == "receipt" and self.attributes.get("type", "") in _ACKNOWLEDGING)

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
    """A part of a message that won't come to our callback. `store_failed`: by the store's fault."""

    key: Key | None
    came_before: bool
    store_failed: bool


def matters(entry: bytes) -> bool:
    """Whether a line, as neonize passes it (its protobuf LogEntry), may mean anything to what follows here.

    Most don't, and Python should see no more of them than their first bytes.
    """
    return _MATTERS.search(entry, 0, _MATTERS_WITHIN) is not None


def stanza(line: str) -> Stanza:
    """A stanza as it is logged; one without a tag when it is none, without attributes when they can't be told apart."""
    tag = _TAG.match(line)
    if tag is None:
        return Stanza("")
    attributes: dict[str, str] = {}
    end, before = tag.end(), ""
    while found := _ATTRIBUTE.match(line, end):
        end, written = found.end(), f"{found[1]}="
        if written <= before:  # whatsmeow sorts them: somebody's value contains what looks like an attribute
            return Stanza(tag[1])
        attributes[found[1]], before = found[2], written
    origin, parts = attributes.get("from", ""), 0
    if "t" in attributes:
        parts = sum(
            _becomes_message(dict(_PART_ATTRIBUTE.findall(part[1])), origin) for part in _PART.finditer(line, end)
        )
    return Stanza(tag[1], attributes, parts, tag[1] == "iq" and "<pair-device-sign" in line)


def _becomes_message(part: dict[str, str], origin: str) -> bool:
    """Whether a part is of a kind that comes to our callback; whatsmeow skips others, or has another event for them."""
    if part.get("v") != "2":
        return False
    match part.get("type"):
        case "msg" | "pkmsg":
            return True
        case "skmsg":
            return origin.endswith(_GROUPS)
        case "msmsg":
            return origin.endswith("@bot") or _BOT.fullmatch(origin) is not None
        case _:
            return False


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
    """What a line says of a part that won't come to our callback, if it does."""
    found = _NOT_OPENED.match(line)
    if found is None:
        return None
    came_before = found["how"] == "Ignoring"
    failed = not came_before and is_store_failure(found["why"])
    return NotOpened(key(found["id"], found["sender"]), came_before, failed)


def is_store_failure(problem: str) -> bool:
    """Whether an error of the client's is one of its store."""
    return _STORE_FAILED.search(problem) is not None


def qr_refs(line: str) -> list[str]:
    """What the QR codes of a connection begin with, if this stanza brings them."""
    return _REF.findall(line) if _PAIR_DEVICE.match(line) else []


def opens(line: str) -> str | None:
    """The user whose message the client is about to open, if this line says so."""
    found = _OPENS.match(line)
    return found[1] if found else None


def requests(line: str) -> int:
    """1 when the client is about to ask its own phone for a message, -1 when it has or couldn't, else 0."""
    if line.startswith("Unavailable message "):
        return 1
    return -1 if line.startswith(("Requested message ", "Failed to send request for unavailable message ")) else 0


def unreadable(line: str) -> str | None:
    """The user whose message, the one being opened, has a part that is none, if this line says so."""
    found = _UNREADABLE.match(line)
    return found[1] if found else None
