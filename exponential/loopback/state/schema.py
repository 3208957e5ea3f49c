"""What a simulated WhatsApp keeps in its state folder: the kinds of rows, where each is found and where it is put back.

What is kept of an object, its class says: see rows.py.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from exponential.loopback.phones.chats import ChatMessage
from exponential.loopback.phones.phone import Phone
from exponential.loopback.phones.sender_keys import OwnSenderKey, SenderKey
from exponential.loopback.phones.settings import Settings
from exponential.loopback.phones.signal import Keys, Session
from exponential.loopback.server.directory import Account, Device, Group
from exponential.loopback.server.whatsapp import WhatsApp
from exponential.loopback.state.rows import Rows, kept
from exponential.protocol.binary import JID, Node
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import Message

Key = tuple[Any, ...]  # of text and numbers


class Part(NamedTuple):
    """A kind of rows that there are few of: each is looked at whenever the state is saved.

    `kind` is the type of what is kept, or the attributes that are kept of it.
    """

    name: str
    kind: Any
    rows: Callable[[WhatsApp], Iterable[tuple[Key, Any]]]
    put: Callable[[WhatsApp, Key, Any], object]


class Table(NamedTuple):
    """A kind of rows that there may be many of: they are in Rows, which tell what has changed.

    `tables` are these with the beginning of their rows' keys, which is whose they are.
    """

    name: str
    kind: Any
    tables: Callable[[WhatsApp], Iterable[tuple[Key, Rows[Any, Any]]]]
    put: Callable[[WhatsApp, Key, Any], object]

    def rows(self, server: WhatsApp) -> Iterator[tuple[Key, Any]]:
        """All of them."""
        return ((row_key(owner, key), value) for owner, table in self.tables(server) for key, value in table.items())


def row_key(owner: Key, key: Any) -> Key:
    """The key of a row in the state folder."""
    return (*owner, *(key if isinstance(key, tuple) else (key,)))


def _table_key(rest: Key) -> Any:
    """The key in its table of a row in the state folder: what comes after whose the table is."""
    return rest if len(rest) > 1 else rest[0]


def find_phone(server: WhatsApp, number: str) -> Phone:
    """The phone of that number, in digits only."""
    return next(phone for phone in server.phones if phone.account.number == number)


def _of_phones(inside: Callable[[Phone], Any]) -> Callable[[WhatsApp], Iterator[tuple[Key, Any]]]:
    return lambda server: (((phone.account.number,), inside(phone)) for phone in server.phones)


def _of_devices(inside: Callable[[Device], Any]) -> Callable[[WhatsApp], Iterator[tuple[Key, Any]]]:
    return lambda server: (
        ((phone.account.number, device.id), inside(device))
        for phone in server.phones
        for device in phone.account.devices.values()
    )


def _phone_table(name: str, kind: Any, rows: Callable[[Phone], Rows[Any, Any]]) -> Table:
    def put(server: WhatsApp, key: Key, value: Any) -> None:
        rows(find_phone(server, key[0]))[_table_key(key[1:])] = value

    return Table(name, kind, _of_phones(rows), put)


def _device_table(name: str, kind: Any, rows: Callable[[Device], Rows[Any, Any]]) -> Table:
    def put(server: WhatsApp, key: Key, value: Any) -> None:
        rows(find_phone(server, key[0]).account.devices[key[1]])[_table_key(key[2:])] = value

    return Table(name, kind, _of_devices(rows), put)


def _put_authority(server: WhatsApp, key: Key, pair: KeyPair) -> None:
    if key == ("root",):
        server.authority.root = pair
    else:
        server.static = pair


def _put_account(server: WhatsApp, key: Key, values: dict[str, Any]) -> None:
    phone = server.add_phone(f"+{key[0]}", values["push_name"])
    server.directory.give_lid(phone.account, values["lid_user"])
    vars(phone.account).update(values)
    # The new phone's keys make way for those that are kept.
    phone.encryption.keys.one_time.clear()
    phone.account.devices[0].one_time.clear()


def _put_device(server: WhatsApp, key: Key, values: dict[str, Any]) -> None:
    account = find_phone(server, key[0]).account
    device = account.devices.get(key[1])
    if device:
        vars(device).update(values)
    else:
        account.devices[key[1]] = Device(account, **values)


# In the order in which they are read: what others refer to comes first.
PARTS: list[Part | Table] = [
    Part(
        "authority",
        KeyPair,
        lambda server: [(("root",), server.authority.root), (("static",), server.static)],
        _put_authority,
    ),
    Part("account", kept(Account), _of_phones(lambda phone: phone.account), _put_account),
    Part("device", kept(Device), _of_devices(lambda device: device), _put_device),
    _device_table("pre_key", bytes, lambda device: device.one_time),
    Part(
        "group",
        kept(Group),
        lambda server: (((str(jid),), group) for jid, group in server.groups.items()),
        lambda server, key, values: server.groups.update({JID.parse(key[0]): Group(**values)}),
    ),
    Part(
        "phone",
        kept(Settings),
        _of_phones(lambda phone: phone),
        lambda server, key, values: vars(find_phone(server, key[0])).update(values),
    ),
    Part(
        "offline",
        bool,
        lambda server: (((phone.account.number,), True) for phone in server.phones if not phone.online),
        lambda server, key, _: find_phone(server, key[0]).go_offline(),
    ),
    Part(
        "keys",
        kept(Keys),
        _of_phones(lambda phone: phone.encryption.keys),
        lambda server, key, values: vars(find_phone(server, key[0]).encryption.keys).update(values),
    ),
    _phone_table("own_pre_key", KeyPair, lambda phone: phone.encryption.keys.one_time),
    _phone_table("session", list[Session], lambda phone: phone.encryption.book.sessions),
    _phone_table("own_sender_key", OwnSenderKey, lambda phone: phone.in_groups.sender_keys.own),
    _phone_table("sender_key", dict[int, SenderKey], lambda phone: phone.in_groups.sender_keys.theirs),
    Table(
        "line",
        ChatMessage,
        _of_phones(lambda phone: phone.history.lines),
        lambda server, key, line: find_phone(server, key[0]).history.file(line),
    ),
    _phone_table("sent", tuple[Account, Message], lambda phone: phone.direct.sent),
    _phone_table("sent_to_group", tuple[Group, Message], lambda phone: phone.in_groups.sent),
    _device_table("waiting", Node, lambda device: device.waiting),
    Table(
        "file",
        bytes,
        lambda server: [((), server.media.files)],
        lambda server, key, data: server.media.files.update({key[0]: data}),
    ),
]
