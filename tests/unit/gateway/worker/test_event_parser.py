"""What a WhatsApp message event becomes, for the shapes that phones send."""

import json
from typing import Any

import pytest
from neonize.proto import Neonize_pb2 as proto
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import (
    AudioMessage,
    ContextInfo,
    DocumentMessage,
    ExtendedTextMessage,
    ImageMessage,
    Message,
    ProtocolMessage,
    ReactionMessage,
)

from exponential.gateway.worker import protocol
from exponential.gateway.worker.errors import RequestRefused
from exponential.gateway.worker.event_parser import groups, inbound
from exponential.gateway.worker.neonize_client import _classified
from exponential.gateway.worker.protocol import Inbound


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


def test_where_a_file_is_and_what_opens_it_is_told() -> None:
    picture = ImageMessage(
        directPath="/v/x?y", mediaKey=b"key", fileSHA256=b"a", fileEncSHA256=b"b", fileLength=7, mimetype="image/png"
    )
    message = inbound(event(Message(imageMessage=picture)))
    assert message is not None
    assert message.media == {
        **{"path": "/v/x?y", "key": b"key".hex(), "sha256": "61", "encrypted_sha256": "62"},
        **{"size": 7, "mime": "image/png", "name": ""},
    }
    assert Inbound.from_bytes(message.to_bytes()) == message
    plain = inbound(event(Message(conversation="x")))
    assert plain is not None and plain.media is None


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


def test_whom_a_message_mentions_and_whose_it_quotes_is_told() -> None:
    context = ContextInfo(mentionedJID=["771@lid"], participant="49151@s.whatsapp.net")
    context.quotedMessage.conversation = "earlier"
    for part in (
        {"extendedTextMessage": ExtendedTextMessage(text="x", contextInfo=context)},
        {"imageMessage": ImageMessage(contextInfo=context)},
    ):
        message = inbound(event(Message(**part)))
        assert message is not None
        assert message.addressed == ["49151@s.whatsapp.net", "771@lid"]


def test_what_is_forwarded_is_told_for_every_kind_that_can_be() -> None:
    for name, field in Message.DESCRIPTOR.fields_by_name.items():
        kind = field.message_type
        if kind is None or "contextInfo" not in kind.fields_by_name:
            continue
        for context in (ContextInfo(isForwarded=True), ContextInfo(forwardingScore=5), ContextInfo(expiration=9)):
            content = Message()
            getattr(content, name).contextInfo.CopyFrom(context)
            message = inbound(event(content))
            assert message is None or message.forwarded is (context.expiration == 0), name
    plain = inbound(event(Message(conversation="x")))
    assert plain is not None and plain.forwarded is False


def test_the_words_that_a_reply_quotes_are_told() -> None:
    for quoted, words in (
        (Message(conversation="earlier"), "earlier"),
        (Message(extendedTextMessage=ExtendedTextMessage(text="x" * 5_000)), "x" * 4_000),
        (Message(imageMessage=ImageMessage(caption="the receipt")), "the receipt"),
        (Message(audioMessage=AudioMessage(PTT=True)), ""),
    ):
        context = ContextInfo(stanzaID="3EB1", participant="49151@s.whatsapp.net", quotedMessage=quoted)
        message = inbound(event(Message(extendedTextMessage=ExtendedTextMessage(text="y", contextInfo=context))))
        assert message is not None and message.quoted == {"id": "3EB1", "text": words}
        assert Inbound.from_bytes(message.to_bytes()) == message
    plain = inbound(event(Message(conversation="x")))
    assert plain is not None and plain.quoted is None


def test_the_other_address_of_who_wrote_or_was_written_to_is_told() -> None:
    written, heard = event(Message(conversation="x")), event(Message(conversation="x"))
    for told in (written, heard):
        told.Info.MessageSource.SenderAlt.CopyFrom(jid("1", "lid", device=3))
        told.Info.MessageSource.RecipientAlt.CopyFrom(jid("2", "lid"))
    heard.Info.MessageSource.IsFromMe = False
    assert [message.alt for message in map(inbound, (written, heard)) if message] == ["2@lid", "1@lid"]


def test_a_client_error_never_repeats_the_contact() -> None:
    error = _classified("no LID found for 4915112345678@s.whatsapp.net from server")
    assert isinstance(error, RequestRefused)
    assert "4915112345678" not in str(error)


def endless(message: Any, depth: int = 3) -> Any:
    """The message with every field as long as a stranger may make it, and every list with many of them."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and (depth == 0 or field.is_repeated):
            continue
        if field.message_type is not None:
            endless(getattr(message, field.name), depth - 1)
        elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
            value = "🙂" * 200_000 if field.type == field.TYPE_STRING else b"x" * 1_000_000
            if field.is_repeated:
                getattr(message, field.name).extend([*["1@lid"] * 50_000, value])
            else:
                setattr(message, field.name, value)
    return message


@pytest.mark.parametrize("part", ["conversation", "extendedTextMessage", "imageMessage", "documentMessage"])
def test_nothing_that_a_stranger_lengthens_makes_a_long_record_or_frame(part: str) -> None:
    content = Message(conversation="🙂" * 200_000)
    if part != "conversation":
        content = Message()
        endless(getattr(content, part))
    told = event(content)
    told.Info.ID = told.Info.Pushname = "🙂" * 200_000
    message = inbound(told)
    assert message is not None
    assert len(message.to_bytes()) < 2_000_000
    assert len(message.text) in (0, 65_536)
    if message.media:
        fetch = protocol.Fetch("s", 1, message.message_id, message.kind, message.media, 1)
        assert len(protocol.pack(fetch)) < 20_000


def test_whom_a_reply_quotes_is_told_however_many_are_mentioned() -> None:
    context = ContextInfo(mentionedJID=[f"{number}@lid" for number in range(5_000)], participant="49151@s.whatsapp.net")
    context.quotedMessage.conversation = "earlier"
    message = inbound(event(Message(extendedTextMessage=ExtendedTextMessage(text="x", contextInfo=context))))
    assert message is not None
    assert "49151@s.whatsapp.net" in message.addressed and len(message.addressed) < 2_000


def test_groups_that_others_made_are_a_list_that_can_be_told() -> None:
    subject = proto.GroupName(Name="🙂" * 200_000)
    many = [proto.GroupInfo(JID=jid(str(number), "g.us"), GroupName=subject) for number in range(20)] * 200
    listed = groups(many)
    assert len(protocol.pack(protocol.Answer(1, json.dumps(listed, ensure_ascii=False)))) < protocol.MAX_FRAME_BYTES
    assert listed[0] == ("0@g.us", "🙂" * 100, 0)


def test_a_documents_place_that_is_too_long_is_none() -> None:
    message = inbound(event(Message(documentMessage=DocumentMessage(directPath="/" + "a" * 4_300_000))))
    assert message is not None and message.media is not None
    assert message.media["path"] == ""


def test_words_that_are_no_utf_8_are_words_all_the_same() -> None:
    quoting = ContextInfo(
        stanzaID="~~~", participant="~~~", mentionedJID=["~~~"], quotedMessage=Message(conversation="~~~")
    )
    paper = DocumentMessage(caption="~~~", fileName="~~~", mimetype="~~~", directPath="~~~", contextInfo=quoting)
    for content in (Message(conversation="~~~"), Message(documentMessage=paper)):
        sent = event(content)
        sent.Info.ID = sent.Info.Pushname = sent.Info.MessageSource.Sender.User = "~~~"
        message = inbound(proto.Message.FromString(sent.SerializePartialToString().replace(b"~~~", b"\xff\xfe\xfd")))
        assert message is not None
        assert {message.text, message.message_id, message.sender_name} == {"\ufffd" * 3}
        assert Inbound.from_bytes(message.to_bytes()) == message
