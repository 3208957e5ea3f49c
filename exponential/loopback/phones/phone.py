"""A simulated phone: device 0 of an account. It scans codes, writes, reads and keeps its chats in memory."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from exponential.loopback.phones.chats import ChatMessage
from exponential.loopback.phones.encryption import peer as _peer
from exponential.loopback.phones.messages import Chat, Messenger, Person
from exponential.loopback.server import device_lists, groups
from exponential.loopback.server.directory import Device, Group, waiting_key
from exponential.loopback.server.interfaces import Phone as OtherPhone
from exponential.loopback.server.linking import pairing_code, qr_code
from exponential.loopback.server.linking.passkey import Exchange
from exponential.loopback.server.registers import Registers
from exponential.protocol.binary import GROUP_SERVER, Node
from exponential.protocol.protobufs import Message


class Seen(NamedTuple):
    """What a phone shows below a contact's name. `last` is Unix time, None when they are there or never were."""

    available: bool
    last: int | None = None


class Phone(Messenger):
    """`presence` is what was told of contacts since `watch`, by number; `typing` and `recording` are numbers, too."""

    def __init__(self, server: Registers, number: str, name: str) -> None:
        super().__init__(server, number, name)
        self.presence: dict[str, Seen] = {}
        self.go_online()

    @property
    def linked_devices(self) -> list[Device]:
        """What "Linked devices" shows."""
        return self._account.linked()

    def known_phones(self) -> list[OtherPhone]:
        """The other simulated phones: this one's address book."""
        return [phone for phone in self._server.phones if phone is not self]

    async def scan(self, code: str) -> Device:
        """Scan the text of a QR code and wait until the device is linked. Raises LinkError."""
        device = await qr_code.link(self._server, self._account, self.encryption.keys.identity, code)
        self.refresh()
        return device

    async def enter_code(self, code: str) -> Device:
        """Type a pairing code ("Link with phone number") and wait until the device is linked. Raises LinkError."""
        device = await pairing_code.enter(self._server, self._account, self.encryption.keys.identity, code)
        self.refresh()
        return device

    def exchange(self) -> Exchange | None:
        """The device that is being linked and has to confirm with this account's passkey."""
        for registration in self._server.registrations.values():
            exchange = registration.exchange
            if exchange and exchange.passkey is self._account.key and not registration.linked.done():
                return exchange
        return None

    def unlink(self, device: Device) -> None:
        """Log a linked device out, as "Linked devices → Log out" does."""
        self.encryption.forget(device)
        device_lists.remove(self._server, device)
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

    async def wait_for(
        self, what: str | Callable[[ChatMessage], bool], *, chat: Chat = "me", timeout: float | None = 15
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
        await self.news().wait()

    def news(self) -> asyncio.Event:
        """Is set at the next change, also when nobody waits yet."""
        return self.history.news

    def refresh(self) -> None:
        """Let this phone's page show what has changed."""
        self.history.refresh()

    def rename(self, name: str) -> None:
        """Give the account another push name; others hear it with the next message."""
        self.name = self._account.push_name = name
        self.contacts[self.number] = f"{name} (You)"
        self.introduce()

    def introduce(self) -> None:
        """Let the other phones' address books show this one as it is now."""
        self._server.refresh_phones()

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
        self.in_groups.sender_keys.told(str(group.jid)).add(_peer(device))

    def lose_sender_keys(self, group: Group) -> None:
        """Forget what the other members' keys for `group` are: this phone has to ask."""
        self.in_groups.sender_keys.forget(str(group.jid))

    def send_to_group(self, group: Group, text: str, *, mentions: "Sequence[Phone]" = ()) -> ChatMessage:
        """Write to a group. A mention is the member's LID in the text (`@…`) and in the context (whatsmeow send.go)."""
        message = Message(conversation=text)
        if mentions:
            message = Message()
            named = " ".join(f"@{phone.account.lid.user}" for phone in mentions)
            message.extendedTextMessage.text = f"{named} {text}"
            message.extendedTextMessage.contextInfo.mentionedJID.extend(str(phone.account.lid) for phone in mentions)
        return self.send(group, message)

    def appear(self, on: bool = True) -> None:
        """Open WhatsApp, or put it away: others see "online", or when this phone was last seen."""
        self._server.presence.set(self._device, on)

    def watch(self, chat: Person) -> None:
        """Open a chat to see in `presence` when the other side is there. Nothing is told while this phone isn't."""
        self._server.presence.watch(self._device, self._find(chat).lid)

    @property
    def typing(self) -> set[str]:
        return self.history.typing

    @property
    def recording(self) -> set[str]:
        return self.history.recording

    def _receive(self, stanza: Node) -> None:
        source = stanza.jid("from")
        messages = self.in_groups if source and source.server == GROUP_SERVER else self.direct
        if stanza.tag == "message":
            messages.read(stanza)
        elif stanza.tag == "receipt":
            messages.read_receipt(stanza)
            self._device.acknowledged(waiting_key(stanza))
        elif stanza.tag == "notification":
            self.in_groups.read_change(stanza)
            self.refresh()
            self._device.acknowledged(waiting_key(stanza))
        else:
            self._read_presence(stanza)
            self.refresh()

    def _read_presence(self, stanza: Node) -> None:
        """Who is there (presence), who is typing or recording (chatstate)."""
        source = stanza.jid("from")
        account = self._server.directory.account(source) if source else None
        if account is None:
            return
        number, composing = f"+{account.number}", stanza.child("composing")
        if stanza.tag == "presence":
            last = stanza.text("last")
            self.presence[number] = Seen(stanza.text("type") != "unavailable", int(last) if last else None)
        elif stanza.tag == "chatstate":
            recording = composing is not None and composing.text("media") == "audio"
            (self.typing.add if composing else self.typing.discard)(number)
            (self.recording.add if recording else self.recording.discard)(number)
