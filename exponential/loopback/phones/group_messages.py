"""A phone's messages to groups and from them: sealed once with a sender key, read, receipted, sent again."""

import secrets

from google.protobuf.message import DecodeError as ProtobufError

from exponential.loopback.phones import content
from exponential.loopback.phones.chats import ChatHistory, Status
from exponential.loopback.phones.encryption import Encryption, peer
from exponential.loopback.phones.sender_keys import SenderKeyBook
from exponential.loopback.phones.signal import pad, unpad
from exponential.loopback.phones.signal_wire import SignalError
from exponential.loopback.server import routing
from exponential.loopback.server.directory import Device, Group
from exponential.loopback.server.registers import Registers
from exponential.loopback.state.rows import Rows
from exponential.protocol.binary import JID, Node, Value
from exponential.protocol.protobufs import Message


class GroupMessages:
    """`device` is the phone itself; `sent` has the group that each of its messages went to, by id."""

    def __init__(self, server: Registers, device: Device, encryption: Encryption, history: ChatHistory) -> None:
        self.sender_keys = SenderKeyBook()
        self.sent: Rows[str, tuple[Group, Message]] = Rows()
        self._server = server
        self._device = device
        self._encryption = encryption
        self._history = history

    def send(self, group: Group, message: Message) -> str:
        """Encrypt once for all, and tell the key to whom it has not been told; the message's id.

        Raises ValueError for an outsider.
        """
        if self._device.account not in group.members:
            raise ValueError("You can't write to this group because you are no longer a member.")
        id, chat = secrets.token_hex(16).upper(), str(group.jid)
        told, parts = self.sender_keys.told(chat), []
        for device in group.devices():
            if device is not self._device and peer(device) not in told:
                parts.append(Node("to", {"jid": device.lid}, [self._encryption.seal(device, self._key_for(chat))]))
                told.add(peer(device))
        sealed = self.sender_keys.encrypt(chat, pad(message.SerializeToString()))
        shared = Node("enc", {"v": "2", "type": "skmsg", **content.enc_attributes(message)}, sealed)
        self.sent[id] = (group, message)
        attrs: dict[str, Value] = {
            "id": id,
            "type": content.stanza_type(message),
            "edit": content.edit_attribute(message),
        }
        self._post(group, attrs, [Node("participants", {}, list(parts)), shared])
        return id

    def read(self, stanza: Node) -> None:
        """Open a message, show it and confirm it; or ask for it again."""
        author = stanza.jid("participant")
        sender = self._server.directory.device(author) if author else None
        if author is None or sender is None:
            return
        chat, message = stanza.text("from"), Message()
        try:
            for enc in stanza:
                if enc.tag == "enc":
                    message = self._open(chat, sender, enc)
        except (SignalError, ProtobufError):
            self._receipt(stanza, author, "retry", [self._encryption.retry(stanza)])
            return
        self._receipt(stanza, author, "sender" if sender.account is self._device.account else "", [])
        self._history.show(stanza.text("id"), chat, sender, message)

    def read_receipt(self, stanza: Node) -> None:
        """Move the ticks, or send again to the device that asks for it."""
        reader = stanza.jid("participant")
        device = self._server.directory.device(reader) if reader else None
        sent = self.sent.get(stanza.text("id"))
        if device is None or sent is None:
            return
        group, message = sent
        if stanza.text("type") == "retry":
            self._encryption.forget(device)
            again = self._key_for(str(group.jid))
            again.MergeFrom(message)
            attrs: dict[str, Value] = {"id": stanza.text("id"), "participant": device.lid}
            self._post(group, attrs, [self._encryption.seal(device, again, count=1)])
            return
        status: Status = "read" if stanza.text("type") == "read" else "delivered"
        self._history.advance(str(group.jid), stanza.text("id"), status)
        self._history.refresh()

    def read_change(self, stanza: Node) -> None:
        """After somebody has gone, what is written next must be unreadable to them: a new sender key."""
        if stanza.child("remove") or stanza.child("leave"):
            self.sender_keys.renew(stanza.text("from"))

    def _key_for(self, chat: str) -> Message:
        message = Message()
        message.senderKeyDistributionMessage.groupID = chat
        message.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = self.sender_keys.distribution(chat)
        return message

    def _post(self, group: Group, attrs: dict[str, Value], inside: list[Node]) -> None:
        base: dict[str, Value] = {"to": group.jid, "type": "text", "addressing_mode": "lid"}
        routing.message(self._server, self._device, Node("message", base | attrs, list(inside)))

    def _open(self, chat: str, sender: Device, enc: Node) -> Message:
        if enc.text("type") == "skmsg":
            return Message.FromString(unpad(self.sender_keys.decrypt(chat, peer(sender), enc.data())))
        message = self._encryption.open(sender, enc)
        if message.HasField("senderKeyDistributionMessage"):
            told = message.senderKeyDistributionMessage
            self.sender_keys.process(told.groupID, peer(sender), told.axolotlSenderKeyDistributionMessage)
        return message

    def _receipt(self, stanza: Node, author: JID, kind: str, inside: list[Node]) -> None:
        attrs: dict[str, Value] = {"id": stanza.text("id"), "participant": author, "type": kind}
        attrs["to"] = stanza.jid("from") or ""
        routing.receipt(self._server, self._device, Node("receipt", attrs, inside or None))
