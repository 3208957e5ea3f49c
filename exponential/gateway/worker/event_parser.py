"""What an event of the WhatsApp client says, in our own shapes. Nothing of the client is imported for it.

Whatever a sender can make long is cut here, so that nothing of it is too long for the spool, the wire or the app.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from exponential.core.validation import cleaned
from exponential.gateway.worker.media import MAX_PATH, MediaReference
from exponential.gateway.worker.protocol import Account, Inbound

MAX_TEXT_CHARS = 65_536  # WhatsApp's own limit for one message
MAX_ID_CHARS, MAX_JID_CHARS, MAX_NAME_CHARS, MAX_MIME_CHARS, MAX_QUOTED_CHARS = 128, 128, 255, 100, 4_000  # characters
KEY_BYTES = 32  # of a file's key, and of SHA-256
MAX_MENTIONS = 1_024  # a group has no more members
MAX_RECEIPT_IDS = 4_096  # messages that one receipt is about
MAX_GROUPS, MAX_SUBJECT_CHARS = 2_000, 100
_KINDS = {
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "video",
    "documentMessage": "document",
    "stickerMessage": "sticker",
    "locationMessage": "location",
    "liveLocationMessage": "location",
    "contactMessage": "contact",
    "contactsArrayMessage": "contact",
    "pollCreationMessage": "poll",
    "pollCreationMessageV3": "poll",
    "eventMessage": "event",
}


def inbound(event: Any) -> Inbound | None:
    """A message of a person in our own shape; None for what is no message to read (protocol, reactions, edits)."""
    content = event.Message
    fields = {field.name for field, _ in content.ListFields()}
    if event.IsEdit or event.Info.Category == "peer":
        return None
    media = None
    if "conversation" in fields or "extendedTextMessage" in fields:
        kind, text = "text", content.conversation or content.extendedTextMessage.text
    elif "audioMessage" in fields:
        kind, text, media = ("voice" if content.audioMessage.PTT else "audio"), "", _file(content.audioMessage)
    else:
        found = next((name for name in _KINDS if name in fields), None)
        if found is None:
            return None
        part = getattr(content, found)
        kind, text, media = _KINDS[found], getattr(part, "caption", ""), _file(part)
    source = event.Info.MessageSource
    return Inbound(
        message_id=cleaned(decoded(event.Info.ID)[:MAX_ID_CHARS]),  # its sender's choice, as name and text are
        chat=written(source.Chat),
        sender=written(source.Sender),
        sender_name=cleaned(decoded(event.Info.Pushname)[:MAX_NAME_CHARS]),
        from_me=source.IsFromMe,
        kind=kind,
        text=cleaned(decoded(text)[:MAX_TEXT_CHARS]),
        sent_at=event.Info.Timestamp,
        alt=written(source.RecipientAlt if source.IsFromMe else source.SenderAlt),
        addressed=_addressed(content),
        media=media,
        forwarded=any(context.isForwarded or context.forwardingScore for context in _contexts(content)),
        quoted=_quoted(content),
    )


def _file(part: Any) -> dict[str, Any] | None:
    """Where the file of a picture, document and so on is, and what opens it; None for what has none, like a place."""
    if not hasattr(part, "mediaKey"):
        return None
    return asdict(
        MediaReference(
            path=decoded(part.directPath) if len(part.directPath) <= 1 + MAX_PATH else "",
            key=part.mediaKey[:KEY_BYTES].hex(),
            sha256=part.fileSHA256[:KEY_BYTES].hex(),
            encrypted_sha256=part.fileEncSHA256[:KEY_BYTES].hex(),
            size=part.fileLength,
            mime=cleaned(decoded(part.mimetype)[:MAX_MIME_CHARS]),
            name=cleaned(decoded(getattr(part, "fileName", ""))[-MAX_NAME_CHARS:]),
        )
    )


def _contexts(content: Any) -> list[Any]:
    """What surrounds a message; it lies in the part that says what the message is."""
    found = [getattr(part, "contextInfo", None) for _, part in content.ListFields()]
    return [context for context in found if context is not None]


def _addressed(content: Any) -> list[str]:
    """Whose message a message quotes, and whom it mentions."""
    found: list[str] = []
    for context in _contexts(content):
        found += [context.participant] if context.HasField("quotedMessage") else []
        found += context.mentionedJID[:MAX_MENTIONS]
    return _short(found, MAX_JID_CHARS)[:MAX_MENTIONS]


def _quoted(content: Any) -> dict[str, str] | None:
    """The message that this one replies to, with its words or caption, as the sender's phone tells them."""
    for context in _contexts(content):
        if context.HasField("quotedMessage"):
            parts = [part for _, part in context.quotedMessage.ListFields()]
            said = (
                part if isinstance(part, str | bytes) else getattr(part, "text", getattr(part, "caption", ""))
                for part in parts
            )
            text = next((text for text in said if text), "")
            return {
                "id": cleaned(decoded(context.stanzaID)[:MAX_ID_CHARS]),
                "text": cleaned(decoded(text)[:MAX_QUOTED_CHARS]),
            }
    return None


def receipt_ids(event: Any) -> list[str]:
    """The ids of the messages that a receipt is about, as far as they can be ours."""
    return _short(event.MessageIDs[:MAX_RECEIPT_IDS], MAX_ID_CHARS)


def groups(found: Any) -> list[tuple[str, str, int]]:
    """JID, subject and number of participants of each group."""
    return [
        (written(group.JID), cleaned(decoded(group.GroupName.Name)[:MAX_SUBJECT_CHARS]), len(group.Participants))
        for group in found[:MAX_GROUPS]
    ]


def _short(ids: Iterable[str | bytes], most: int) -> list[str]:
    """Those that are printable ASCII of up to `most` characters, as WhatsApp's are."""
    return [id for id in map(decoded, ids) if len(id) <= most and id.isascii() and id.isprintable()]


def decoded(text: str | bytes) -> str:
    """A string of the client's, which comes as bytes when it isn't UTF-8; U+FFFD for what isn't."""
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def written(jid: Any) -> str:
    """A JID without its device, such as "49123@s.whatsapp.net"; "" for none."""
    return f"{decoded(jid.User)}@{decoded(jid.Server)}" if jid.User else ""


def account_of(device: Any) -> Account:
    """The account that a linked device belongs to."""
    return Account(written(device.JID), written(device.LID))
