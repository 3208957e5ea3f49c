"""The cryptography of linking a device with a passkey, both sides of it (whatsmeow pair-passkey.go).

After the scan the computer has the account's passkey sign a challenge, commits itself to an ephemeral key with it, and
then agrees with the phone on a key under which it names itself and a new secret for pair-success. Whoever compares the
two codes knows that nobody stands in between; whoever has just scanned needs not, for a proof made with the QR code's
secret says the same.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError

from exponential.protocol.keys import KeyPair
from exponential.protocol.pairing_code import CODE_BYTES, code_of
from exponential.protocol.protobufs import (
    CompanionEphemeralIdentity,
    EncryptedPairingRequest,
    PairingRequest,
    PrimaryEphemeralIdentity,
    ProloguePayload,
)

RP_ID, ORIGIN = "whatsapp.com", "https://web.whatsapp.com"  # whose passkeys they are, and where they may be used
HANDOFF_SECONDS = 300.0  # how long after the scan the QR code's secret proves anything
NONCE_BYTES, KEY_BYTES, _IV_BYTES = 32, 32, 12


def handoff_key(adv_secret: bytes) -> bytes:
    """The key that proves, for a while, that this computer showed the code that was scanned."""
    return _derive(adv_secret, None, b"shortcake-passkey-handoff-v1")


def handoff_proof(key: bytes, prologue: bytes) -> bytes:
    return hmac.digest(key, prologue, hashlib.sha256)


def prologue(ephemeral: bytes, device_type: int, ref: str, nonce: bytes) -> bytes:
    """What the computer says first: its ephemeral key, and a commitment to the nonce. A ProloguePayload."""
    identity = CompanionEphemeralIdentity(publicKey=ephemeral, deviceType=device_type, ref=ref).SerializeToString()
    payload = ProloguePayload(companionEphemeralIdentity=identity)
    payload.commitment.hash = _commitment(identity, nonce)
    return bytes(payload.SerializeToString())


def opened(prologue: bytes, nonce: bytes) -> tuple[bytes, int, str]:
    """The phone's side, once it has the nonce: ephemeral key, device type and ref. Raises ValueError."""
    try:
        payload = ProloguePayload.FromString(prologue)
        identity = CompanionEphemeralIdentity.FromString(payload.companionEphemeralIdentity)
    except DecodeError:
        raise ValueError("not a prologue") from None
    if not hmac.compare_digest(payload.commitment.hash, _commitment(payload.companionEphemeralIdentity, nonce)):
        raise ValueError("another nonce than it was committed to")
    return identity.publicKey, identity.deviceType, identity.ref


def primary_identity(data: bytes) -> tuple[bytes, bytes]:
    """The phone's ephemeral key and nonce, from a PrimaryEphemeralIdentity. Raises ValueError."""
    try:
        identity = PrimaryEphemeralIdentity.FromString(data)
    except DecodeError:
        raise ValueError("not an identity") from None
    if len(identity.publicKey) != KEY_BYTES or len(identity.nonce) != NONCE_BYTES:
        raise ValueError("a key or a nonce of another length")
    return identity.publicKey, identity.nonce


def pairing_key(own: KeyPair, other: bytes, device_type: int, ref: str) -> bytes:
    """The key for the pairing request, on either side."""
    salt = f"Companion Pairing {device_type} with ref {ref}".encode()
    return _derive(own.agree(other), salt, b"Pairing Information Encryption Key")


def code(primary_nonce: bytes, companion_nonce: bytes, primary: bytes) -> str:
    """Eight characters that both sides can show, to be compared."""
    digest = hashlib.sha256(companion_nonce + primary).digest()
    return code_of(bytes(a ^ b for a, b in zip(primary_nonce[:CODE_BYTES], digest, strict=False)))


def seal_request(key: bytes, noise: bytes, identity: bytes, adv_secret: bytes) -> bytes:
    """The computer's keys and the secret for pair-success, as an EncryptedPairingRequest."""
    request = PairingRequest(companionPublicKey=noise, companionIdentityKey=identity, advSecret=adv_secret)
    iv = os.urandom(_IV_BYTES)
    sealed = AESGCM(key).encrypt(iv, request.SerializeToString(), None)
    return bytes(EncryptedPairingRequest(encryptedPayload=sealed, IV=iv).SerializeToString())


def open_request(key: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    """The phone's side: the computer's Noise and identity keys, and the secret. Raises ValueError."""
    try:
        wrapped = EncryptedPairingRequest.FromString(data)
        request = PairingRequest.FromString(AESGCM(key).decrypt(wrapped.IV, wrapped.encryptedPayload, None))
    except (DecodeError, InvalidTag):
        raise ValueError("not a pairing request, or sealed with another key") from None
    return request.companionPublicKey, request.companionIdentityKey, request.advSecret


def _commitment(identity: bytes, nonce: bytes) -> bytes:
    return hashlib.sha256(identity + nonce).digest()


def _derive(secret: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=salt, info=info).derive(secret)
