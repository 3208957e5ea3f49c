"""What the server knows: accounts with phone number and LID, their devices, what waits for each, groups."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from exponential.loopback.phones.signal import Bundle
from exponential.loopback.server.linking.webauthn import Passkey
from exponential.loopback.state.rows import OMITTED, Rows
from exponential.protocol.binary import JID, LID_SERVER, SERVER, USER_SERVER, Node, Value

Deliver = Callable[[Node], object]
Key = tuple[str, ...]
FEW_KEYS = 4  # one-time; whatsmeow and Baileys upload more when there are fewer than 5 (prekeys.go, MinPreKeyCount)


@dataclass
class Device:
    """A phone (id 0) or a linked device. `deliver` is set while it is connected, `progress` while it is paced."""

    account: "Account" = field(metadata=OMITTED)
    id: int
    identity: bytes
    registration_id: int
    signed_id: int
    signed: bytes
    signature: bytes
    noise: bytes | None = None
    key_index: int = 0
    name: str = ""
    one_time: Rows[int, bytes] = field(default_factory=Rows, metadata=OMITTED)
    waiting: Rows[Key, Node] = field(default_factory=Rows, metadata=OMITTED)
    deliver: Deliver | None = field(default=None, metadata=OMITTED)
    progress: Callable[[Key], object] | None = field(default=None, metadata=OMITTED)

    @property
    def jid(self) -> JID:
        return self.account.jid.with_device(self.id)

    @property
    def lid(self) -> JID:
        return self.account.lid.with_device(self.id)

    def take_bundle(self) -> Bundle:
        """The keys to start a session with. A one-time key is handed out once, then gone (X3DH §3.3)."""
        oldest = next(iter(self.one_time), None)
        one_time = (None, None) if oldest is None else (oldest, self.one_time.pop(oldest))
        if self.id and oldest is not None and len(self.one_time) == FEW_KEYS:
            self.put(self._few_keys())
        return Bundle(self.registration_id, self.identity, self.signed_id, self.signed, self.signature, *one_time)

    def _few_keys(self) -> Node:
        """By which a linked device is told to upload more one-time keys (whatsmeow notification.go)."""
        attrs: dict[str, Value] = {"type": "encrypt", "from": SERVER, "id": secrets.token_hex(8)}
        return Node("notification", attrs, [Node("count", {"value": str(FEW_KEYS)})])

    def put(self, stanza: Node) -> None:
        """Keep `stanza` until the device acknowledges it, and send it now if the device is there."""
        self.waiting[waiting_key(stanza)] = stanza
        if self.deliver:
            self.deliver(stanza)

    def acknowledged(self, key: Key) -> None:
        """The device has the stanza of this `waiting_key` for good."""
        self.waiting.pop(key, None)
        if self.progress:
            self.progress(key)


def waiting_key(stanza: Node) -> Key:
    """What an acknowledgement repeats of a stanza. A message is known by its id alone."""
    if stanza.tag == "message":
        return "message", stanza.text("id")
    return stanza.tag, stanza.text("id"), stanza.text("type"), stanza.text("from")


@dataclass
class Account:
    """A WhatsApp account: one phone number, one LID, one phone and its linked devices."""

    number: str
    lid_user: str
    push_name: str
    devices: dict[int, Device] = field(default_factory=dict, metadata=OMITTED)
    passkey: bool = False  # asks devices that are being linked for it
    key: Passkey | None = None  # made when it is first asked for
    last_key_index: int = 0
    last_device: int = 0
    last_seen: int = 0  # Unix time, 0 before the first time
    privacy: dict[str, str] = field(default_factory=dict)  # settings that were changed
    askers: set[tuple[JID, JID]] = field(default_factory=set)  # devices that know the devices, by which address

    @property
    def jid(self) -> JID:
        return JID(self.number, USER_SERVER)

    @property
    def lid(self) -> JID:
        return JID(self.lid_user, LID_SERVER)

    def linked(self) -> list[Device]:
        return [device for device in self.devices.values() if device.id]


def participant(member: Account, *, admin: bool = False) -> Node:
    """A member of a group."""
    return Node("participant", {"jid": member.lid, "phone_number": member.jid, "type": "superadmin" if admin else ""})


@dataclass
class Group:
    """A group; its first member made it and is its admin. Members address each other by LID."""

    jid: JID
    subject: str
    members: list[Account]
    created: int = field(default_factory=lambda: int(time.time()))

    def devices(self) -> list[Device]:
        return [device for member in self.members for device in member.devices.values()]

    def node(self) -> Node:
        """The group, as clients are told of it."""
        owner = self.members[0]
        attrs: dict[str, Value] = {
            "id": self.jid.user,
            "subject": self.subject,
            "creation": str(self.created),
            "creator": owner.lid,
            "creator_pn": owner.jid,
            "s_t": str(self.created),
            "s_o": owner.lid,
            "addressing_mode": "lid",
            "size": str(len(self.members)),
        }
        return Node("group", attrs, [participant(member, admin=member is owner) for member in self.members])


Place: TypeAlias = Account | Group  # what a chat is with


def chat_name(place: Place) -> str:
    """What phones call the chat: the other side's number in international form, or the group's JID."""
    return str(place.jid) if isinstance(place, Group) else f"+{place.number}"


def address(place: Place) -> JID:
    """Where to send what is written in the chat."""
    return place.jid if isinstance(place, Group) else place.lid


class Directory:
    """All accounts, found by phone number or LID."""

    def __init__(self) -> None:
        self._by_user: dict[tuple[str, str], Account] = {}

    def add(self, number: str, push_name: str) -> Account:
        """Register a phone number (digits only). Raises ValueError when it has an account."""
        if (number, USER_SERVER) in self._by_user:
            raise ValueError(f"+{number} has an account already")
        account = Account(number, str(10**14 + secrets.randbelow(9 * 10**14)), push_name)
        self._by_user[number, USER_SERVER] = account
        self._by_user[account.lid_user, LID_SERVER] = account
        return account

    def give_lid(self, account: Account, lid_user: str) -> None:
        """Let an account have the LID that it had before."""
        del self._by_user[account.lid_user, LID_SERVER]
        account.lid_user = lid_user
        self._by_user[lid_user, LID_SERVER] = account

    def account(self, jid: JID) -> Account | None:
        return self._by_user.get((jid.user, jid.server))

    def device(self, jid: JID) -> Device | None:
        account = self.account(jid)
        return account.devices.get(jid.device) if account else None

    def told_by_receipt(self, sender: Device, kind: str, author: JID | None) -> Account | None:
        """Whose devices get a receipt: the author's, or, where read receipts are off, the reader's own.

        Types: whatsmeow types/presence.go, ReceiptTypeReadSelf.
        """
        if kind == "read-self":
            return sender.account
        return self.account(author) if author else None

    def __iter__(self) -> Iterator[Account]:
        return iter({id(account): account for account in self._by_user.values()}.values())
