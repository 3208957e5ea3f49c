"""Signal's key derivations for X3DH and the double ratchet.

KDF_RK, KDF_CK and ENCRYPT are in the chapter "Recommended cryptographic algorithms" of Signal's specification of the
Double Ratchet; the info strings WhisperText, WhisperRatchet and WhisperMessageKeys are libsignal's.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exponential.protocol.keys import KeyPair


@dataclass
class Chain:
    """A sending or receiving chain; `skipped` has the seeds of messages that have not come yet, by index."""

    key: bytes
    index: int = 0
    skipped: dict[int, bytes] = field(default_factory=dict)

    def advance(self) -> bytes:
        """The seed of the present message keys; the chain moves on (KDF_CK, constants 1 and 2)."""
        seed = keyed_hash(self.key, b"\x01")
        self.key = keyed_hash(self.key, b"\x02")
        self.index += 1
        return seed


@dataclass(frozen=True)
class MessageKeys:
    """What one message is sealed with."""

    cipher: bytes
    mac: bytes
    iv: bytes


def keyed_hash(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha256)


def hkdf(salt: bytes, secret: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt=salt, info=info).derive(secret)


def agreed_keys(agreements: list[bytes]) -> tuple[bytes, bytes]:
    """Root and chain key (X3DH §2.2: 32 bytes of 0xFF go first, the salt is zeros)."""
    out = hkdf(bytes(32), b"\xff" * 32 + b"".join(agreements), b"WhisperText", 64)
    return out[:32], out[32:]


def next_keys(root: bytes, ours: KeyPair, theirs: bytes) -> tuple[bytes, bytes]:
    """The next root and chain key (KDF_RK)."""
    out = hkdf(root, ours.agree(theirs), b"WhisperRatchet", 64)
    return out[:32], out[32:]


def message_keys(seed: bytes) -> MessageKeys:
    """What one message is sealed with (ENCRYPT: 80 bytes of HKDF with a salt of zeros)."""
    out = hkdf(bytes(32), seed, b"WhisperMessageKeys", 80)
    return MessageKeys(out[:32], out[32:64], out[64:])
