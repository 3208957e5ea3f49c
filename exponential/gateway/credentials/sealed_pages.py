"""Sealed pages of a credential store, and the sealed manifest that says which pages belong together.

A page is 4,096 bytes of the store's SQLite file; the last one may be shorter. Each is sealed with AES-256-GCM under a
key of its store alone, with store and number as associated data; the manifest holds a digest of every sealed page. So
it is noticed when a page was changed, moved, brought from another store, or put back from an earlier time. Only the
whole of an earlier time, manifest included, can't be told from the newest (docs/security.md).
"""

import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PAGE_BYTES = 4096
_NONCE, _DIGEST = 12, 16  # bytes
_HEAD = struct.Struct(">QQ")  # generation, size


class PagesDamaged(Exception):
    """The pages don't belong together as their manifest says, or aren't what was sealed."""


@dataclass(frozen=True)
class Manifest:
    """What a store of `size` bytes is made of, after its transaction number `generation`: a digest of each page."""

    generation: int
    size: int
    digests: list[bytes]


def page_count(size: int) -> int:
    """How many pages a store of `size` bytes has."""
    return -(-size // PAGE_BYTES)


def split(content: bytes) -> dict[int, bytes]:
    """A store's pages, by number."""
    starts = range(0, len(content), PAGE_BYTES)
    return {start // PAGE_BYTES: content[start : start + PAGE_BYTES] for start in starts}


def changed(before: bytes, after: bytes) -> list[int]:
    """Numbers of the pages of `after` that `before` hasn't, or has otherwise."""
    starts = range(0, len(after), PAGE_BYTES)
    return [
        start // PAGE_BYTES
        for start in starts
        if after[start : start + PAGE_BYTES] != before[start : start + PAGE_BYTES]
    ]


def digest(sealed: bytes) -> bytes:
    """What the manifest holds of a sealed page."""
    return hashlib.blake2b(sealed, digest_size=_DIGEST).digest()


class PageCipher:
    """Seals and opens what belongs to one store; `master` is a key of the ring."""

    def __init__(self, master: bytes, store: str) -> None:
        info = f"exponential credential store {store}".encode()
        self._key = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master))
        self._store = store

    def seal_page(self, number: int, page: bytes) -> bytes:
        return self._seal(f"page {number}", page)

    def seal_manifest(self, manifest: Manifest) -> bytes:
        return self._seal("manifest", _HEAD.pack(manifest.generation, manifest.size) + b"".join(manifest.digests))

    def open_manifest(self, sealed: bytes) -> Manifest:
        """Raises PagesDamaged, also when it was sealed with another key."""
        plain = self._open("manifest", sealed)
        generation, size = _HEAD.unpack_from(plain)
        return Manifest(generation, size, [plain[at : at + _DIGEST] for at in range(_HEAD.size, len(plain), _DIGEST)])

    def open_pages(self, manifest: Manifest, sealed: Mapping[int, bytes]) -> bytes:
        """The store's content. Raises PagesDamaged unless these are the manifest's pages, and no others."""
        numbers = range(len(manifest.digests))
        if sorted(sealed) != list(numbers) or any(digest(sealed[at]) != manifest.digests[at] for at in numbers):
            raise PagesDamaged
        content = b"".join(self._open(f"page {number}", sealed[number]) for number in numbers)
        if len(content) != manifest.size:
            raise PagesDamaged
        return content

    def _seal(self, what: str, plain: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._key.encrypt(nonce, plain, self._about(what))

    def _open(self, what: str, sealed: bytes) -> bytes:
        try:
            return self._key.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._about(what))
        except (InvalidTag, ValueError):
            raise PagesDamaged from None

    def _about(self, what: str) -> bytes:
        return f"{self._store} {what}".encode()
