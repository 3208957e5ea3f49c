"""Placeholder resend: a linked device that was told of a message without getting it asks its own phone for it.

The client asks by itself as soon as it sees `<unavailable>`. Sources: whatsmeow message.go (handleEncryptedMessage,
handlePlaceholderResendResponse), send.go (BuildUnavailableMessageRequest), client.go (ParseWebMessage).
"""

from collections.abc import Iterable

from exponential.loopback.phones import content
from exponential.loopback.phones.chats import ChatMessage
from exponential.protocol.protobufs import (
    Message,
    MessageKey,
    PeerDataOperationRequestType,
    ProtocolMessage,
    WebMessageInfo,
)

_KIND = PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND


def wanted(message: Message) -> list[MessageKey]:
    """The messages that a linked device asks its phone for; none when `message` is something else."""
    asked = message.protocolMessage.peerDataOperationRequestMessage
    if message.protocolMessage.type != ProtocolMessage.PEER_DATA_OPERATION_REQUEST_MESSAGE:
        return []
    if asked.peerDataOperationRequestType != _KIND:
        return []
    return [request.messageKey for request in asked.placeholderMessageResendRequest]


def answer(request_id: str, found: Iterable[tuple[MessageKey, ChatMessage]]) -> Message:
    """The phone's answer to the request with this id: each message as its line shows it, words only."""
    message = Message()
    message.protocolMessage.type = ProtocolMessage.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE
    response = message.protocolMessage.peerDataOperationRequestResponseMessage
    response.stanzaID, response.peerDataOperationRequestType = request_id, _KIND
    for key, line in found:
        sent = response.peerDataOperationResult.add().placeholderMessageResendResponse
        sent.webMessageInfoBytes = _as_kept(key, line)
    return message


def _as_kept(key: MessageKey, line: ChatMessage) -> bytes:
    kept = WebMessageInfo()
    kept.key.CopyFrom(key)
    kept.key.fromMe = line.from_me
    kept.message.CopyFrom(content.build(content.Content(text=line.text, forwarded=line.forwarded)))
    kept.messageTimestamp = int(line.at)
    return bytes(kept.SerializeToString())
