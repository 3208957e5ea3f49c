"""Who vouches for a linked device: the account's key signs the device's identity, the device signs that in turn.

Steps and prefixes as in whatsmeow pair.go; the messages are WhatsApp's "ADV" (authenticated device verification).
"""

import hashlib
import hmac
from typing import Any

from google.protobuf.message import DecodeError

from exponential.protocol.keys import KeyPair, verify
from exponential.protocol.protobufs import ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC

ACCOUNT_PREFIX, DEVICE_PREFIX = b"\x06\x00", b"\x06\x01"
HOSTED_ACCOUNT_PREFIX = b"\x06\x05"  # of accounts whose business lets others host their messages
HOSTED = 1  # ADVEncryptionType


class Refused(Exception):
    """What came isn't signed as it must be; `code` and `text` are what the server is told (whatsmeow sendPairError)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def vouch(account: KeyPair, secret: bytes, device: bytes, details: Any) -> bytes:
    """The account's side: its signature of a device's identity key, under the secret that the device has shown.

    `details` is an ADVDeviceIdentity; what is returned an ADVSignedDeviceIdentityHMAC.
    """
    written = details.SerializeToString()
    signed = ADVSignedDeviceIdentity(
        details=written,
        accountSignatureKey=account.public,
        accountSignature=account.sign(ACCOUNT_PREFIX + written + device),
    ).SerializeToString()
    seal = hmac.digest(secret, signed, hashlib.sha256)
    return bytes(ADVSignedDeviceIdentityHMAC(details=signed, HMAC=seal).SerializeToString())


def accept(device: KeyPair, secret: bytes, container: bytes) -> tuple[Any, int]:
    """The device's side: check what the account signed, and sign it.

    Returns the ADVSignedDeviceIdentity with the device's signature, and the key index. Raises Refused.
    """
    try:
        sealed = ADVSignedDeviceIdentityHMAC.FromString(container)
        prefix = HOSTED_ACCOUNT_PREFIX if sealed.accountType == HOSTED else b""
        if not hmac.compare_digest(hmac.digest(secret, prefix + sealed.details, hashlib.sha256), sealed.HMAC):
            raise Refused(401, "hmac-mismatch")
        identity = ADVSignedDeviceIdentity.FromString(sealed.details)
        details = ADVDeviceIdentity.FromString(identity.details)
    except DecodeError:
        raise Refused(500, "internal-error") from None
    prefix = HOSTED_ACCOUNT_PREFIX if details.deviceType == HOSTED else ACCOUNT_PREFIX
    if len(identity.accountSignatureKey) != 32 or not verify(
        identity.accountSignatureKey, prefix + identity.details + device.public, identity.accountSignature
    ):
        raise Refused(401, "signature-mismatch")
    identity.deviceSignature = device.sign(_of_device(identity, device.public, identity.accountSignatureKey))
    return identity, details.keyIndex


def is_signed_by_device(identity: Any, device: bytes, account: bytes) -> bool:
    """The account's side: whether the device signed its identity with this key."""
    return verify(device, _of_device(identity, device, account), identity.deviceSignature)


def _of_device(identity: Any, device: bytes, account: bytes) -> bytes:
    return b"".join((DEVICE_PREFIX, identity.details, device, account))
