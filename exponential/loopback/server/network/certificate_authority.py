"""The loopback server's certificate authority for Noise: what WhatsApp's root key is in whatsmeow (WACertPubKey)."""

from typing import Any

from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import CertChain


class Authority:
    """A root that is made anew for each server."""

    def __init__(self) -> None:
        self.root = KeyPair()

    def certificate(self, static: bytes, now: int, *, expired: bool = False) -> bytes:
        """A chain root → intermediate → leaf for the server's static key, valid from an hour before `now` for a day.

        `expired`: all of that two days ago.
        """
        now -= 2 * 86400 if expired else 0
        intermediate = KeyPair()
        chain = CertChain()
        _certify(chain.intermediate, self.root, intermediate.public, serial=1, issuer=0, now=now)
        _certify(chain.leaf, intermediate, static, serial=2, issuer=1, now=now)
        return bytes(chain.SerializeToString())


def _certify(slot: Any, signer: KeyPair, key: bytes, *, serial: int, issuer: int, now: int) -> None:
    details = CertChain.NoiseCertificate.Details(
        serial=serial, issuerSerial=issuer, key=key, notBefore=now - 3600, notAfter=now + 86400
    )
    slot.details = details.SerializeToString()
    slot.signature = signer.sign(slot.details)
