"""What earlier versions left behind: credential stores as plain SQLite files (before 0.1.0), and as pages sealed with
AES-256-XTS (0.1.0). Read once, then removed.
"""

import fcntl
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PLAIN = "store.db"
_UNIT, _BLOCK = 4096, 16  # bytes under one tweak, and of one block
_HOLE = bytes(_BLOCK)
_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html §1.3


def read(folder: Path) -> bytes:
    """The content of the plain store in a session's folder, whole even when its last owner was killed in a commit.

    b"" when there is none. Waits for a client of that version that still holds the folder. Blocking. Raises ValueError
    when it is no SQLite file.
    """
    path = folder / PLAIN
    if not path.exists() or not path.stat().st_size:
        return b""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with closing(sqlite3.connect(path)) as store:
            store.execute("select count(*) from sqlite_master").fetchall()  # plays back what a kill left half done
            return store.serialize()
    except sqlite3.DatabaseError:
        raise ValueError(f"{PLAIN} is no SQLite file") from None
    finally:
        os.close(lock)


def remove(folder: Path) -> None:
    """Remove the stores in a session's folder: plain ones, and the sealed copies of 0.1.0."""
    for path in folder.glob("store*.db*"):
        path.unlink(missing_ok=True)


def open_xts(master: bytes, session: str, units: Mapping[int, bytes], size: int) -> bytes:
    """The content of a store of 0.1.0, `size` bytes long: units that were never written are zeros, and so are blocks.

    Raises ValueError when it was sealed with another key of the ring than `master`.
    """
    key = _derive(_derive(master, f"exponential store {session}"), "exponential file ")
    whole = bytearray(size)
    for number, sealed in units.items():
        start, plain = number * _UNIT, _open_unit(key, number, sealed)
        whole[start : start + len(plain)] = plain
    content = bytes(whole[:size])
    if content and not content.startswith(_MAGIC):
        raise ValueError("sealed with another key")
    return content


def _derive(key: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=64, salt=None, info=info.encode()).derive(key)


def _open_unit(key: bytes, number: int, sealed: bytes) -> bytes:
    context = Cipher(algorithms.AES(key), modes.XTS(number.to_bytes(16, "little"))).decryptor()
    plain = bytearray(context.update(sealed))
    for block in range(0, len(sealed), _BLOCK):
        if sealed[block : block + _BLOCK] == _HOLE:
            plain[block : block + _BLOCK] = _HOLE
    return bytes(plain)
