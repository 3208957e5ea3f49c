"""X25519 key pairs and the signatures made with them (Signal's XEdDSA specification)."""

import xeddsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey


class KeyPair:
    """An X25519 key pair; `public` is 32 raw bytes."""

    def __init__(self, private: bytes | None = None) -> None:
        self.key = X25519PrivateKey.from_private_bytes(private) if private else X25519PrivateKey.generate()
        self.private = self.key.private_bytes_raw()
        self.public = self.key.public_key().public_bytes_raw()

    def agree(self, public: bytes) -> bytes:
        """The shared secret with 32 bytes of somebody's public key."""
        return self.key.exchange(X25519PublicKey.from_public_bytes(public))

    def sign(self, message: bytes) -> bytes:
        """An XEdDSA signature (64 bytes) that this X25519 key's public half verifies."""
        return bytes(xeddsa.ed25519_priv_sign(xeddsa.priv_force_sign(self.private, False), message))


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Check a signature against the X25519 key it was made with.

    The Ed25519 key's sign bit travels in the top bit of the signature's last byte: 0 in what `KeyPair.sign` makes,
    either in what clients make (libsignal's curve25519 signatures; XEdDSA §2.3 and §3).
    """
    if len(signature) != 64:
        return False
    sign = bool(signature[63] & 0x80)
    plain = signature[:63] + bytes((signature[63] & 0x7F,))
    return bool(xeddsa.ed25519_verify(plain, xeddsa.curve25519_pub_to_ed25519_pub(public, sign), message))
