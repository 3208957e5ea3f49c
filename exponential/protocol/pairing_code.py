"""The cryptography of a pairing code: eight characters that the computer shows and the phone's owner types.

Both sides wrap an ephemeral key in the code, agree on a secret by these keys, and then on the one that pair-success is
authenticated by (whatsmeow pair-code.go). PBKDF2 takes some 0.1 s: call these on a thread.
"""

import base64
import hashlib
import secrets
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exponential.protocol.keys import KeyPair

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"  # whatsmeow linkingBase32: of the letters no I, O and U
CODE_BYTES, CODE_CHARS = 5, 8
_ROUNDS = 2 << 16
_SALT, _IV, _NONCE, _KEY = 32, 16, 12, 32  # bytes
WRAPPED_BYTES = _SALT + _IV + _KEY


def code_of(data: bytes) -> str:
    """Five bytes as the eight characters of a code."""
    standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648 §6
    return base64.b32encode(data).decode().translate(str.maketrans(standard, ALPHABET))


def dashed(code: str) -> str:
    """A code as people read it: XXXX-XXXX."""
    return f"{code[:4]}-{code[4:]}"


def wrap(code: str, public: bytes) -> bytes:
    """A public key, wrapped in the code: salt, IV and ciphertext."""
    salt, iv = secrets.token_bytes(_SALT), secrets.token_bytes(_IV)
    return salt + iv + _crypt(code, salt, iv, public)


def unwrap(code: str, wrapped: bytes) -> bytes:
    """The public key that `wrap` was given; another code gives another key, and no error."""
    salt, iv, sealed = wrapped[:_SALT], wrapped[_SALT : _SALT + _IV], wrapped[_SALT + _IV : WRAPPED_BYTES]
    return _crypt(code, salt, iv, sealed)


class Agreement(NamedTuple):
    """The secret that authenticates pair-success, and the bundle that tells the other side of it."""

    secret: bytes
    bundle: bytes


def agree(ephemeral: KeyPair, identity: KeyPair, primary_ephemeral: bytes, primary_identity: bytes) -> Agreement:
    """The computer's side, with the phone's public keys."""
    shared, random = ephemeral.agree(primary_ephemeral), secrets.token_bytes(_KEY)
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    bundle = identity.public + primary_identity + random
    sealed = AESGCM(_bundle_key(shared, salt)).encrypt(nonce, bundle, None)
    return Agreement(_secret(shared, identity.agree(primary_identity), random), salt + nonce + sealed)


def open_bundle(ephemeral: KeyPair, identity: KeyPair, companion: bytes, bundle: bytes) -> tuple[bytes, bytes]:
    """The phone's side, with the computer's ephemeral key: the computer's identity key, and the secret.

    Raises ValueError if the code was another.
    """
    shared = ephemeral.agree(companion)
    salt, nonce, sealed = bundle[:_SALT], bundle[_SALT : _SALT + _NONCE], bundle[_SALT + _NONCE :]
    try:
        plain = AESGCM(_bundle_key(shared, salt)).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise ValueError("sealed with another code") from None
    device, primary, random = plain[:_KEY], plain[_KEY : 2 * _KEY], plain[2 * _KEY :]
    if primary != identity.public:
        raise ValueError("made for another phone")
    return device, _secret(shared, identity.agree(device), random)


def _secret(shared: bytes, identities: bytes, random: bytes) -> bytes:
    return _derive(shared + identities + random, None, b"adv_secret")


def _bundle_key(shared: bytes, salt: bytes) -> bytes:
    return _derive(shared, salt, b"link_code_pairing_key_bundle_encryption_key")


def _derive(secret: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, salt=salt, info=info).derive(secret)


def _crypt(code: str, salt: bytes, iv: bytes, data: bytes) -> bytes:
    key = hashlib.pbkdf2_hmac("sha256", code.encode(), salt, _ROUNDS)
    return Cipher(AES(key), CTR(iv)).encryptor().update(data)
