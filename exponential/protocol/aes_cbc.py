"""AES-256-CBC with PKCS #7 padding: what Signal messages, group messages and WhatsApp's files are sealed with.

NIST SP 800-38A §6.2, RFC 5652 §6.3; that these are they: Double Ratchet §5.2, whatsmeow util/cbcutil.
"""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7


def encrypt(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """`key` has 32 bytes, `iv` 16."""
    sealer, padder = Cipher(AES(key), CBC(iv)).encryptor(), PKCS7(128).padder()
    return sealer.update(padder.update(plain) + padder.finalize()) + sealer.finalize()


def decrypt(key: bytes, iv: bytes, sealed: bytes) -> bytes:
    """Raises ValueError when the length or the padding is wrong."""
    opener, unpadder = Cipher(AES(key), CBC(iv)).decryptor(), PKCS7(128).unpadder()
    return unpadder.update(opener.update(sealed) + opener.finalize()) + unpadder.finalize()
