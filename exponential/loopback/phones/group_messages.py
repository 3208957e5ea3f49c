"""What a simulated phone does in groups: make them, write with sender keys, read, ask for what it cannot read."""

import secrets
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufError

from exponential.loopback.phones import content
from exponential.loopback.phones.messages import ChatMessage
from exponential.loopback.phones.sender_keys import SenderKeyBook
from exponential.loopback.phones.signal import SessionBook, pad, unpad
from exponential.loopback.phones.signal_wire import SignalError
from exponential.loopback.server import groups, routing
from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.groups import Group
from exponential.loopback.state.rows import Rows
from exponential.protocol.binary import JID, Node, Value
from exponential.protocol.protobufs import Message

if TYPE_CHECKING:
    from exponential.loopback.phones.phone import Phone
    from exponential.loopback.server.server import Loopback


class Grouping(ABC):
    """The part of a phone that takes part in groups. A group's chat is named by its JID."""

    _server: "Loopback"
    _account: Account
    _device: Device
    _book: SessionBook

    def __init__(self) -> None:
        self._sender_keys = SenderKeyBook()
        self._asked_for = Counter[str]()  # messages that didn't open, by id
        self._sent_to_groups: Rows[str, tuple[Group, Message]] = Rows()

    @abstractmethod
    def _seal(self, device: Device, message: Message, count: int) -> Node: ...

    @abstractmethod
    def _show(self, id: str, chat: str, sender: Device, message: Message) -> None: ...

    @abstractmethod
    def messages(self, chat: "Phone | Group | str" = "me") -> list[ChatMessage]: ...

    @abstractmethod
    def refresh(self) -> None: ...

    @abstractmethod
    def send(self, to: "Phone | Group | str", message: Message) -> ChatMessage: ...

    def create_group(self, subject: str, members: "Sequence[Phone]") -> Group:
        """Make a group with these phones in it."""
        return groups.create(self._server, self._account, subject, [member.account for member in members])

    def groups(self) -> list[Group]:
        """The groups that this phone is in."""
        return [group for group in self._server.groups.values() if self._account in group.members]

    def add_to_group(self, group: Group, member: "Phone") -> None:
        groups.add(self._server, group, self._account, member.account)

    def remove_from_group(self, group: Group, member: "Phone") -> None:
        """Put a member out, or leave when it is this phone itself."""
        groups.remove(self._server, group, self._account, member.account)

    def miss_sender_key(self, group: Group, device: Device) -> None:
        """Let `device` not be told this phone's key for `group`, as when the telling got lost: it has to ask."""
        self._sender_keys.told(str(group.jid)).add(str(device.lid))

    def lose_sender_keys(self, group: Group) -> None:
        """Forget what the other members' keys for `group` are: this phone has to ask."""
        self._sender_keys.forget(str(group.jid))

    def send_to_group(self, group: Group, text: str, *, mentions: "Sequence[Phone]" = ()) -> ChatMessage:
        """Write to a group. A mention is the member's LID in the text (`@…`) and in the context (whatsmeow send.go)."""
        message = Message(conversation=text)
        if mentions:
            message = Message()
            named = " ".join(f"@{phone.account.lid.user}" for phone in mentions)
            message.extendedTextMessage.text = f"{named} {text}"
            message.extendedTextMessage.contextInfo.mentionedJID.extend(str(phone.account.lid) for phone in mentions)
        return self.send(group, message)

    def _transmit_to_group(self, group: Group, message: Message) -> str:
        """Encrypt once for all, and tell the key to whom it has not been told. Raises ValueError for an outsider."""
        if self._account not in group.members:
            raise ValueError("You can't write to this group because you are no longer a member.")
        id, chat = secrets.token_hex(16).upper(), str(group.jid)
        told, parts = self._sender_keys.told(chat), []
        for device in group.devices():
            if device is not self._device and str(device.lid) not in told:
                parts.append(Node("to", {"jid": device.lid}, [self._seal(device, self._key_for(chat), 0)]))
                told.add(str(device.lid))
        sealed = self._sender_keys.encrypt(chat, pad(message.SerializeToString()))
        shared = Node("enc", {"v": "2", "type": "skmsg", **content.enc_attributes(message)}, sealed)
        self._sent_to_groups[id] = (group, message)
        attrs: dict[str, Value] = {
            "id": id,
            "type": content.stanza_type(message),
            "edit": content.edit_attribute(message),
        }
        self._post_to_group(group, attrs, [Node("participants", {}, list(parts)), shared])
        return id

    def _key_for(self, chat: str) -> Message:
        message = Message()
        message.senderKeyDistributionMessage.groupID = chat
        message.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = self._sender_keys.distribution(chat)
        return message

    def _post_to_group(self, group: Group, attrs: dict[str, Value], inside: list[Node]) -> None:
        base: dict[str, Value] = {"to": group.jid, "type": "text", "addressing_mode": "lid"}
        routing.message(self._server, self._device, Node("message", base | attrs, list(inside)))

    def _read_group_message(self, stanza: Node) -> None:
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
            self._group_receipt(stanza, author, "retry", [self._retry(stanza)])
            return
        self._group_receipt(stanza, author, "sender" if sender.account is self._account else "", [])
        self._show(stanza.text("id"), chat, sender, message)

    def _retry(self, stanza: Node) -> Node:
        """What asks for a message again, with the attributes that whatsmeow reads: retry.go. From the second time on it
        begins a new session."""
        self._asked_for[stanza.text("id")] += 1
        count = str(self._asked_for[stanza.text("id")])
        return Node("retry", {"count": count, "id": stanza.text("id"), "t": stanza.text("t"), "v": "1"})

    def _open(self, chat: str, sender: Device, enc: Node) -> Message:
        peer = str(sender.lid)
        if enc.text("type") == "skmsg":
            return Message.FromString(unpad(self._sender_keys.decrypt(chat, peer, enc.data())))
        message = Message.FromString(unpad(self._book.decrypt(peer, enc.text("type"), enc.data())))
        if message.HasField("senderKeyDistributionMessage"):
            told = message.senderKeyDistributionMessage
            self._sender_keys.process(told.groupID, peer, told.axolotlSenderKeyDistributionMessage)
        return message

    def _group_receipt(self, stanza: Node, author: JID, kind: str, inside: list[Node]) -> None:
        attrs: dict[str, Value] = {"id": stanza.text("id"), "participant": author, "type": kind}
        attrs["to"] = stanza.jid("from") or ""
        routing.receipt(self._server, self._device, Node("receipt", attrs, inside or None))

    def _read_group_receipt(self, stanza: Node) -> None:
        reader = stanza.jid("participant")
        device = self._server.directory.device(reader) if reader else None
        sent = self._sent_to_groups.get(stanza.text("id"))
        if device is None or sent is None:
            return
        group, message = sent
        if stanza.text("type") == "retry":
            self._book.forget(str(device.lid))
            again = self._key_for(str(group.jid))
            again.MergeFrom(message)
            attrs: dict[str, Value] = {"id": stanza.text("id"), "participant": device.lid}
            self._post_to_group(group, attrs, [self._seal(device, again, 1)])
            return
        for line in self.messages(group):
            if line.id == stanza.text("id"):
                line.advance("read" if stanza.text("type") == "read" else "delivered")
        self.refresh()

    def _read_group_change(self, stanza: Node) -> None:
        """After somebody has gone, what is written next must be unreadable to them: a new sender key."""
        if stanza.child("remove") or stanza.child("leave"):
            self._sender_keys.renew(stanza.text("from"))
