"""Encrypted columns: AES-256-GCM under a key ring. The first key encrypts, every key decrypts.

A blind index finds rows by what the database holds as ciphertext only (docs/decisions/0005).

Stored form: 1 byte version (1), 4 bytes key id (first bytes of SHA-256 of the key), 12 bytes nonce, ciphertext + tag.
"""

import hashlib
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from exponential.errors import ConfigurationError

_VERSION = b"\x01"
_ring: dict[bytes, AESGCM] = {}


def use_keys(keys: tuple[bytes, ...]) -> None:
    """Set this process's key ring: 32-byte keys, newest first."""
    if not keys:
        raise ConfigurationError("No encryption key is set. EXPONENTIAL_ENCRYPTION_KEY takes 32 bytes in base64.")
    _ring.clear()
    _ring.update({hashlib.sha256(key).digest()[:4]: AESGCM(key) for key in keys})


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
    key_id, key = next(iter(_ring.items()))
    nonce = os.urandom(12)
    return _VERSION + key_id + nonce + key.encrypt(nonce, plain, _VERSION + key_id)


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
