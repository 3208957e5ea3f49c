"""WhatsApp's binary XML: stanzas (Node) and addresses (JID) to bytes and back.

Format facts: whatsmeow binary/encoder.go and decoder.go; token numbers: binary/token. A frame's payload opens with a
flag byte; bit 2 says that the rest is zlib-compressed (whatsmeow binary/unpack.go).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from exponential.protocol import dictionary

USER_SERVER = "s.whatsapp.net"
LID_SERVER = "lid"
GROUP_SERVER = "g.us"

_LIST_EMPTY, _DICTIONARY_0 = 0, 236
_INTEROP_JID, _FB_JID, _AD_JID, _LIST_8, _LIST_16, _JID_PAIR = 245, 246, 247, 248, 249, 250
_HEX_8, _BINARY_8, _BINARY_20, _BINARY_32, _NIBBLE_8 = 251, 252, 253, 254, 255
_PACKED_MAX = 127
_MAX_DEPTH = 64
_MAX_UNPACKED = 1 << 24  # a frame holds less than 2^24 bytes (whatsmeow socket/constants.go)

_SINGLE = {token: index for index, token in enumerate(dictionary.SINGLE) if token}
_DOUBLE = {token: (d, i) for d, tokens in enumerate(dictionary.DOUBLE) for i, token in enumerate(tokens)}
_NIBBLES = "0123456789-."
_HEX = "0123456789ABCDEF"

# Domain types of an AD_JID (whatsmeow types/jid.go): which server a JID with a device number belongs to.
_DOMAIN_OF = {USER_SERVER: 0, LID_SERVER: 1, "hosted": 128, "hosted.lid": 129}
_SERVER_OF = {number: server for server, number in _DOMAIN_OF.items()}


class DecodeError(ValueError):
    """The bytes are not a stanza."""


@dataclass(frozen=True, slots=True, order=True)
class JID:
    """A WhatsApp address. `device` 0 is the phone itself; linked devices count from 1."""

    user: str
    server: str = USER_SERVER
    device: int = 0

    @classmethod
    def parse(cls, text: str) -> "JID":
        """Read `user[:device]@server` or a bare server. Raises ValueError."""
        user, at, server = text.rpartition("@")
        if not at:
            return cls("", text)
        name, _, device = user.partition(":")
        return cls(name, server, int(device or 0))

    def __str__(self) -> str:
        if not self.user:
            return self.server
        return f"{self.user}:{self.device}@{self.server}" if self.device else f"{self.user}@{self.server}"

    @property
    def bare(self) -> "JID":
        """The account's address, without a device."""
        return JID(self.user, self.server) if self.device else self

    def with_device(self, device: int) -> "JID":
        return JID(self.user, self.server, device)


SERVER = JID("", USER_SERVER)
Value: TypeAlias = str | JID
Content: TypeAlias = "str | bytes | list[Node] | None"


@dataclass(slots=True)
class Node:
    """A stanza. Attributes are strings or JIDs; content is bytes, text (when it was a token) or child nodes."""

    tag: str
    attrs: dict[str, Value] = field(default_factory=dict)
    content: Content = None

    def __iter__(self) -> Iterator["Node"]:
        return iter(self.content if isinstance(self.content, list) else ())

    def child(self, *path: str) -> "Node | None":
        """The first descendant along `path` of tags."""
        node: Node | None = self
        for tag in path:
            node = next((child for child in node or () if child.tag == tag), None)
        return node

    def data(self, *path: str) -> bytes:
        """Content of the descendant along `path` as bytes; empty when it isn't there."""
        node = self.child(*path)
        content = node.content if node is not None else None
        return content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else b""

    def text(self, name: str, default: str = "") -> str:
        """An attribute as text."""
        value = self.attrs.get(name)
        return default if value is None else str(value)

    def jid(self, name: str) -> JID | None:
        """An attribute as an address, None when absent or not one."""
        value = self.attrs.get(name)
        if isinstance(value, JID):
            return value
        try:
            return JID.parse(value) if value else None
        except ValueError:
            return None


def encode(node: Node) -> bytes:
    """A frame's payload: flag byte 0 (not compressed) and the stanza."""
    out = bytearray(b"\x00")
    _write_node(out, node)
    return bytes(out)


def decode(payload: bytes) -> Node:
    """Read a frame's payload. Raises DecodeError for anything that is not exactly one stanza."""
    if not payload:
        raise DecodeError("empty payload")
    body = payload[1:]
    if payload[0] & 2:
        body = _inflate(body)
    reader = _Reader(body)
    try:
        node = reader.node(0)
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeError("truncated or not text where text must be") from error
    if reader.at != len(body):
        raise DecodeError("bytes after the stanza")
    return node


def _inflate(body: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body, _MAX_UNPACKED)
    except zlib.error as error:
        raise DecodeError("bad compression") from error
    if inflater.unconsumed_tail:
        raise DecodeError("too large when unpacked")
    return plain


def _write_node(out: bytearray, node: Node) -> None:
    attrs = [(key, value) for key, value in node.attrs.items() if value != ""]
    _write_list_start(out, 1 + 2 * len(attrs) + (node.content is not None))
    _write_text(out, node.tag)
    for key, value in attrs:
        _write_text(out, key)
        if isinstance(value, JID):
            _write_jid(out, value)
        else:
            _write_text(out, value)
    if node.content is None:
        return
    if isinstance(node.content, bytes):
        _write_length(out, len(node.content))
        out += node.content
    elif isinstance(node.content, str):
        _write_text(out, node.content)
    else:
        _write_list_start(out, len(node.content))
        for child in node.content:
            _write_node(out, child)


def _write_list_start(out: bytearray, size: int) -> None:
    if size == 0:
        out.append(_LIST_EMPTY)
    elif size < 256:
        out += bytes((_LIST_8, size))
    else:
        out += bytes((_LIST_16,)) + size.to_bytes(2, "big")


def _write_length(out: bytearray, length: int) -> None:
    if length < 256:
        out += bytes((_BINARY_8, length))
    elif length < 1 << 20:
        out += bytes((_BINARY_20,)) + length.to_bytes(3, "big")
    else:
        out += bytes((_BINARY_32,)) + length.to_bytes(4, "big")


def _write_text(out: bytearray, text: str) -> None:
    single = _SINGLE.get(text)
    if single is not None:
        out.append(single)
    elif text in _DOUBLE:
        which, index = _DOUBLE[text]
        out += bytes((_DICTIONARY_0 + which, index))
    elif text and len(text) <= _PACKED_MAX and all(c in _NIBBLES for c in text):
        _write_packed(out, text, _NIBBLE_8, _NIBBLES)
    elif text and len(text) <= _PACKED_MAX and all(c in _HEX for c in text):
        _write_packed(out, text, _HEX_8, _HEX)
    else:
        raw = text.encode()
        _write_length(out, len(raw))
        out += raw


def _write_packed(out: bytearray, text: str, tag: int, alphabet: str) -> None:
    digits = [alphabet.index(c) for c in text]
    odd = len(digits) % 2
    out += bytes((tag, (len(digits) + odd) // 2 | odd << 7))
    digits += [15] * odd
    out += bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))


def _write_jid(out: bytearray, jid: JID) -> None:
    if jid.server.startswith("hosted") or (jid.device and jid.server in _DOMAIN_OF):
        out += bytes((_AD_JID, _DOMAIN_OF[jid.server], jid.device))
        _write_text(out, jid.user)
        return
    # A bare server travels as a pair with an empty user; whatsmeow ignores stanzas that spell it as a string.
    out.append(_JID_PAIR)
    if jid.user:
        _write_text(out, jid.user)
    else:
        out.append(_LIST_EMPTY)
    _write_text(out, jid.server)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def number(self, size: int) -> int:
        return int.from_bytes(self.raw(size), "big")

    def raw(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise IndexError
        self.at += size
        return self.data[self.at - size : self.at]

    def node(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise DecodeError("nested too deep")
        size = self.list_size(self.byte())
        if size == 0:
            raise DecodeError("an empty list where a stanza must be")
        tag = self.text()
        attrs: dict[str, Value] = {}
        for _ in range((size - 1) // 2):
            key = self.text()
            attrs[key] = self.value()
        return Node(tag, attrs, self.content(depth) if size % 2 == 0 else None)

    def list_size(self, tag: int) -> int:
        if tag == _LIST_EMPTY:
            return 0
        if tag == _LIST_8:
            return self.byte()
        if tag == _LIST_16:
            return self.number(2)
        raise DecodeError(f"token {tag} where a list must be")

    def content(self, depth: int) -> Content:
        tag = self.byte()
        if tag in (_LIST_EMPTY, _LIST_8, _LIST_16):
            return [self.node(depth + 1) for _ in range(self.list_size(tag))]
        length = self.binary_length(tag)
        if length is not None:
            return self.raw(length)
        value = self.scalar(tag)
        return value if isinstance(value, str) else str(value)

    def binary_length(self, tag: int) -> int | None:
        sizes = {_BINARY_8: 1, _BINARY_20: 3, _BINARY_32: 4}
        return self.number(sizes[tag]) if tag in sizes else None

    def text(self) -> str:
        value = self.value()
        if not isinstance(value, str):
            raise DecodeError("an address where text must be")
        return value

    def value(self) -> Value:
        tag = self.byte()
        if tag == _LIST_EMPTY:
            return ""
        length = self.binary_length(tag)
        return self.raw(length).decode() if length is not None else self.scalar(tag)

    def scalar(self, tag: int) -> Value:
        if 0 < tag < len(dictionary.SINGLE):
            return dictionary.SINGLE[tag]
        if _DICTIONARY_0 <= tag < _DICTIONARY_0 + len(dictionary.DOUBLE):
            return dictionary.DOUBLE[tag - _DICTIONARY_0][self.byte()]
        if tag in (_NIBBLE_8, _HEX_8):
            return self.packed(_NIBBLES if tag == _NIBBLE_8 else _HEX)
        if tag == _JID_PAIR:
            return JID(self.text(), self.text())
        if tag == _AD_JID:
            domain, device = self.byte(), self.byte()
            return JID(self.text(), _SERVER_OF.get(domain, USER_SERVER), device)
        if tag in (_FB_JID, _INTEROP_JID):
            user, device = self.text(), self.number(2)
            if tag == _INTEROP_JID:
                self.number(2)  # the integrator
            return JID(user, self.text(), device)
        raise DecodeError(f"unknown token {tag}")

    def packed(self, alphabet: str) -> str:
        head = self.byte()
        text = ""
        digits = [digit for byte in self.raw(head & 127) for digit in (byte >> 4, byte & 15)]
        if head & 128:
            digits = digits[:-1]
        for digit in digits:
            if digit >= len(alphabet):
                raise DecodeError("a digit outside its alphabet")
            text += alphabet[digit]
        return text
