"""Passkeys of simulated accounts: real WebAuthn keys, what signs with them, and what checks that.

In the world the key is in a phone or a browser, and WhatsApp's servers know its public half; here an account has both.
https://www.w3.org/TR/webauthn-3/: §5.8.1 client data, §6.1 authenticator data, §7.2 verifying an assertion.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any, Literal, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from fido2.cose import ES256, RS256
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

from exponential.protocol.passkey import ORIGIN, RP_ID

Algorithm = Literal["ES256", "RS256"]
PRESENT, VERIFIED = 0x01, 0x04  # flags of the authenticator data
TIMEOUT_MS = 600_000  # how long a request is good for, as WhatsApp was seen to say


@dataclass
class Passkey:
    """An account's passkey. `private` is its key as PKCS #8."""

    id: bytes
    user: bytes
    private: bytes
    algorithm: Algorithm = "ES256"

    @classmethod
    def make(cls, algorithm: Algorithm = "ES256") -> "Passkey":
        key = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return cls(secrets.token_bytes(16), secrets.token_bytes(16), private, algorithm)

    def options(self, challenge: bytes) -> dict[str, Any]:
        """What is asked of a browser: PublicKeyCredentialRequestOptions as JSON."""
        return {
            "challenge": websafe_encode(challenge),
            "timeout": TIMEOUT_MS,
            "rpId": RP_ID,
            "allowCredentials": [],  # as was seen: the passkey is found by its site
            "userVerification": "required",
            "extensions": {},
        }

    def sign(self, challenge: str, *, origin: str = ORIGIN, flags: int = PRESENT | VERIFIED) -> dict[str, Any]:
        """What a browser on a page of `origin` answers to this challenge: PublicKeyCredential.toJSON()."""
        client_data = {"type": "webauthn.get", "challenge": challenge, "origin": origin, "crossOrigin": False}
        written = json.dumps(client_data, separators=(",", ":")).encode()
        authenticator = hashlib.sha256(RP_ID.encode()).digest() + bytes((flags,)) + bytes(4)
        signed = authenticator + hashlib.sha256(written).digest()
        key = load_der_private_key(self.private, None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
        else:
            signature = cast(rsa.RSAPrivateKey, key).sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": websafe_encode(written),
                "authenticatorData": websafe_encode(authenticator),
                "signature": websafe_encode(signature),
                "userHandle": websafe_encode(self.user),
            },
        }

    def verify(self, challenge: bytes, answer: Any) -> None:
        """Check an answer: challenge, site, origin, that its owner was there and known, signature.

        Raises ValueError.
        """
        server = Fido2Server(PublicKeyCredentialRpEntity(id=RP_ID, name="WhatsApp"), verify_origin=ORIGIN.__eq__)
        state = {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}
        kind: Any = {"ES256": ES256, "RS256": RS256}[self.algorithm]
        public = kind.from_cryptography_key(load_der_private_key(self.private, None).public_key())
        known = AttestedCredentialData.create(Aaguid(bytes(16)), self.id, public)
        try:
            server.authenticate_complete(state, [known], AuthenticationResponse.from_dict(answer))
        except (InvalidSignature, TypeError, KeyError, AttributeError, IndexError) as error:
            raise ValueError(str(error) or type(error).__name__) from None
