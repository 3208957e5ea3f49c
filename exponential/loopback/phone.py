"""A simulated phone: device 0 of an account. It scans codes, writes, reads and keeps its chats in memory."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from google.protobuf.message import DecodeError as ProtobufError

from exponential.loopback import pairing, routing
from exponential.loopback.binary import JID, Node
from exponential.loopback.directory import Account, Device, waiting_key
from exponential.loopback.keys import KeyPair
from exponential.loopback.protobufs import Message
from exponential.loopback.signal import Keys, SessionBook, pad, unpad
from exponential.loopback.signal_wire import SignalError

if TYPE_CHECKING:
    from exponential.loopback.server import Loopback

ONE_TIME_KEYS = 100
Status = Literal["sent", "delivered", "read"]


@dataclass
class ChatMessage:
    """A line in a chat. `device` tells which of the sender's devices wrote it; 0 is the phone itself."""

    id: str
    chat: str
    sender: str
    text: str
    from_me: bool
    device: int
    at: float = field(default_factory=time.time)
    status: Status = "sent"


class Phone:
    """`number` is in international form. Chats are named by the other side's number, one's own "Message yourself"."""

    def __init__(self, server: "Loopback", number: str, name: str) -> None:
        self.number = number
        self.name = name
        self.chats: dict[str, list[ChatMessage]] = {}
        self._lines: dict[tuple[str, str], ChatMessage] = {}
        self.contacts: dict[str, str] = {number: f"{name} (You)"}
        self.typing: set[str] = set()
        self.self_chat_by_lid = False  # WhatsApp has used both ways to address "Message yourself"
        self._server = server
        self._keys = Keys(one_time={index: KeyPair() for index in range(1, ONE_TIME_KEYS + 1)})
        self._book = SessionBook(self._keys)
        self._sent: dict[str, tuple[Account, Message]] = {}
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
        device = await pairing.link(self._server, self._account, self._keys.identity, code)
        self._touch()
        return device

    def unlink(self, device: Device) -> None:
        """Log a linked device out, as "Linked devices → Log out" does."""
        self._book.forget(_peer(device))
        self._server.remove_device(device)
        self._touch()

    def go_offline(self) -> None:
        """What is sent to this phone from now on waits on the server."""
        self._device.deliver = None

    def go_online(self) -> None:
        loop = self._server.loop
        self._device.deliver = lambda stanza: loop.call_soon(self._receive, stanza)
        for stanza in list(self._device.waiting.values()):
            loop.call_soon(self._receive, stanza)

    def send_text(self, to: "Phone | str", text: str) -> ChatMessage:
        """Write to another phone, a number, or "me". Raises ValueError when the number has no account."""
        return self.send(to, Message(conversation=text))

    def send(self, to: "Phone | str", message: Message) -> ChatMessage:
        """Encrypt `message` for every device of both accounts and hand it to the server."""
        account = self._find(to)
        line = ChatMessage(
            id=secrets.token_hex(16).upper(),
            chat=f"+{account.number}",
            sender=self.number,
            text=text_of(message),
            from_me=True,
            device=0,
        )
        self._sent[line.id] = (account, message)
        self._file(line)
        targets = {id(device): device for device in [*account.devices.values(), *self.linked_devices]}
        targets.pop(id(self._device), None)
        self._post(line.id, account, message, list(targets.values()))
        return line

    def messages(self, chat: "Phone | str" = "me") -> list[ChatMessage]:
        """The lines of a chat, oldest first."""
        return self.chats.get(f"+{self._find(chat).number}", [])

    def mark_read(self, chat: "Phone | str") -> None:
        """Open the chat: the other side's ticks turn blue."""
        account = self._find(chat)
        lines = [line for line in self.messages(chat) if not line.from_me and line.status != "read"]
        for line in lines:
            line.status = "read"
            attrs: dict[str, str | JID] = {"id": line.id, "to": account.lid, "type": "read"}
            routing.receipt(self._server, self._device, Node("receipt", attrs))

    async def wait_for(
        self, what: str | Callable[[ChatMessage], bool], *, chat: "Phone | str" = "me", timeout: float = 15
    ) -> ChatMessage:
        """The first line of `chat`, not typed on this phone, that contains or satisfies `what`. Raises TimeoutError."""
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

    def _touch(self) -> None:
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

    def _post(self, id: str, account: Account, message: Message, targets: list[Device], *, count: int = 0) -> None:
        by_lid = self.self_chat_by_lid if account is self._account else True
        to = account.lid if by_lid else account.jid
        own = Message()
        own.deviceSentMessage.destinationJID = str(to)
        own.deviceSentMessage.message.CopyFrom(message)
        parts = []
        for device in targets:
            plain = own if device.account is self._account else message
            parts.append(Node("to", {"jid": device.lid if by_lid else device.jid}, [self._seal(device, plain, count)]))
        attrs: dict[str, str | JID] = {"id": id, "to": to, "type": "text"}
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
        self._touch()

    def _receive(self, stanza: Node) -> None:
        if stanza.tag == "message":
            self._read_message(stanza)
        elif stanza.tag == "receipt":
            self._read_receipt(stanza)
            self._device.acknowledged(waiting_key(stanza))
        elif stanza.tag == "chatstate":
            self._read_typing(stanza)

    def _read_message(self, stanza: Node) -> None:
        source = stanza.jid("from")
        sender = self._server.directory.device(source) if source else None
        enc = stanza.child("enc")
        if source is None or sender is None or enc is None:
            return
        try:
            plain = unpad(self._book.decrypt(_peer(sender), enc.text("type"), enc.data()))
            message = Message.FromString(plain)
        except (SignalError, ProtobufError):
            self._receipt(stanza, source, "retry", [Node("retry", {"count": "1", "id": stanza.text("id"), "v": "1"})])
            return
        from_me = sender.account is self._account
        chat = sender.account
        if message.HasField("deviceSentMessage"):
            chat = self._server.directory.account(JID.parse(message.deviceSentMessage.destinationJID)) or chat
            message = message.deviceSentMessage.message
        self._receipt(stanza, source, "sender" if from_me else "", [])
        text = text_of(message)
        if not text:
            return
        self.typing.discard(f"+{chat.number}")
        if not from_me:
            self.contacts.setdefault(f"+{chat.number}", stanza.text("notify"))
        number = f"+{sender.account.number}"
        self._file(ChatMessage(stanza.text("id"), f"+{chat.number}", number, text, from_me, sender.id))

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
        line = self._lines.get((f"+{account.number}", stanza.text("id")))
        if line and line.status != "read":
            line.status = "read" if kind == "read" else "delivered"
            self._touch()

    def _read_typing(self, stanza: Node) -> None:
        source = stanza.jid("from")
        account = self._server.directory.account(source) if source else None
        if account is None:
            return
        change = self.typing.add if stanza.child("composing") else self.typing.discard
        change(f"+{account.number}")
        self._touch()


def text_of(message: Message) -> str:
    """The words of a message; empty for kinds without words."""
    return str(message.conversation or message.extendedTextMessage.text)


def _peer(device: Device) -> str:
    return str(device.lid)
