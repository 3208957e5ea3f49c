"""The Noise handshake as WhatsApp uses it, both halves, and the certificate chain that the server shows.

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
from google.protobuf.message import DecodeError

from exponential.protocol.frames import HEADER
from exponential.protocol.keys import KeyPair, verify
from exponential.protocol.protobufs import CertChain, HandshakeMessage

XX, IK, FALLBACK = (f"Noise_{pattern}_25519_AESGCM_SHA256".encode() for pattern in ("XX", "IK", "XXfallback"))
# Public key of WhatsApp's certificate authority, as whatsmeow has it (handshake.go, WACertPubKey).
WHATSAPP_ROOT = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
ROOT_SERIAL = 0  # the issuer's serial number in an intermediate certificate (whatsmeow WACertIssuerSerial)
Details = CertChain.NoiseCertificate.Details


class HandshakeError(Exception):
    """The server's answer isn't one, or its certificate isn't WhatsApp's; the sentence says which."""


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


class NoiseSession(NamedTuple):
    """A finished handshake: the client's static key and payload, the ciphers for receiving and sending."""

    static: bytes
    payload: bytes
    receive: Cipher
    send: Cipher


class Handshake:
    """The symmetric state that both halves keep (Noise §5.2)."""

    def _start(self, pattern: bytes, *public: bytes) -> None:
        """Begin with these public keys known, in this order (§5.2, InitializeSymmetric)."""
        self._hash = pattern.ljust(32, b"\x00") if len(pattern) <= 32 else hashlib.sha256(pattern).digest()
        self._salt = self._key = self._hash
        self._count = 0
        for data in (HEADER, *public):
            self._mix_hash(data)

    def _split(self) -> tuple[Cipher, Cipher]:
        """The ciphers of the transport, first the one for what the initiator sends (§5.2, Split)."""
        first, second = self._expand(b"")
        return Cipher(first), Cipher(second)

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


class Responder(Handshake):
    """Answers one client: `hello` with its first message, then, unless that was all, `finish` with its second."""

    def __init__(self, static: KeyPair, certificate: bytes) -> None:
        self._static = static
        self._certificate = certificate
        self._ephemeral = KeyPair()
        self.session: NoiseSession | None = None  # once the handshake is over

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
        self.session = NoiseSession(static, payload, *self._split())
        return bytes(answer.SerializeToString())

    def finish(self, message: bytes) -> NoiseSession:
        """-> s, se. Raises cryptography's InvalidTag."""
        finish = HandshakeMessage.FromString(message).clientFinish
        static = self._decrypt(finish.static)
        self._mix_key(self._ephemeral.agree(static))
        self.session = NoiseSession(static, self._decrypt(finish.payload), *self._split())
        return self.session


class Initiator(Handshake):
    """The client's half of XX: send `hello`, then `finish` with the server's answer, and read and write with `ciphers`.

    Both return a HandshakeMessage as bytes.
    """

    ciphers: tuple[Cipher, Cipher]  # for sending and for receiving

    def __init__(self) -> None:
        self._ephemeral = KeyPair()

    def hello(self) -> bytes:
        """-> e"""
        self._start(XX, self._ephemeral.public)
        message = HandshakeMessage()
        message.clientHello.ephemeral = self._ephemeral.public
        return bytes(message.SerializeToString())

    def finish(self, answer: bytes, static: KeyPair, payload: bytes, *, root: bytes, now: float) -> bytes:
        """<- e, ee, s, es, then -> s, se with this payload. Raises HandshakeError."""
        try:
            server = HandshakeMessage.FromString(answer).serverHello
            self._mix_hash(server.ephemeral)
            self._mix_key(self._ephemeral.agree(server.ephemeral))
            server_static = self._decrypt(server.static)
            self._mix_key(self._ephemeral.agree(server_static))
            certificate = self._decrypt(server.payload)
        except (DecodeError, InvalidTag, ValueError):
            raise HandshakeError("The server's answer to the handshake can't be read.") from None
        verify_certificate(certificate, server_static, root=root, now=now)
        message = HandshakeMessage()
        message.clientFinish.static = self._encrypt(static.public)
        self._mix_key(static.agree(server.ephemeral))
        message.clientFinish.payload = self._encrypt(payload)
        self.ciphers = self._split()
        return bytes(message.SerializeToString())


def verify_certificate(chain: bytes, static: bytes, *, root: bytes, now: float) -> None:
    """Check that the server's static key was certified, in a chain of two, by whoever holds the root key.

    The same checks as whatsmeow handshake.go, verifyServerCert. `now` is Unix time. Raises HandshakeError.
    """
    try:
        certificates = CertChain.FromString(chain)
        intermediate = _certified(certificates.intermediate, root, ROOT_SERIAL, now)
        leaf = _certified(certificates.leaf, intermediate.key, intermediate.serial, now)
    except DecodeError:
        raise HandshakeError("The server's certificate can't be read.") from None
    if leaf.key != static:
        raise HandshakeError("The server's certificate is for another key.")


def _certified(certificate: Any, issuer: bytes, issuer_serial: int, now: float) -> Any:
    if len(issuer) != 32 or not verify(issuer, certificate.details, certificate.signature):
        raise HandshakeError("The server's certificate wasn't signed by WhatsApp.")
    details = Details.FromString(certificate.details)
    if details.issuerSerial != issuer_serial:
        raise HandshakeError("The server's certificate names another issuer.")
    if not details.notBefore <= now <= details.notAfter:
        raise HandshakeError("The server's certificate has expired, or this machine's clock is wrong.")
    return details
