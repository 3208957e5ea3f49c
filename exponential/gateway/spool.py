"""The spool: one append-only file per session, written in the WhatsApp client's callback, emptied by the gateway.

Record: 4 bytes length, 4 bytes CRC-32, then 12 bytes nonce and AES-256-GCM ciphertext. Once `append` returns, the
record is in the operating system's hands and survives the death of the process. A torn tail (a writer that died
half-way) is cut off on open. Writer and reader live in two processes: each holds the file lock while it touches the
file.
"""

import fcntl
import hashlib
import hmac
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_HEADER = struct.Struct(">II")
_NONCE = 12
FILE_NAME = "spool"


def derive_keys(encryption_keys: Sequence[bytes]) -> list[bytes]:
    """Spool keys of a key ring, newest first: the worker gets the first of them and never the ring itself."""
    return [hmac.digest(key, b"exponential spool", hashlib.sha256) for key in encryption_keys]


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _open(folder: Path, flags: int) -> int:
    return os.open(folder / FILE_NAME, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """(sealed record, offset after it) of each whole record; ends before the first torn or damaged one."""
    position = 0
    while position + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, position)
        end = position + _HEADER.size + length
        record = data[position + _HEADER.size : end]
        if end > len(data) or zlib.crc32(record) != checksum:
            return
        yield record, end
        position = end


class Writer:
    """The worker's end. `folder` must exist; `key` is 32 bytes."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._key = AESGCM(key)
        self._lock = threading.Lock()
        self._file = _open(folder, os.O_RDWR | os.O_APPEND)
        with _locked(self._file):
            data = os.pread(self._file, os.fstat(self._file).st_size, 0)
            os.ftruncate(self._file, max((end for _, end in _records(data)), default=0))

    def append(self, payload: bytes) -> None:
        """Keep `payload`; when this returns, a killed process can't lose it. Raises OSError when the disk is full."""
        nonce = os.urandom(_NONCE)
        record = nonce + self._key.encrypt(nonce, payload, None)
        data = _HEADER.pack(len(record), zlib.crc32(record)) + record
        with self._lock, _locked(self._file):
            start = os.fstat(self._file).st_size
            if os.write(self._file, data) != len(data):
                os.ftruncate(self._file, start)
                raise OSError("The spool took only a part of a record; is the disk full?")

    def close(self) -> None:
        os.close(self._file)


class Reader:
    """The gateway's end: read what is new, then `trim` once it is stored elsewhere."""

    def __init__(self, folder: Path, keys: Sequence[bytes]) -> None:
        self._keys = [AESGCM(key) for key in keys]
        self._file = _open(folder, os.O_RDWR)
        self._position = 0
        self._stored = 0

    def read(self) -> list[bytes]:
        """Payloads of all whole records since the last `trim`. Raises ValueError when no key opens one."""
        with _locked(self._file):
            size = os.fstat(self._file).st_size
            data = os.pread(self._file, size - self._stored, self._stored)
        payloads = []
        self._position = self._stored
        for record, end in _records(data):
            payloads.append(self._unseal(record))
            self._position = self._stored + end
        return payloads

    def trim(self) -> None:
        """What the last `read` returned is stored: empty the file, or skip that part while more is being appended."""
        self._stored = self._position
        with _locked(self._file):
            if os.fstat(self._file).st_size == self._stored:
                os.ftruncate(self._file, 0)
                self._stored = self._position = 0

    def close(self) -> None:
        os.close(self._file)

    def _unseal(self, record: bytes) -> bytes:
        for key in self._keys:
            try:
                return key.decrypt(record[:_NONCE], record[_NONCE:], None)
            except InvalidTag:
                continue
        raise ValueError("The spool was sealed with a key that is not in EXPONENTIAL_ENCRYPTION_KEY. Add that key.")
