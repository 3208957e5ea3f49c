"""Signal's messages as bytes: version byte, then protobuf fields, keys with a type byte in front.

Layout as in libsignal's WhisperTextProtocol.proto: only varint and bytes fields. neonize does not ship it.
"""

from dataclasses import dataclass

VERSION = b"\x33"  # current version 3, minimum version 3
KEY_TYPE = b"\x05"  # Curve25519 public keys travel with this byte in front
Fields = dict[int, int | bytes]


class SignalError(Exception):
    """A message that does not decrypt: no session, wrong keys, cut off, or a repeat."""


class DuplicateMessage(SignalError):
    """A message that was decrypted before: it is confirmed again, not asked for again (whatsmeow message.go)."""


@dataclass(frozen=True)
class PreKeyMessage:
    """The first message of a conversation, opened as far as it goes without secrets."""

    one_time_id: int | None
    base_key: bytes
    identity: bytes
    inner: bytes
    signed_id: int

    @classmethod
    def parse(cls, data: bytes) -> "PreKeyMessage":
        fields = parse(data)
        one_time = integer(fields, 1) if 1 in fields else None
        return cls(one_time, public_key(fields, 2), public_key(fields, 3), raw(fields, 4), integer(fields, 6))


def put(number: int, value: int | bytes) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def parse(data: bytes) -> Fields:
    """The fields behind the version byte. Raises SignalError."""
    if data[:1] != VERSION:
        raise SignalError("not a version 3 message")
    fields: Fields = {}
    at = 1
    while at < len(data):
        head, at = _read_varint(data, at)
        number, wire = head >> 3, head & 7
        value, at = _read_varint(data, at)
        if wire == 0:
            fields[number] = value
        elif wire == 2 and at + value <= len(data):
            fields[number] = data[at : at + value]
            at += value
        else:
            raise SignalError("the message is cut off or holds a field that Signal doesn't use")
    return fields


def integer(fields: Fields, number: int) -> int:
    """A varint field, 0 when absent."""
    value = fields.get(number, 0)
    return value if isinstance(value, int) else 0


def raw(fields: Fields, number: int) -> bytes:
    """A bytes field. Raises SignalError when absent."""
    value = fields.get(number)
    if not isinstance(value, bytes):
        raise SignalError("a part of the message is missing")
    return value


def public_key(fields: Fields, number: int) -> bytes:
    """A Curve25519 key, 32 bytes without its type. Raises SignalError."""
    value = raw(fields, number)
    if len(value) != 33 or value[:1] != KEY_TYPE:
        raise SignalError("not a Curve25519 key")
    return value[1:]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
    raise SignalError("the message is cut off")
