"""What a simulated WhatsApp keeps in its state folder: the kinds of rows, where each is found and where it is put back.

This is the one other room that knows what is inside a phone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

from exponential.loopback.phones.messages import ChatMessage
from exponential.loopback.phones.phone import Phone
from exponential.loopback.phones.sender_keys import _Own, _State
from exponential.loopback.phones.signal import PreKey, Session
from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.groups import Group
from exponential.loopback.state.rows import Rows
from exponential.protocol.binary import JID, Node
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import Message

if TYPE_CHECKING:
    from exponential.loopback.server.server import Loopback

Key = tuple[Any, ...]  # of text and numbers
Hints = Mapping[str, Any]

# What a phone remembers of itself; its other attributes are in parts of their own, or pass with the process.
PHONE: Hints = {
    "name": str,
    "contacts": dict[str, str],
    "disappearing": dict[str, int],
    "self_chat_by_lid": bool,
    "addresses_by_number": bool,
    "wraps_ephemeral": bool,
}
ELSEWHERE = {"number", "chats", "_lines", "_keys", "_book", "_sender_keys", "_sent", "_sent_to_groups"}
PASSING = {"typing", "recording", "presence", "_asked_for", "_server", "_account", "_device", "_changed"}


def _hints(of: type, *left_out: str) -> Hints:
    return {name: kind for name, kind in get_type_hints(of).items() if name not in left_out}


class Part(NamedTuple):
    """A kind of rows that there are few of: each is looked at whenever the state is saved.

    `kind` is the type of what is kept, or the attributes that are kept of it.
    """

    name: str
    kind: Any
    rows: "Callable[[Loopback], Iterable[tuple[Key, Any]]]"
    put: "Callable[[Loopback, Key, Any], object]"


class Table(NamedTuple):
    """A kind of rows that there may be many of: they are in Rows, which tell what has changed.

    `tables` are these with the beginning of their rows' keys, which is whose they are.
    """

    name: str
    kind: Any
    tables: "Callable[[Loopback], Iterable[tuple[Key, Rows[Any, Any]]]]"
    put: "Callable[[Loopback, Key, Any], object]"

    def rows(self, server: "Loopback") -> Iterator[tuple[Key, Any]]:
        """All of them."""
        return ((row_key(owner, key), value) for owner, table in self.tables(server) for key, value in table.items())


def row_key(owner: Key, key: Any) -> Key:
    """The key of a row in the state folder."""
    return (*owner, *(key if isinstance(key, tuple) else (key,)))


def find_phone(server: "Loopback", number: str) -> Phone:
    """The phone of that number, in digits only."""
    return next(phone for phone in server.phones if phone.account.number == number)


def _of_phones(inside: Callable[[Phone], Any]) -> "Callable[[Loopback], Iterator[tuple[Key, Any]]]":
    return lambda server: (((phone.account.number,), inside(phone)) for phone in server.phones)


def _of_devices(inside: Callable[[Device], Any]) -> "Callable[[Loopback], Iterator[tuple[Key, Any]]]":
    return lambda server: (
        ((phone.account.number, device.id), inside(device))
        for phone in server.phones
        for device in phone.account.devices.values()
    )


def _put_authority(server: "Loopback", key: Key, pair: KeyPair) -> None:
    if key == ("root",):
        server.authority.root = pair
    else:
        server.static = pair


def _put_account(server: "Loopback", key: Key, kept: dict[str, Any]) -> None:
    phone = server.add_phone(f"+{key[0]}", kept["push_name"])
    server.directory.give_lid(phone.account, kept["lid_user"])
    vars(phone.account).update(kept)
    # The new phone's keys make way for those that are kept.
    phone._keys.one_time.clear()
    phone.account.devices[0].one_time.clear()


def _put_device(server: "Loopback", key: Key, kept: dict[str, Any]) -> None:
    account = find_phone(server, key[0]).account
    device = account.devices.get(key[1])
    if device:
        vars(device).update(kept)
    else:
        account.devices[key[1]] = Device(account, **kept)


def _device(server: "Loopback", key: Key) -> Device:
    return find_phone(server, key[0]).account.devices[key[1]]


# In the order in which they are read: what others refer to comes first.
PARTS: list[Part | Table] = [
    Part(
        "authority",
        KeyPair,
        lambda server: [(("root",), server.authority.root), (("static",), server.static)],
        _put_authority,
    ),
    Part("account", _hints(Account, "devices"), _of_phones(lambda phone: phone.account), _put_account),
    Part(
        "device",
        _hints(Device, "account", "one_time", "waiting", "deliver", "progress"),
        _of_devices(lambda device: device),
        _put_device,
    ),
    Table(
        "pre_key",
        bytes,
        _of_devices(lambda device: device.one_time),
        lambda server, key, value: _device(server, key).one_time.update({key[2]: value}),
    ),
    Part(
        "group",
        _hints(Group),
        lambda server: (((str(jid),), group) for jid, group in server.groups.items()),
        lambda server, key, kept: server.groups.update({JID.parse(key[0]): Group(**kept)}),
    ),
    Part(
        "phone",
        PHONE,
        _of_phones(lambda phone: phone),
        lambda server, key, kept: vars(find_phone(server, key[0])).update(kept),
    ),
    Part(
        "offline",
        bool,
        lambda server: (((phone.account.number,), True) for phone in server.phones if not phone.online),
        lambda server, key, _: find_phone(server, key[0]).go_offline(),
    ),
    Part(
        "keys",
        {"identity": KeyPair, "registration_id": int, "signed": PreKey},
        _of_phones(lambda phone: phone._keys),
        lambda server, key, kept: vars(find_phone(server, key[0])._keys).update(kept),
    ),
    Table(
        "own_pre_key",
        KeyPair,
        _of_phones(lambda phone: phone._keys.one_time),
        lambda server, key, pair: find_phone(server, key[0])._keys.one_time.update({key[1]: pair}),
    ),
    Table(
        "session",
        list[Session],
        _of_phones(lambda phone: phone._book._sessions),
        lambda server, key, sessions: find_phone(server, key[0])._book._sessions.update({key[1]: sessions}),
    ),
    Table(
        "own_sender_key",
        _Own,
        _of_phones(lambda phone: phone._sender_keys._own),
        lambda server, key, own: find_phone(server, key[0])._sender_keys._own.update({key[1]: own}),
    ),
    Table(
        "sender_key",
        dict[int, _State],
        _of_phones(lambda phone: phone._sender_keys._theirs),
        lambda server, key, keys: find_phone(server, key[0])._sender_keys._theirs.update({(key[1], key[2]): keys}),
    ),
    Table(
        "line",
        ChatMessage,
        _of_phones(lambda phone: phone._lines),
        lambda server, key, line: find_phone(server, key[0])._file(line),
    ),
    Table(
        "sent",
        tuple[Account, Message],
        _of_phones(lambda phone: phone._sent),
        lambda server, key, sent: find_phone(server, key[0])._sent.update({key[1]: sent}),
    ),
    Table(
        "sent_to_group",
        tuple[Group, Message],
        _of_phones(lambda phone: phone._sent_to_groups),
        lambda server, key, sent: find_phone(server, key[0])._sent_to_groups.update({key[1]: sent}),
    ),
    Table(
        "waiting",
        Node,
        _of_devices(lambda device: device.waiting),
        lambda server, key, stanza: _device(server, key).waiting.update({key[2:]: stanza}),
    ),
    Table(
        "file",
        bytes,
        lambda server: [((), server.media.files)],
        lambda server, key, data: server.media.files.update({key[0]: data}),
    ),
]
