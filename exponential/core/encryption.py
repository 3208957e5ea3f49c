"""Encrypted columns: AES-256-GCM under a key ring. The first key encrypts, every key decrypts.

A blind index finds rows by what the database holds as ciphertext only (docs/decisions/0005).

Stored form: 1 byte version (1), 4 bytes key id (first bytes of SHA-256 of the key), 12 bytes nonce, ciphertext + tag.
"""

import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from exponential.core.errors import ConfigurationError

_VERSION = b"\x01"
_ring: dict[bytes, AESGCM] = {}


def key_id(key: bytes) -> bytes:
    """What names a key without telling it."""
    return hashlib.sha256(key).digest()[:4]


def use_keys(keys: tuple[bytes, ...]) -> None:
    """Set this process's key ring: 32-byte keys, newest first."""
    if not keys:
        raise ConfigurationError("No encryption key is set. EXPONENTIAL_ENCRYPTION_KEY takes 32 bytes in base64.")
    _ring.clear()
    _ring.update({key_id(key): AESGCM(key) for key in keys})


def blind(key: bytes, index: str, text: str) -> bytes:
    """What stands for `text` in `index` ("users.email"): 16 bytes of HMAC-SHA-256, the same for the same text."""
    return hmac.digest(key, f"{index}\0{text}".encode(), "sha256")[:16]


def newest() -> bytes:
    """How everything begins that is sealed under the newest key."""
    return _VERSION + next(iter(_ring))


def encrypt(plain: bytes) -> bytes:
    """Seal `plain` under the newest key."""
    if not _ring:
        raise ConfigurationError("The encryption key ring is empty: call use_keys first.")
    return _seal(plain, *next(iter(_ring.items())))


def encrypt_with_each(plain: bytes) -> dict[bytes, bytes]:
    """Seal `plain` under every key of the ring; by the keys' ids."""
    return {name: _seal(plain, name, key) for name, key in _ring.items()}


def _seal(plain: bytes, name: bytes, key: AESGCM) -> bytes:
    nonce = os.urandom(12)
    return _VERSION + name + nonce + key.encrypt(nonce, plain, _VERSION + name)


def opens(key: bytes, sealed: bytes) -> bool:
    """Whether `sealed` was sealed under `key`, whatever the ring."""
    try:
        AESGCM(key).decrypt(sealed[5:17], sealed[17:], sealed[:5])
    except InvalidTag:
        return False
    return True


def decrypt(sealed: bytes) -> bytes:
    """Open what `encrypt` made. Raises ConfigurationError when no key of the ring fits."""
    key = _ring.get(sealed[1:5])
    if sealed[:1] != _VERSION or key is None:
        raise ConfigurationError(
            "Stored data was encrypted with a key that is not in EXPONENTIAL_ENCRYPTION_KEY. Add that key to the list."
        )
    try:
        return key.decrypt(sealed[5:17], sealed[17:], sealed[:5])
    except InvalidTag:
        raise ConfigurationError("Stored data is damaged: it does not decrypt with its own key.") from None


class EncryptedText(TypeDecorator[str]):
    """A text column that the database holds as ciphertext only."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt(value.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else decrypt(bytes(value)).decode()


class EncryptedBytes(TypeDecorator[bytes]):
    """A column of bytes, such as a file, that the database holds as ciphertext only."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else decrypt(bytes(value))


class EncryptedJSON(TypeDecorator[Any]):
    """A JSON column that the database holds as ciphertext only."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt(json.dumps(value, separators=(",", ":")).encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(decrypt(bytes(value)))


class BlindIndex(LargeBinary):
    """A column by which rows are found, and unique, whose column `of` is encrypted: `blind` of that one's text."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.of = of


class TemporaryFile:
    """A file that is written once and read once, in that order, and that nobody else can read: AES-256-CTR under a key
    that is in this process's memory alone."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()
        self._cipher = Cipher(algorithms.AES(os.urandom(32)), modes.CTR(os.urandom(16)))
        self._encryptor = self._cipher.encryptor()

    def write(self, data: bytes) -> int:
        return self._file.write(self._encryptor.update(data))

    def flush(self) -> None:
        self._file.flush()

    @property
    def size(self) -> int:
        """In bytes, as written so far."""
        return self._file.tell()

    def chunks(self, size: int = 65_536) -> Iterator[bytes]:
        """All of it, from its beginning; then it is gone."""
        decryptor = self._cipher.decryptor()
        try:
            self._file.seek(0)
            while chunk := self._file.read(size):
                yield decryptor.update(chunk)
        finally:
            self.close()

    def close(self) -> None:
        self._file.close()
