"""What clients other than whatsmeow ask and say, stanza by stanza: a linked device without a network."""

import asyncio
import base64
import hashlib
import ssl
from types import SimpleNamespace
from typing import Any

import pytest

from exponential.loopback.phones.phone import Phone
from exponential.loopback.phones.signal import Keys, SessionBook, pad, unpad
from exponential.loopback.server import routing
from exponential.loopback.server.directory import Device
from exponential.loopback.server.iq import dispatch
from exponential.loopback.server.media_host import HOST
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until
from exponential.protocol.binary import JID, SERVER, Node
from exponential.protocol.protobufs import Message, PeerDataOperationRequestType, ProtocolMessage


class Linked:
    """A linked device of a phone. `heard` is what the server has sent it."""

    def __init__(self, server: Loopback, phone: Phone, number: int) -> None:
        self.server, self.phone = server, phone
        self.keys = Keys()
        self.book = SessionBook(self.keys)
        self.device = Device(
            phone.account,
            number,
            identity=self.keys.identity.public,
            registration_id=self.keys.registration_id,
            signed_id=self.keys.signed.id,
            signed=self.keys.signed.pair.public,
            signature=self.keys.signature(),
        )
        self.heard: list[Node] = []
        self.device.deliver = self.heard.append
        phone.account.devices[number] = self.device

    def ask(self, namespace: str, content: list[Node], kind: str = "get", *, to: JID = SERVER) -> Node:
        """The answer to a query."""
        answers: list[Node] = []
        connection: Any = SimpleNamespace(
            server=self.server, device=self.device, registration=None, send=answers.append
        )
        iq = Node("iq", {"type": kind, "xmlns": namespace, "id": "1", "to": to}, content)
        dispatch.handle(self.server, connection, iq)
        (answer,) = answers
        return answer

    def seal(self, other: Device, message: Message) -> Node:
        peer = str(other.lid)
        if not self.book.has(peer):
            self.book.begin(peer, other.take_bundle())
        kind, data = self.book.encrypt(peer, pad(message.SerializeToString()))
        return Node("enc", {"v": "2", "type": kind}, data)

    def send(self, other: Phone, to: JID, text: str, id: str = "1") -> None:
        """Write to the other phone alone."""
        enc = self.seal(other.account.devices[0], Message(conversation=text))
        part = Node("to", {"jid": to}, [enc])
        attrs = {"id": id, "to": to, "type": "text"}
        routing.message(self.server, self.device, Node("message", {**attrs}, [Node("participants", {}, [part])]))

    def open(self, stanza: Node) -> Message:
        enc = stanza.child("enc")
        source = stanza.jid("from")
        sender = self.server.directory.device(source) if source else None
        assert enc and sender
        return Message.FromString(unpad(self.book.decrypt(str(sender.lid), enc.text("type"), enc.data())))

    def receipts(self) -> list[tuple[str, str]]:
        return [(stanza.text("type"), stanza.text("from")) for stanza in self.heard if stanza.tag == "receipt"]


@pytest.fixture
def linked(whatsapp: Loopback, alice: Phone) -> Linked:
    return Linked(whatsapp, alice, 1)


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def upload(device: Linked, *values: bytes) -> None:
    keys = [
        Node("key", {}, [Node("id", {}, number(index, 3)), Node("value", {}, value)])
        for index, value in enumerate(values, 1)
    ]
    assert device.ask("encrypt", [Node("list", {}, list(keys))], "set").text("type") == "result"


def test_a_device_sees_by_the_digest_whether_the_server_has_its_keys(linked: Linked) -> None:
    missing = linked.ask("encrypt", [Node("digest")])
    assert missing.text("type") == "error"
    upload(linked, b"a" * 32, b"b" * 32)
    digest = linked.ask("encrypt", [Node("digest")]).child("digest")
    device = linked.device
    assert digest
    assert digest.data("registration") == number(device.registration_id, 4)
    assert (digest.data("type"), digest.data("identity")) == (b"\x05", device.identity)
    assert digest.data("skey", "id") == number(device.signed_id, 3)
    assert (digest.data("skey", "value"), digest.data("skey", "signature")) == (device.signed, device.signature)
    assert [key.data() for key in digest.child("list") or ()] == [number(1, 3), number(2, 3)]
    everything = device.identity + device.signed + device.signature + b"a" * 32 + b"b" * 32
    assert digest.data("hash") == hashlib.sha1(everything).digest()


def test_a_rotated_signed_key_is_the_one_that_is_handed_out(linked: Linked) -> None:
    parts = [Node("id", {}, number(7, 3)), Node("value", {}, b"v" * 32), Node("signature", {}, b"s" * 64)]
    answer = linked.ask("encrypt", [Node("rotate", {}, [Node("skey", {}, [*parts])])], "set")
    assert answer.text("type") == "result"
    bundle = linked.device.take_bundle()
    assert (bundle.signed_id, bundle.signed, bundle.signature) == (7, b"v" * 32, b"s" * 64)


def test_a_device_with_few_one_time_keys_is_told_once(linked: Linked) -> None:
    upload(linked, *(bytes((index,)) * 32 for index in range(6)))
    for _ in range(7):
        linked.device.take_bundle()
    (told,) = [stanza for stanza in linked.heard if stanza.text("type") == "encrypt"]
    count = told.child("count")
    assert (told.jid("from"), count and count.text("value")) == (SERVER, "4")


def test_privacy_settings_are_asked_for_and_changed(linked: Linked, whatsapp: Loopback, alice: Phone) -> None:
    def settings(device: Linked) -> dict[str, str]:
        asked = device.ask("privacy", [Node("privacy")]).child("privacy")
        return {category.text("name"): category.text("value") for category in asked or ()}

    assert settings(linked)["readreceipts"] == "all"
    change = Node("privacy", {}, [Node("category", {"name": "readreceipts", "value": "none"})])
    assert linked.ask("privacy", [change], "set").text("type") == "result"
    assert settings(Linked(whatsapp, alice, 2)) == settings(linked) | {"readreceipts": "none"}
    tokens = Node("tokens", {}, [Node("token", {"jid": "1@lid", "t": "1", "type": "trusted_contact"})])
    assert linked.ask("privacy", [tokens], "set").text("type") == "result"


@pytest.mark.parametrize(
    ("namespace", "question", "path"),
    [
        ("abt", Node("props", {"protocol": "1"}), ["props"]),
        ("blocklist", None, ["list"]),
        ("bot", Node("bot", {"v": "2"}), ["bot"]),
        ("w:biz", Node("business_profile", {"v": "244"}, [Node("profile", {"jid": "1@lid"})]), ["business_profile"]),
    ],
)
def test_what_there_is_none_of_is_an_empty_answer(
    linked: Linked, namespace: str, question: Node | None, path: list[str]
) -> None:
    answer = linked.ask(namespace, [question] if question else [])
    found = answer.child(*path)
    assert answer.text("type") == "result"
    assert found is not None and list(found) == []


def test_what_the_phone_shares_is_up_to_date_and_empty(linked: Linked) -> None:
    asked = [
        Node("collection", {"name": "regular", "version": "3", "return_snapshot": "false"}),
        Node("collection", {"name": "critical_block", "return_snapshot": "true"}),
    ]
    sync = linked.ask("w:sync:app:state", [Node("sync", {}, list(asked))], "set").child("sync")
    told = [(node.text("name"), node.text("version"), node.text("has_more_patches"), list(node)) for node in sync or ()]
    assert told == [("regular", "3", "false", []), ("critical_block", "0", "false", [])]


@pytest.mark.parametrize("by_number", [True, False], ids=["by number", "by LID"])
async def test_all_receipts_come_from_the_address_that_was_written_to(
    linked: Linked, alice: Phone, bob: Phone, by_number: bool
) -> None:
    to = bob.account.jid if by_number else bob.account.lid
    linked.send(bob, to, "hello")
    line = await bob.wait_for("hello", chat=alice)
    bob.mark_read(alice)
    bob.mark_played(line)
    await until(bob, lambda: len(linked.receipts()) == 3)
    assert linked.receipts() == [("", str(to)), ("read", str(to)), ("played", str(to))]


async def test_a_phone_is_asked_for_a_message_as_one_asks_oneself(linked: Linked, alice: Phone, bob: Phone) -> None:
    """Baileys wraps the request in deviceSentMessage, as all that goes to one's own devices."""
    line = bob.send_text(alice, "only the phone has it")
    await alice.wait_for("only the phone has it", chat=bob)
    message = Message()
    message.deviceSentMessage.destinationJID = str(alice.account.jid)
    asked = message.deviceSentMessage.message.protocolMessage
    asked.type = ProtocolMessage.PEER_DATA_OPERATION_REQUEST_MESSAGE
    request = asked.peerDataOperationRequestMessage
    request.peerDataOperationRequestType = PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND
    key = request.placeholderMessageResendRequest.add().messageKey
    key.remoteJID, key.ID = str(bob.account.lid), line.id
    attrs = {"id": "A", "to": alice.account.jid, "type": "text", "category": "peer"}
    enc = linked.seal(alice.account.devices[0], message)
    routing.message(linked.server, linked.device, Node("message", {**attrs}, [enc]))
    peer = await until(alice, lambda: [s for s in linked.heard if s.text("category") == "peer"])
    answer = linked.open(peer[0]).protocolMessage.peerDataOperationRequestResponseMessage
    assert answer.stanzaID == "A"
    assert b"only the phone has it" in answer.peerDataOperationResult[0].SerializeToString()


def test_who_reads_without_read_receipts_tells_only_the_own_devices(
    linked: Linked, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    tablet, bobs = Linked(whatsapp, alice, 2), Linked(whatsapp, bob, 1)
    group = bob.create_group("Alpha", [alice])
    for to in (bob.account.lid, group.jid):
        attrs = {"id": "A", "to": to, "participant": bob.account.lid, "type": "read-self"}
        routing.receipt(whatsapp, linked.device, Node("receipt", {**attrs}))
    assert [kind for kind, _ in tablet.receipts()] == ["read-self"] * 2
    assert (linked.receipts(), bobs.receipts()) == ([], [])


def test_what_is_sent_again_to_ones_own_device_names_the_chat(
    linked: Linked, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    tablet = Linked(whatsapp, alice, 2)
    enc = linked.seal(tablet.device, Message(conversation="again"))
    attrs = {"id": "A", "to": tablet.device.lid, "recipient": bob.account.lid, "type": "text"}
    routing.message(whatsapp, linked.device, Node("message", {**attrs, "device_fanout": "false"}, [enc]))
    (stanza,) = tablet.heard
    assert (stanza.jid("recipient"), stanza.jid("peer_recipient_pn")) == (bob.account.lid, bob.account.jid)


def test_a_linked_device_changes_a_group(linked: Linked, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    group = alice.create_group("Alpha", [bob])

    def change(tag: str, *members: JID) -> list[tuple[str, str]]:
        asked = Node(tag, {}, [Node("participant", {"jid": jid}) for jid in members])
        answer = linked.ask("w:g2", [asked], "set", to=group.jid).child(tag)
        return [(node.text("jid"), node.text("error")) for node in answer or ()]

    known, unknown = bob.account.lid, JID("1", "lid")
    assert change("remove", known, unknown) == [(str(known), ""), (str(unknown), "404")]
    assert group.members == [alice.account]
    assert change("remove", known) == [(str(known), "404")]
    assert change("add", bob.account.jid) == [(str(bob.account.jid), "")]
    assert change("add", known) == [(str(known), "409")]
    assert group.members == [alice.account, bob.account]
    assert linked.ask("w:g2", [Node("subject", {}, b"Beta")], "set", to=group.jid).text("type") == "result"
    assert group.subject == "Beta"
    leave = Node("leave", {}, [Node("group", {"id": group.jid})])
    assert linked.ask("w:g2", [leave], "set").child("leave", "group") == Node("group", {"id": group.jid})
    assert group.members == [bob.account]
    news = [change.tag for stanza in linked.heard if stanza.text("type") == "w:gp2" for change in stanza]
    assert news == ["create", "remove", "add", "subject", "leave"]
    assert linked.ask("w:g2", [leave], "set").child("leave", "group") == Node(
        "group", {"id": group.jid, "error": "404"}
    )


@pytest.mark.parametrize("padding", ["=", "", "%3D"], ids=["padded", "bare", "escaped"])
async def test_a_file_is_uploaded_by_its_hash(whatsapp: Loopback, padding: str) -> None:
    data = b"encrypted"
    token = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=") + padding
    path = f"/mms/image/{token}?auth={whatsapp.media.auth}&token={token}"
    assert (await post(whatsapp, path, data)).startswith("HTTP/1.1 200")
    assert (await post(whatsapp, path, data + b"!")).startswith("HTTP/1.1 400")


async def post(whatsapp: Loopback, path: str, data: bytes) -> str:
    """The answer of the media host, dialled through the proxy."""
    host, port = whatsapp.proxy_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(ssl.create_default_context(cafile=str(whatsapp.ca_path)), server_hostname=HOST)
    writer.write(f"POST {path} HTTP/1.1\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return answer.decode()
