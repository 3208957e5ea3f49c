"""What a message says: WhatsApp's end-to-end protobuf (waE2E) built from and read into plain values, for every kind.

Where each kind lives and which stanza attributes it travels with: whatsmeow send.go (getTypeFromMessage,
getMediaTypeFromMessage, getEditAttribute, BuildReaction, BuildRevoke, BuildEdit, SetDisappearingTimer); how wrappers
nest: types/events/events.go (UnwrapRaw).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from exponential.protocol.protobufs import ContextInfo, Message, ProtocolMessage

Kind = Literal["text", "image", "video", "voice", "audio", "document", "sticker", "location", "contact"]
_FIELDS: dict[Kind, str] = {
    "image": "imageMessage",
    "video": "videoMessage",
    "voice": "audioMessage",
    "audio": "audioMessage",
    "document": "documentMessage",
    "sticker": "stickerMessage",
    "location": "locationMessage",
    "contact": "contactMessage",
}
_STANZA_NAMES: dict[Kind, str] = {"voice": "ptt", "contact": "vcard", "location": "", "text": ""}
_WRAPPERS = (
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "lottieStickerMessage",
    "documentWithCaptionMessage",
    "editedMessage",
)


@dataclass(frozen=True)
class Attachment:
    """A file on the media host, and what opens it. Keys and hashes are hex, so that a line of a chat is plain JSON."""

    path: str
    key: str
    sha256: str
    encrypted_sha256: str
    size: int
    mime: str
    name: str = ""
    seconds: int = 0


@dataclass(frozen=True)
class Content:
    """What a line of a chat shows. `expires_in` is the chat's disappearing timer in seconds, 0 for none.

    `details` has latitude and longitude of a location, the vcard of a contact.
    """

    kind: Kind = "text"
    text: str = ""
    quoted_id: str = ""
    expires_in: int = 0
    media: Attachment | None = None
    details: Mapping[str, str | float] = field(default_factory=dict)
    forwarded: bool = False


@dataclass(frozen=True)
class Change:
    """What happens to the earlier line `target`: `text` is the emoji ("" takes it back) or the new words."""

    kind: Literal["reaction", "edit", "revoke"]
    target: str
    text: str = ""


@dataclass(frozen=True)
class Timer:
    """The chat's messages disappear after `seconds` from now on; 0 turns it off."""

    seconds: int


def build(content: Content, context: ContextInfo | None = None) -> Message:
    """The message that says `content`. `context` (the quoted message) is completed with what else surrounds it: the
    disappearing timer, the mark of what is forwarded."""
    context = context or ContextInfo()
    if content.expires_in:
        context.expiration = content.expires_in
    if content.forwarded:
        context.isForwarded, context.forwardingScore = True, 1
    message = Message()
    if content.kind == "text":
        if not context.ListFields():
            return Message(conversation=content.text)
        message.extendedTextMessage.text = content.text
        message.extendedTextMessage.contextInfo.CopyFrom(context)
        return message
    part = getattr(message, _FIELDS[content.kind])
    if content.kind == "location":
        part.degreesLatitude, part.degreesLongitude = content.details["latitude"], content.details["longitude"]
        part.name = content.text
    elif content.kind == "contact":
        part.displayName, part.vcard = content.text, content.details["vcard"]
    else:
        _put_media(part, content)
    if context.ListFields():
        part.contextInfo.CopyFrom(context)
    if content.kind == "document" and content.text:
        wrapped = Message()
        wrapped.documentWithCaptionMessage.message.CopyFrom(message)
        return wrapped
    return message


def quote(id: str, sender: str, content: Content) -> ContextInfo:
    """The context of a reply to the message `id` that `sender` (an address) wrote."""
    return ContextInfo(stanzaID=id, participant=sender, quotedMessage=build(content))


def build_change(change: Change, chat: str, *, from_me: bool, at: float, participant: str = "") -> Message:
    """The message that changes an earlier one of `chat` (an address); `at` in seconds since 1970.

    `participant` is the address of the earlier one's author where the chat is a group (whatsmeow BuildMessageKey).
    """
    message = Message()
    if change.kind == "reaction":
        message.reactionMessage.text = change.text
        message.reactionMessage.senderTimestampMS = int(at * 1000)
        key = message.reactionMessage.key
    elif change.kind == "revoke":
        message.protocolMessage.type = ProtocolMessage.REVOKE
        key = message.protocolMessage.key
    else:
        protocol = message.editedMessage.message.protocolMessage
        protocol.type, protocol.timestampMS = ProtocolMessage.MESSAGE_EDIT, int(at * 1000)
        protocol.editedMessage.conversation = change.text
        key = protocol.key
    key.remoteJID, key.fromMe, key.ID = chat, from_me, change.target
    key.participant = participant
    return message


def build_timer(timer: Timer, *, at: float) -> Message:
    """The message that sets a chat's disappearing timer; `at` in seconds since 1970."""
    message = Message()
    message.protocolMessage.type = ProtocolMessage.EPHEMERAL_SETTING
    message.protocolMessage.ephemeralExpiration = timer.seconds
    message.protocolMessage.ephemeralSettingTimestamp = int(at)
    return message


def ephemeral(message: Message) -> Message:
    """`message` in the wrapper that some of WhatsApp's apps put around what disappears."""
    wrapped = Message()
    wrapped.ephemeralMessage.message.CopyFrom(message)
    return wrapped


def read(message: Message) -> Content | Change | Timer | None:
    """What a message says; None for kinds that no chat shows."""
    message = unwrapped(message)
    if message.HasField("reactionMessage"):
        return Change("reaction", message.reactionMessage.key.ID, message.reactionMessage.text)
    if message.HasField("protocolMessage"):
        return _read_protocol(message.protocolMessage)
    if message.conversation:
        return Content(text=message.conversation)
    for kind, name in (("text", "extendedTextMessage"), *_FIELDS.items()):
        if message.HasField(name):
            return _read_part(kind, getattr(message, name))
    return None


def unwrapped(message: Message) -> Message:
    """The message inside all wrappers."""
    while (name := next((name for name in _WRAPPERS if message.HasField(name)), None)) is not None:
        message = getattr(message, name).message
    return message


def stanza_type(message: Message) -> str:
    """The `type` attribute of the stanza."""
    inner = unwrapped(message)
    if inner.HasField("reactionMessage"):
        return "reaction"
    return "media" if media_type(inner) else "text"


def media_type(message: Message) -> str:
    """The `mediatype` attribute of the ciphertext, empty when there is none."""
    found = read(message)
    return _STANZA_NAMES.get(found.kind, found.kind) if isinstance(found, Content) else ""


def enc_attributes(message: Message) -> dict[str, str]:
    """What the ciphertext's node carries besides its type; what changes a line must not show up as undecryptable."""
    found = read(message)
    hidden = {"decrypt-fail": "hide"} if isinstance(found, Change) else {}
    media = media_type(message)
    return hidden | ({"mediatype": media} if media else {})


def edit_attribute(message: Message) -> str:
    """The `edit` attribute of the stanza: 1 edits, 7 takes back one's own (whatsmeow types/message.go)."""
    found = read(message)
    return {"edit": "1", "revoke": "7"}.get(found.kind, "") if isinstance(found, Change) else ""


def _put_media(part: Any, content: Content) -> None:
    media = content.media
    assert media is not None, f"{content.kind} without a file"
    part.directPath, part.mimetype, part.fileLength = media.path, media.mime, media.size
    part.mediaKey, part.fileSHA256 = bytes.fromhex(media.key), bytes.fromhex(media.sha256)
    part.fileEncSHA256 = bytes.fromhex(media.encrypted_sha256)
    if content.kind in ("image", "video", "document") and content.text:
        part.caption = content.text
    if content.kind == "document":
        part.fileName = media.name
    if content.kind in ("video", "voice", "audio"):
        part.seconds = media.seconds
    if content.kind == "voice":
        part.PTT = True


def _read_part(kind: Any, part: Any) -> Content:
    context = part.contextInfo
    shared: dict[str, Any] = {
        "quoted_id": context.stanzaID,
        "expires_in": context.expiration,
        "forwarded": context.isForwarded,
    }
    if kind == "text":
        return Content(text=part.text, **shared)
    if kind == "location":
        details = {"latitude": part.degreesLatitude, "longitude": part.degreesLongitude}
        return Content(kind, part.name, details=details, **shared)
    if kind == "contact":
        return Content(kind, part.displayName, details={"vcard": part.vcard}, **shared)
    if kind == "voice" and not part.PTT:
        kind = "audio"
    media = Attachment(
        path=part.directPath,
        key=part.mediaKey.hex(),
        sha256=part.fileSHA256.hex(),
        encrypted_sha256=part.fileEncSHA256.hex(),
        size=part.fileLength,
        mime=part.mimetype,
        name=getattr(part, "fileName", ""),
        seconds=getattr(part, "seconds", 0),
    )
    return Content(kind, getattr(part, "caption", ""), media=media, **shared)


def _read_protocol(protocol: ProtocolMessage) -> Change | Timer | None:
    if protocol.type == ProtocolMessage.REVOKE:
        return Change("revoke", protocol.key.ID)
    if protocol.type == ProtocolMessage.MESSAGE_EDIT:
        edited = read(protocol.editedMessage)
        return Change("edit", protocol.key.ID, edited.text) if isinstance(edited, Content) else None
    if protocol.type == ProtocolMessage.EPHEMERAL_SETTING:
        return Timer(protocol.ephemeralExpiration)
    return None
