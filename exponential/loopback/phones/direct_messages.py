"""A phone's messages to one account and from it: sealed for each device, read, receipted, sent again."""

import secrets

from google.protobuf.message import DecodeError as ProtobufError

from exponential.loopback.phones import content, placeholder_resend
from exponential.loopback.phones.chats import ChatHistory, Status
from exponential.loopback.phones.encryption import Encryption
from exponential.loopback.phones.settings import Settings
from exponential.loopback.phones.signal_wire import DuplicateMessage, SignalError
from exponential.loopback.server import routing
from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.registers import Registers
from exponential.loopback.state.rows import Rows
from exponential.protocol.binary import JID, USER_SERVER, Node
from exponential.protocol.protobufs import Message, MessageKey


class DirectMessages:
    """`device` is the phone itself; `sent` has whom each of its messages went to, by id."""

    def __init__(
        self, server: Registers, device: Device, encryption: Encryption, history: ChatHistory, settings: Settings
    ) -> None:
        self.sent: Rows[str, tuple[Account, Message]] = Rows()
        self._server = server
        self._device = device
        self._account = device.account
        self._encryption = encryption
        self._history = history
        self._settings = settings

    def send(self, account: Account, message: Message) -> str:
        """Seal for every device of both accounts; the message's id."""
        id = secrets.token_hex(16).upper()
        self.sent[id] = (account, message)
        targets = {device.jid: device for device in [*account.devices.values(), *self._account.linked()]}
        targets.pop(self._device.jid, None)
        self._post(id, account, message, list(targets.values()))
        return id

    def read(self, stanza: Node) -> None:
        """Open a message, show it and confirm it; or ask for it again."""
        source = stanza.jid("from")
        sender = self._server.directory.device(source) if source else None
        enc = stanza.child("enc")
        if source is None or sender is None or enc is None:
            return
        try:
            message = self._encryption.open(sender, enc)
        except DuplicateMessage:
            self._read_repeat(stanza, source, sender, enc)
            return
        except (SignalError, ProtobufError):
            self._receipt(stanza, source, "retry", [self._encryption.retry(stanza)])
            return
        from_me, other = sender.account is self._account, sender.account
        if message.HasField("deviceSentMessage"):
            other = self._server.directory.account(JID.parse(message.deviceSentMessage.destinationJID)) or other
            message = message.deviceSentMessage.message
        if from_me and (wanted := placeholder_resend.wanted(message)):
            self._receipt(stanza, source, "peer_msg", [])
            self._send_again(stanza.text("id"), sender, wanted)
            return
        self._receipt(stanza, source, "sender" if from_me else "", [])
        chat = f"+{other.number}"
        self._history.typing.discard(chat)
        if not from_me:
            self._settings.contacts.setdefault(chat, stanza.text("notify"))
        self._history.show(stanza.text("id"), chat, sender, message, by_number=source.server == USER_SERVER)

    def read_receipt(self, stanza: Node) -> None:
        """Move the ticks, or send again to the device that asks for it."""
        source, kind = stanza.jid("from"), stanza.text("type")
        device = self._server.directory.device(source) if source else None
        sent = self.sent.get(stanza.text("id"))
        if device is None or sent is None:
            return
        account, message = sent
        if kind == "retry":
            self._encryption.forget(device)
            self._post(stanza.text("id"), account, message, [device], count=1)
            return
        # "sender" is an own device's: it says nothing about the other side (whatsmeow receipt.go).
        if device.account is not account:
            return
        told: dict[str, Status] = {"read": "read", "played": "played"}
        for item in [stanza, *(stanza.child("list") or ())]:
            self._history.advance(f"+{account.number}", item.text("id"), told.get(kind, "delivered"))
        self._history.refresh()

    def _post(self, id: str, account: Account, message: Message, targets: list[Device], *, count: int = 0) -> None:
        settings = self._settings
        by_lid = settings.self_chat_by_lid if account is self._account else not settings.addresses_by_number
        to = account.lid if by_lid else account.jid
        own = Message()
        own.deviceSentMessage.destinationJID = str(to)
        own.deviceSentMessage.message.CopyFrom(message)
        extra = content.enc_attributes(message)
        parts = []
        for device in targets:
            plain = own if device.account is self._account else message
            enc = self._encryption.seal(device, plain, count=count)
            enc.attrs |= extra
            parts.append(Node("to", {"jid": device.lid if by_lid else device.jid}, [enc]))
        attrs: dict[str, str | JID] = {"id": id, "to": to, "type": content.stanza_type(message)}
        attrs["edit"] = content.edit_attribute(message)
        routing.message(self._server, self._device, Node("message", attrs, [Node("participants", {}, list(parts))]))

    def _send_again(self, request_id: str, device: Device, wanted: list[MessageKey]) -> None:
        """Answer a linked device that asks for messages which it was only told of."""
        found = []
        for key in wanted:
            account = self._server.directory.account(JID.parse(key.remoteJID))
            line = self._history.lines.get((f"+{account.number}", key.ID)) if account else None
            if line is not None:
                found.append((key, line))
        enc = self._encryption.seal(device, placeholder_resend.answer(request_id, found))
        attrs: dict[str, str | JID] = {
            "id": secrets.token_hex(16).upper(),
            "to": device.jid,
            "type": "text",
            "category": "peer",
        }
        routing.message(self._server, self._device, Node("message", attrs, [enc]))

    def _read_repeat(self, stanza: Node, source: JID, sender: Device, enc: Node) -> None:
        """What was read before is confirmed again. Another message under a key that was used already is lost.

        So WhatsApp Web does it (handleDuplicateMsgReceipts): it neither shows such a message nor asks for it again.
        """
        from_me, recipient = sender.account is self._account, stanza.jid("recipient")
        chat = self._server.directory.account(recipient) if from_me and recipient else sender.account
        known = chat and (f"+{chat.number}", stanza.text("id")) in self._history.lines
        if known or enc.text("decrypt-fail") == "hide":
            self._receipt(stanza, source, "sender" if from_me else "", [])
        else:
            routing.refuse(self._server, self._device, stanza, routing.OLD_COUNTER)

    def _receipt(self, stanza: Node, to: JID, kind: str, content: list[Node]) -> None:
        attrs: dict[str, str | JID] = {"id": stanza.text("id"), "to": to, "type": kind}
        recipient = stanza.jid("recipient")
        if recipient:
            attrs["recipient"] = recipient
        routing.receipt(self._server, self._device, Node("receipt", attrs, content or None))
