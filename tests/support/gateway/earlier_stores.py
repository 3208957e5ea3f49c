"""Credential stores as 0.1.0 wrote them: AES-256-XTS in units of 4,096 bytes, without a manifest."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

UNIT = 4096


def sealed(master: bytes, session: str, content: bytes) -> dict[int, bytes]:
    """The units of a store, by number."""
    key = _derive(_derive(master, f"exponential store {session}"), "exponential file ")
    units = {}
    for number in range(-(-len(content) // UNIT)):
        context = Cipher(algorithms.AES(key), modes.XTS(number.to_bytes(16, "little"))).encryptor()
        units[number] = context.update(content[number * UNIT : (number + 1) * UNIT])
    return units


def _derive(key: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=64, salt=None, info=info.encode()).derive(key)
