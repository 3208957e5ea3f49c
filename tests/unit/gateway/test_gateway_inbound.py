"""What a WhatsApp message event becomes, for the shapes that phones send."""

import pytest
from neonize.proto import Neonize_pb2 as proto
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import (
    AudioMessage,
    ExtendedTextMessage,
    ImageMessage,
    Message,
    ProtocolMessage,
    ReactionMessage,
)

from exponential.gateway.whatsapp import Refused, _classified, inbound


def jid(user: str, server: str = "s.whatsapp.net", device: int = 0) -> proto.JID:
    return proto.JID(User=user, Server=server, Device=device, RawAgent=0, Integrator=0)


def event(content: Message, *, edit: bool = False, category: str = "", group: bool = False) -> proto.Message:
    source = proto.MessageSource(Chat=jid("49151"), Sender=jid("49151", device=3), IsFromMe=True, IsGroup=group)
    info = proto.MessageInfo(
        MessageSource=source, ID="3EB0", Pushname="Ada", Timestamp=1_700_000_000_000, Category=category
    )
    return proto.Message(Info=info, Message=content, IsEdit=edit)


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (Message(conversation="buy milk"), "text", "buy milk"),
        (
            Message(extendedTextMessage=ExtendedTextMessage(text="see https://example.org")),
            "text",
            "see https://example.org",
        ),
        (Message(imageMessage=ImageMessage(caption="the receipt")), "image", "the receipt"),
        (Message(audioMessage=AudioMessage(PTT=True)), "voice", ""),
        (Message(audioMessage=AudioMessage()), "audio", ""),
    ],
)
def test_what_people_send(content: Message, kind: str, text: str) -> None:
    message = inbound(event(content))
    assert message is not None
    assert (message.kind, message.text, message.message_id, message.sender_name) == (kind, text, "3EB0", "Ada")
    assert (message.chat, message.sender, message.from_me) == ("49151@s.whatsapp.net", "49151@s.whatsapp.net", True)


@pytest.mark.parametrize(
    "content",
    [
        Message(protocolMessage=ProtocolMessage(type=ProtocolMessage.REVOKE)),
        Message(reactionMessage=ReactionMessage(text="👍")),
        Message(),
    ],
)
def test_what_is_no_message_to_read(content: Message) -> None:
    assert inbound(event(content)) is None


def test_edits_and_talk_between_own_devices_are_left_out() -> None:
    assert inbound(event(Message(conversation="x"), edit=True)) is None
    assert inbound(event(Message(conversation="x"), category="peer")) is None


def test_a_group_is_never_ones_own_chat() -> None:
    message = inbound(event(Message(conversation="x"), group=True))
    assert message is not None
    assert not message.from_me


def test_a_client_error_never_repeats_the_contact() -> None:
    error = _classified("no LID found for 4915112345678@s.whatsapp.net from server")
    assert isinstance(error, Refused)
    assert "4915112345678" not in str(error)
