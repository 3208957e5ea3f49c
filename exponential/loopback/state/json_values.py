"""Values of the simulated WhatsApp as plain JSON and back. What is read back is told by types: nothing in it can run.

Bytes are base64, an address its text, a key pair its private half, stanzas and protobuf messages their own encodings.
A dictionary is a list of pairs. An account or a group is a reference: its number, its JID.
"""

import base64
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from google.protobuf.message import Message as Protobuf

from exponential.loopback.server.directory import Account, Group
from exponential.protocol.binary import JID, Node, decode, encode
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import Message

_AS_IS = (str, int, float, bool)
_ENCODE: dict[type, Callable[[Any], Any]] = {
    **{kind: lambda value: value for kind in (*_AS_IS, type(None))},
    bytes: lambda value: base64.b64encode(value).decode(),
    JID: str,
    KeyPair: lambda value: plain(value.private),
    Node: lambda value: plain(encode(value)),
    Account: lambda value: value.number,
    Group: lambda value: str(value.jid),
    list: lambda value: [plain(item) for item in value],
    tuple: lambda value: [plain(item) for item in value],
    set: lambda value: sorted(plain(item) for item in value),
    dict: lambda value: [[plain(key), plain(item)] for key, item in value.items()],
}


def plain(value: Any) -> Any:
    """What `json.dumps` can take. Raises TypeError for what has no plain form."""
    convert = _ENCODE.get(type(value))
    if convert:
        return convert(value)
    if isinstance(value, Protobuf):
        return plain(value.SerializeToString())
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no plain form")
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}


def attributes(of: Any, hints: Mapping[str, Any]) -> dict[str, Any]:
    """The plain form of these attributes of an object."""
    return {name: plain(getattr(of, name)) for name in hints}


class Reader:
    """Reads plain forms; `account` and `group` find what references name. Raises ValueError, KeyError, TypeError."""

    def __init__(self, account: Callable[[str], Account], group: Callable[[str], Group]) -> None:
        self._simple: dict[Any, Callable[[str], Any]] = {
            bytes: _bytes,
            JID: JID.parse,
            KeyPair: lambda text: KeyPair(_bytes(text)),
            Node: lambda text: decode(_bytes(text)),
            Message: lambda text: Message.FromString(_bytes(text)),
            Account: account,
            Group: group,
        }

    def read(self, kind: Any, data: Any) -> Any:
        """A value of the type `kind` from its plain form."""
        if kind in self._simple:
            return self._simple[kind](data)
        origin, inside = get_origin(kind), get_args(kind)
        if kind in _AS_IS or origin is Literal:
            return data
        if origin in (Union, types.UnionType):
            return self._read_either([one for one in inside if one is not type(None)], data)
        if origin in (dict, Mapping):
            return {self.read(inside[0], key): self.read(inside[1], value) for key, value in data}
        if origin in (list, set):
            return origin(self.read(inside[0], item) for item in data)
        if origin is tuple:
            return tuple(self.read(one, item) for one, item in zip(inside, data, strict=True))
        return kind(**self.attributes(get_type_hints(kind), data))

    def _read_either(self, kinds: list[Any], data: Any) -> Any:
        """`X | None`, or a choice of plain values."""
        return data if data is None or len(kinds) > 1 else self.read(kinds[0], data)

    def attributes(self, hints: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
        """Values for these attributes, as far as `data` has them."""
        return {name: self.read(kind, data[name]) for name, kind in hints.items() if name in data}


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
