"""The server's half of Noise as WhatsApp uses it, and the certificate chain it shows.

The Noise Protocol Framework (rev. 34) §5, §7 and §10 give the handshakes; WhatsApp's own parts are the prologue
`WA 6 3`, the protobuf envelope and the certificate (whatsmeow handshake.go, socket/noisehandshake.go). A client that
knows the server's static key tries IK with it; by a static key in the answer it sees that this was another one, and
goes on as in XX (tgalal/consonance, consonance/handshake.py; vinikjkkj/zapo, src/transport/noise/WaNoiseSession.ts).
"""

import hashlib
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exponential.loopback.keys import KeyPair
from exponential.loopback.protobufs import CertChain, HandshakeMessage

XX, IK, FALLBACK = (f"Noise_{pattern}_25519_AESGCM_SHA256".encode() for pattern in ("XX", "IK", "XXfallback"))
PROLOGUE = b"WA\x06\x03"


class Authority:
    """The root that whatsmeow's WACertPubKey stands for, made anew for each loopback server."""

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


class Cipher:
    """One direction of the transport: AES-256-GCM with a counter as nonce and no associated data."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._count = 0

    def _nonce(self) -> bytes:
        self._count += 1
        return (self._count - 1).to_bytes(12, "big")

    def encrypt(self, plain: bytes) -> bytes:
        return self._aead.encrypt(self._nonce(), plain, None)

    def decrypt(self, sealed: bytes) -> bytes:
        """Raises cryptography's InvalidTag."""
        return self._aead.decrypt(self._nonce(), sealed, None)


class Session(NamedTuple):
    """A finished handshake: the client's static key and payload, the ciphers for receiving and sending."""

    static: bytes
    payload: bytes
    receive: Cipher
    send: Cipher


class Responder:
    """Answers one client: `hello` with its first message, then, unless that was all, `finish` with its second."""

    def __init__(self, static: KeyPair, certificate: bytes) -> None:
        self._static = static
        self._certificate = certificate
        self._ephemeral = KeyPair()
        self.session: Session | None = None  # once the handshake is over

    def hello(self, message: bytes) -> bytes:
        """The answer to the client's first message: of IK, if it can be opened, or of XX."""
        client = HandshakeMessage.FromString(message).clientHello
        if not client.HasField("static"):
            return self._answer_xx(XX, client.ephemeral)
        try:
            return self._answer_ik(client)
        except InvalidTag:
            return self._answer_xx(FALLBACK, client.ephemeral)

    def _answer_xx(self, pattern: bytes, client: bytes) -> bytes:
        """-> e, then <- e, ee, s, es with the certificate chain as payload."""
        self._start(pattern, client)
        self._mix_hash(self._ephemeral.public)
        self._mix_key(self._ephemeral.agree(client))
        answer = HandshakeMessage()
        answer.serverHello.ephemeral = self._ephemeral.public
        answer.serverHello.static = self._encrypt(self._static.public)
        self._mix_key(self._static.agree(client))
        answer.serverHello.payload = self._encrypt(self._certificate)
        return bytes(answer.SerializeToString())

    def _answer_ik(self, client: Any) -> bytes:
        """<- s, -> e, es, s, ss with the client's payload, then <- e, ee, se with the certificate chain as payload."""
        self._start(IK, self._static.public, client.ephemeral)
        self._mix_key(self._static.agree(client.ephemeral))
        static = self._decrypt(client.static)
        self._mix_key(self._static.agree(static))
        payload = self._decrypt(client.payload)
        self._mix_hash(self._ephemeral.public)
        self._mix_key(self._ephemeral.agree(client.ephemeral))
        self._mix_key(self._ephemeral.agree(static))
        answer = HandshakeMessage()
        answer.serverHello.ephemeral = self._ephemeral.public
        answer.serverHello.payload = self._encrypt(self._certificate)
        self.session = self._split(static, payload)
        return bytes(answer.SerializeToString())

    def finish(self, message: bytes) -> Session:
        """-> s, se. Raises cryptography's InvalidTag."""
        finish = HandshakeMessage.FromString(message).clientFinish
        static = self._decrypt(finish.static)
        self._mix_key(self._ephemeral.agree(static))
        self.session = self._split(static, self._decrypt(finish.payload))
        return self.session

    def _start(self, pattern: bytes, *public: bytes) -> None:
        """Begin with these public keys known, in this order (§5.2, InitializeSymmetric)."""
        self._hash = pattern.ljust(32, b"\x00") if len(pattern) <= 32 else hashlib.sha256(pattern).digest()
        self._salt = self._key = self._hash
        self._count = 0
        for data in (PROLOGUE, *public):
            self._mix_hash(data)

    def _split(self, static: bytes, payload: bytes) -> Session:
        receive, send = self._expand(b"")
        return Session(static, payload, Cipher(receive), Cipher(send))

    def _mix_hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def _expand(self, data: bytes) -> tuple[bytes, bytes]:
        out = HKDF(SHA256(), 64, salt=self._salt, info=b"").derive(data)
        return out[:32], out[32:]

    def _mix_key(self, secret: bytes) -> None:
        self._salt, self._key = self._expand(secret)
        self._count = 0

    def _nonce(self) -> bytes:
        self._count += 1
        return (self._count - 1).to_bytes(12, "big")

    def _encrypt(self, plain: bytes) -> bytes:
        sealed = AESGCM(self._key).encrypt(self._nonce(), plain, self._hash)
        self._mix_hash(sealed)
        return sealed

    def _decrypt(self, sealed: bytes) -> bytes:
        plain = AESGCM(self._key).decrypt(self._nonce(), sealed, self._hash)
        self._mix_hash(sealed)
        return plain
