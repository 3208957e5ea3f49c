"""The cipher of credential stores: AES-256-XTS in units of 4,096 bytes, and where its keys come from.

Lengths and offsets stay what they are; a unit's number is its tweak. Blocks of 16 bytes stand alone, so parts of a unit
can be rewritten. A block of zeros on disk is a hole and reads as zeros (a sealed block is all zeros once in 2^128).
XTS hides content; it neither proves who wrote it nor that it is the newest (NIST SP 800-38E; docs/security.md).
"""

import itertools

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

UNIT = 4096  # bytes under one tweak; SQLite's default page size
BLOCK = 16
KEY = 64  # bytes: AES-256-XTS takes two keys of 32
_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html §1.3
_HOLE = bytes(BLOCK)


def session_key(master: bytes, session: str) -> bytes:
    """The key of one session's store, made from one key of the ring. A worker gets this and never the ring."""
    return _derive(master, f"exponential store {session}")


def file_key(key: bytes, suffix: str) -> bytes:
    """The key of one file of a store: suffix "" is the database, "-journal" its rollback journal."""
    return _derive(key, f"exponential file {suffix}")


def _derive(key: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY, salt=None, info=info.encode()).derive(key)


class PageCipher:
    """Seals and opens parts of one file. `position` and the data's length are multiples of BLOCK, in bytes."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.AES(key)

    def seal(self, position: int, plain: bytes) -> bytes:
        """What stands on disk at `position` for `plain`."""
        return b"".join(self._run(at, part, sealing=True) for at, part in _units(position, plain))

    def open(self, position: int, sealed: bytes) -> bytes:
        """What `seal` was given, and zeros for holes. A wrong key gives noise, not an error."""
        return b"".join(self._open_unit(at, part) for at, part in _units(position, sealed))

    def fits(self, start: bytes) -> bool:
        """Whether the first 16 bytes of a main database were sealed with this key; an empty file fits every key."""
        return not start.strip(b"\0") or self.open(0, start[:BLOCK].ljust(BLOCK, b"\0")) == _MAGIC

    def _open_unit(self, at: int, sealed: bytes) -> bytes:
        if _HOLE not in sealed:
            return self._run(at, sealed, sealing=False)
        plain = bytearray(self._run(at, sealed, sealing=False))
        for block in range(0, len(sealed), BLOCK):
            if sealed[block : block + BLOCK] == _HOLE:
                plain[block : block + BLOCK] = _HOLE
        return bytes(plain)

    def _run(self, at: int, data: bytes, *, sealing: bool) -> bytes:
        unit, skipped = divmod(at, UNIT)
        cipher = Cipher(self._algorithm, modes.XTS(unit.to_bytes(16, "little")))
        context = cipher.encryptor() if sealing else cipher.decryptor()
        return context.update(bytes(skipped) + data)[skipped:] if skipped else context.update(data)


def _units(position: int, data: bytes) -> list[tuple[int, bytes]]:
    """`data` cut at the borders of units, each part with its position."""
    first = UNIT - position % UNIT
    if len(data) <= first:
        return [(position, data)] if data else []
    cuts = [0, *range(first, len(data), UNIT), len(data)]
    return [(position + start, data[start:end]) for start, end in itertools.pairwise(cuts)]
