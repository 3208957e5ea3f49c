"""The spool: one append-only file per session, written in the WhatsApp client's callback, emptied by the gateway.

Record: 4 bytes length, 4 bytes CRC-32, then 12 bytes nonce and AES-256-GCM ciphertext. Once `append` returns, the
record is in the operating system's hands, or on the disk, as the rules say. What a dying writer or a failing disk left
damaged is skipped, and every whole record around it kept. SpoolWriter and reader live in two processes: each holds the
file lock while it touches the file.
"""

import errno
import fcntl
import hashlib
import hmac
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exponential.core import log

Fsync = Literal["off", "interval", "always"]
FSYNC_INTERVAL_SECONDS = 1.0  # that a record may wait for the disk with fsync "interval"
FILE_NAME = "spool"
_HEADER = struct.Struct(">II")
_NONCE, _TAG = 12, 16
_FSYNC, _LIMIT = "EXPONENTIAL_SPOOL_FSYNC", "EXPONENTIAL_SPOOL_LIMIT"
_log = log.get(__name__)


class SpoolFull(OSError):
    """The spool holds as much as it may, because nobody empties it."""


def explain(error: OSError) -> str:
    """Why nothing can be kept, in words for people."""
    if isinstance(error, SpoolFull):
        what = "The gateway can't hand messages on: its database doesn't answer."
    elif error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        what = "The gateway's disk is full; its owner must make room."
    else:
        what = f"The gateway's disk fails ({error.strerror or type(error).__name__}); its owner must look at it."
    return f"{what} WhatsApp keeps new messages until then."


@dataclass(frozen=True)
class SpoolRules:
    """When records reach the disk, and how many bytes of them may wait: at least one record always may.

    "off" leaves it to the operating system: safe from a killed process, not from a power cut. "interval" risks the last
    second, "always" nothing.
    """

    fsync: Fsync = "always"
    limit: int = 64 * 2**20

    def as_environment(self) -> dict[str, str]:
        """For a process that asks `from_environment`."""
        return {_FSYNC: self.fsync, _LIMIT: str(self.limit)}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "SpoolRules":
        return cls(cast(Fsync, environ.get(_FSYNC, cls.fsync)), int(environ.get(_LIMIT, cls.limit)))


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


def _record_at(data: bytes, position: int) -> bytes | None:
    """The sealed record that begins here, if a whole one does. Zeros, as after a power cut, are none."""
    if position + _HEADER.size + _NONCE + _TAG > len(data):
        return None
    length, checksum = _HEADER.unpack_from(data, position)
    start = position + _HEADER.size
    if not _NONCE + _TAG <= length <= len(data) - start:
        return None
    record = data[start : start + length]
    return record if zlib.crc32(record) == checksum else None


def _records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """(sealed record, offset after it) of each whole record, skipping what is torn or damaged."""
    position = 0
    while position < len(data):
        record = _record_at(data, position)
        if record is None:
            position += 1
        else:
            position += _HEADER.size + len(record)
            yield record, position


class SpoolWriter:
    """The worker's end. `folder` must exist; `key` is 32 bytes; without `rules` those of the environment hold."""

    def __init__(
        self,
        folder: Path,
        key: bytes,
        rules: SpoolRules | None = None,
        *,
        interval: float = FSYNC_INTERVAL_SECONDS,
    ) -> None:
        self._key = AESGCM(key)
        self._rules = rules or SpoolRules.from_environment()
        self._interval = interval
        self._lock = threading.Lock()
        self._syncing: threading.Timer | None = None
        self._file = _open(folder, os.O_RDWR | os.O_APPEND)
        with _locked(self._file):
            data = os.pread(self._file, os.fstat(self._file).st_size, 0)
            found = list(_records(data))
            whole = found[-1][1] if found else 0
            os.ftruncate(self._file, whole)
        damaged = whole - sum(_HEADER.size + len(record) for record, _ in found)
        if damaged:
            _log.error("spool_damaged", bytes=damaged, meaning="the disk damaged messages; those around them are kept")
        if self._rules.fsync != "off":
            _sync_folder(folder)

    def append(self, payload: bytes) -> None:
        """Keep `payload`; when this returns, a killed process can't lose it.

        Raises SpoolFull when nobody empties the spool, another OSError when the disk is full or fails; nothing is kept
        then.
        """
        nonce = os.urandom(_NONCE)
        record = nonce + self._key.encrypt(nonce, payload, None)
        data = _HEADER.pack(len(record), zlib.crc32(record)) + record
        with self._lock, _locked(self._file):
            start = os.fstat(self._file).st_size
            if start and start + len(data) > self._rules.limit:
                raise SpoolFull(errno.ENOBUFS, "The spool is full")
            try:
                if os.write(self._file, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if self._rules.fsync == "always":
                    os.fdatasync(self._file)
            except OSError:
                os.ftruncate(self._file, start)
                raise
            if self._rules.fsync == "interval" and self._syncing is None:
                self._syncing = threading.Timer(self._interval, self._sync)
                self._syncing.daemon = True
                self._syncing.start()

    def close(self) -> None:
        with self._lock:
            if self._syncing is not None:
                self._syncing.cancel()
                os.fdatasync(self._file)
            self._syncing = None
            os.close(self._file)

    def _sync(self) -> None:
        with self._lock:
            if self._syncing is not None:  # else it was closed in this very moment
                self._syncing = None
                os.fdatasync(self._file)


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable: it may just have been made."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SpoolReader:
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
