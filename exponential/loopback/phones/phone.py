"""A simulated phone: device 0 of an account. It scans codes, writes, reads and keeps its chats in memory."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufError

from exponential.loopback.phones import content, resend
from exponential.loopback.phones.group_messages import Grouping
from exponential.loopback.phones.messages import ChatMessage, Status, Writing
from exponential.loopback.phones.signal import Keys, SessionBook, pad, unpad
from exponential.loopback.phones.signal_wire import DuplicateMessage, SignalError
from exponential.loopback.server import groups, routing
from exponential.loopback.server.directory import Account, Device, waiting_key
from exponential.loopback.server.groups import Group, Place
from exponential.loopback.server.linking import pairing_code, qr_code
from exponential.loopback.server.presence import Watching
from exponential.loopback.state.rows import Rows
from exponential.protocol.binary import GROUP_SERVER, JID, USER_SERVER, Node
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import Message, MessageKey

if TYPE_CHECKING:
    from exponential.loopback.server.linking.passkey import Exchange
    from exponential.loopback.server.server import Loopback

ONE_TIME_KEYS = 100


class Phone(Writing, Grouping, Watching):
    """`number` is in international form. Chats are named by the other side's number, one's own "Message yourself"."""

    def __init__(self, server: "Loopback", number: str, name: str) -> None:
        Writing.__init__(self)
        Grouping.__init__(self)
        Watching.__init__(self)
        self.number = number
        self.name = name
        self.chats: dict[str, list[ChatMessage]] = {}
        self._lines: Rows[tuple[str, str], ChatMessage] = Rows()
        self.contacts: dict[str, str] = {number: f"{name} (You)"}
        self.typing: set[str] = set()
        self.self_chat_by_lid = False  # WhatsApp has used both ways to address "Message yourself"
        self._server = server
        self._keys = Keys(one_time=Rows({index: KeyPair() for index in range(1, ONE_TIME_KEYS + 1)}))
        self._book = SessionBook(self._keys)
        self._sent: Rows[str, tuple[Account, Message]] = Rows()
        self._changed = asyncio.Event()
        self._account = server.directory.add(number.lstrip("+"), name)
        self._device = Device(
            self._account,
            0,
            identity=self._keys.identity.public,
            registration_id=self._keys.registration_id,
            signed_id=self._keys.signed.id,
            signed=self._keys.signed.pair.public,
            signature=self._keys.signature(),
        )
        self._device.one_time.update({index: pair.public for index, pair in self._keys.one_time.items()})
        self._account.devices[0] = self._device
        self.go_online()

    @property
    def account(self) -> Account:
        return self._account

    @property
    def linked_devices(self) -> list[Device]:
        """What "Linked devices" shows."""
        return self._account.linked()

    def known_phones(self) -> "list[Phone]":
        """The other simulated phones: this one's address book."""
        return [phone for phone in self._server.phones if phone is not self]

    async def scan(self, code: str) -> Device:
        """Scan the text of a QR code and wait until the device is linked. Raises LinkError."""
        device = await qr_code.link(self._server, self._account, self._keys.identity, code)
        self.refresh()
        return device

    async def enter_code(self, code: str) -> Device:
        """Type a pairing code ("Link with phone number") and wait until the device is linked. Raises LinkError."""
        device = await pairing_code.enter(self._server, self._account, self._keys.identity, code)
        self.refresh()
        return device

    def unlink(self, device: Device) -> None:
        """Log a linked device out, as "Linked devices → Log out" does."""
        self._book.forget(_peer(device))
        self._server.remove_device(device)
        self.refresh()

    @property
    def online(self) -> bool:
        return self._device.deliver is not None

    def go_offline(self) -> None:
        """What is sent to this phone from now on waits on the server."""
        self._device.deliver = None
        self._server.presence.left(self._device)
        self.refresh()

    def go_online(self) -> None:
        loop = self._server.loop
        self._device.deliver = lambda stanza: loop.call_soon(self._receive, stanza)
        for stanza in list(self._device.waiting.values()):
            loop.call_soon(self._receive, stanza)
        self.refresh()

    def messages(self, chat: "Phone | Group | str" = "me") -> list[ChatMessage]:
        """The lines of a chat, oldest first."""
        return self.chats.get(groups.chat_name(self._place(chat)), [])

    async def wait_for(
        self,
        what: str | Callable[[ChatMessage], bool],
        *,
        chat: "Phone | Group | str" = "me",
        timeout: float | None = 15,
    ) -> ChatMessage:
        """The first line of `chat`, not typed on this phone, that contains or satisfies `what`.

        Raises TimeoutError after `timeout` seconds; None: never.
        """
        matches = (lambda line: what in line.text) if isinstance(what, str) else what
        async with asyncio.timeout(timeout):
            while True:
                for line in self.messages(chat):
                    if not (line.from_me and line.device == 0) and matches(line):
                        return line
                await self.changed()

    async def changed(self) -> None:
        """Wait until anything on this phone changes."""
        await self._changed.wait()

    def news(self) -> asyncio.Event:
        """Is set at the next change, also when nobody waits yet."""
        return self._changed

    def rename(self, name: str) -> None:
        """Give the account another push name; others hear it with the next message."""
        self.name = self._account.push_name = name
        self.contacts[self.number] = f"{name} (You)"
        self.introduce()

    def introduce(self) -> None:
        """Let the other phones' address books show this one as it is now."""
        self._server.refresh_phones()

    def exchange(self) -> "Exchange | None":
        """The device that is being linked and has to confirm with this account's passkey."""
        asked = (its.exchange for its in self._server.registrations.values() if its.exchange)
        mine = (its for its in asked if its.passkey is self._account.key and not its.registration.linked.done())
        return next(mine, None)

    def refresh(self) -> None:
        """Let this phone's page show what has changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _find(self, who: "Phone | str") -> Account:
        if isinstance(who, Phone):
            return who._account
        if who == "me":
            return self._account
        account = self._server.directory.account(JID(who.lstrip("+")))
        if account is None:
            raise ValueError(f"{who} is not on WhatsApp")
        return account

    def _place(self, chat: "Phone | Group | str") -> Place:
        if isinstance(chat, Group):
            return chat
        if not isinstance(chat, str) or not chat.endswith(f"@{GROUP_SERVER}"):
            return self._find(chat)
        group = self._server.groups.get(JID.parse(chat))
        if group is None:
            raise ValueError(f"There is no group {chat}")
        return group

    def _transmit(self, place: Place, message: Message) -> str:
        return self._transmit_to_group(place, message) if isinstance(place, Group) else self._send_to(place, message)

    def _send_to(self, account: Account, message: Message) -> str:
        id = secrets.token_hex(16).upper()
        self._sent[id] = (account, message)
        targets = {device.jid: device for device in [*account.devices.values(), *self.linked_devices]}
        targets.pop(self._device.jid, None)
        self._post(id, account, message, list(targets.values()))
        return id

    def _post(self, id: str, account: Account, message: Message, targets: list[Device], *, count: int = 0) -> None:
        by_lid = self.self_chat_by_lid if account is self._account else not self.addresses_by_number
        to = account.lid if by_lid else account.jid
        own = Message()
        own.deviceSentMessage.destinationJID = str(to)
        own.deviceSentMessage.message.CopyFrom(message)
        extra = content.enc_attributes(message)
        parts = []
        for device in targets:
            plain = own if device.account is self._account else message
            enc = self._seal(device, plain, count)
            enc.attrs |= extra
            parts.append(Node("to", {"jid": device.lid if by_lid else device.jid}, [enc]))
        attrs: dict[str, str | JID] = {"id": id, "to": to, "type": content.stanza_type(message)}
        attrs["edit"] = content.edit_attribute(message)
        routing.message(self._server, self._device, Node("message", attrs, [Node("participants", {}, list(parts))]))

    def _seal(self, device: Device, message: Message, count: int) -> Node:
        peer = _peer(device)
        if not self._book.has(peer):
            self._book.begin(peer, device.take_bundle())
        kind, data = self._book.encrypt(peer, pad(message.SerializeToString()))
        return Node("enc", {"v": "2", "type": kind, **({"count": str(count)} if count else {})}, data)

    def _file(self, line: ChatMessage) -> None:
        if (line.chat, line.id) not in self._lines:
            self._lines[line.chat, line.id] = line
            self.chats.setdefault(line.chat, []).append(line)
        self.refresh()

    def _receive(self, stanza: Node) -> None:
        source = stanza.jid("from")
        in_group = source is not None and source.server == GROUP_SERVER
        if stanza.tag == "message":
            (self._read_group_message if in_group else self._read_message)(stanza)
        elif stanza.tag == "receipt":
            (self._read_group_receipt if in_group else self._read_receipt)(stanza)
            self._device.acknowledged(waiting_key(stanza))
        elif stanza.tag == "notification":
            self._read_group_change(stanza)
            self.refresh()
            self._device.acknowledged(waiting_key(stanza))
        elif stanza.tag == "chatstate":
            self._read_typing(stanza)
        elif stanza.tag == "presence":
            self._read_presence(stanza)
            self.refresh()

    def _read_message(self, stanza: Node) -> None:
        source = stanza.jid("from")
        sender = self._server.directory.device(source) if source else None
        enc = stanza.child("enc")
        if source is None or sender is None or enc is None:
            return
        try:
            plain = unpad(self._book.decrypt(_peer(sender), enc.text("type"), enc.data()))
            message = Message.FromString(plain)
        except DuplicateMessage:
            self._read_repeat(stanza, source, sender, enc)
            return
        except (SignalError, ProtobufError):
            self._receipt(stanza, source, "retry", [self._retry(stanza)])
            return
        from_me, chat = sender.account is self._account, sender.account
        if message.HasField("deviceSentMessage"):
            chat = self._server.directory.account(JID.parse(message.deviceSentMessage.destinationJID)) or chat
            message = message.deviceSentMessage.message
        if from_me and (wanted := resend.wanted(message)):
            self._receipt(stanza, source, "peer_msg", [])
            self._send_again(stanza.text("id"), sender, wanted)
            return
        self._receipt(stanza, source, "sender" if from_me else "", [])
        self.typing.discard(f"+{chat.number}")
        if not from_me:
            self.contacts.setdefault(f"+{chat.number}", stanza.text("notify"))
        self._show(stanza.text("id"), f"+{chat.number}", sender, message, by_number=source.server == USER_SERVER)

    def _send_again(self, request_id: str, device: Device, wanted: list[MessageKey]) -> None:
        """Answer a linked device that asks for messages which it was only told of."""
        found = []
        for key in wanted:
            account = self._server.directory.account(JID.parse(key.remoteJID))
            line = self._lines.get((f"+{account.number}", key.ID)) if account else None
            if line is not None:
                found.append((key, line))
        enc = self._seal(device, resend.answer(request_id, found), 0)
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
        known = chat and (f"+{chat.number}", stanza.text("id")) in self._lines
        if known or enc.text("decrypt-fail") == "hide":
            self._receipt(stanza, source, "sender" if from_me else "", [])
        else:
            routing.refuse(self._server, self._device, stanza, routing.OLD_COUNTER)

    def _show(self, id: str, chat: str, sender: Device, message: Message, *, by_number: bool = False) -> None:
        who, said = f"+{sender.account.number}", content.read(message)
        if isinstance(said, content.Content):
            line = ChatMessage(id, chat, who, said.text, sender.account is self._account, sender.id)
            line.by_number = by_number
            line.show(said)
            self._file(line)
        elif isinstance(said, content.Timer):
            self.disappearing[chat] = said.seconds
        elif said and (chat, said.target) in self._lines:
            self._lines[chat, said.target].apply(said, who)
        self.refresh()

    def _receipt(self, stanza: Node, to: JID, kind: str, content: list[Node]) -> None:
        attrs: dict[str, str | JID] = {"id": stanza.text("id"), "to": to, "type": kind}
        recipient = stanza.jid("recipient")
        if recipient:
            attrs["recipient"] = recipient
        routing.receipt(self._server, self._device, Node("receipt", attrs, content or None))

    def _read_receipt(self, stanza: Node) -> None:
        source, kind = stanza.jid("from"), stanza.text("type")
        device = self._server.directory.device(source) if source else None
        sent = self._sent.get(stanza.text("id"))
        if device is None or sent is None:
            return
        account, message = sent
        if kind == "retry":
            self._book.forget(_peer(device))
            self._post(stanza.text("id"), account, message, [device], count=1)
            return
        # "sender" is an own device's: it says nothing about the other side (whatsmeow receipt.go).
        if device.account is not account:
            return
        told: dict[str, Status] = {"read": "read", "played": "played"}
        for item in [stanza, *(stanza.child("list") or ())]:
            line = self._lines.get((f"+{account.number}", item.text("id")))
            if line:
                line.advance(told.get(kind, "delivered"))
        self.refresh()

    def _read_typing(self, stanza: Node) -> None:
        source = stanza.jid("from")
        account = self._server.directory.account(source) if source else None
        if account is None:
            return
        state = stanza.child("composing")
        change = self.typing.add if state else self.typing.discard
        change(f"+{account.number}")
        change = self.recording.add if state and state.text("media") == "audio" else self.recording.discard
        change(f"+{account.number}")
        self.refresh()


def _peer(device: Device) -> str:
    return str(device.lid)
