"""Signal sessions on the phones' side: X3DH and the double ratchet, version 3, as WhatsApp uses them.

Sources: Signal's specifications, X3DH (revision 1) and Double Ratchet (its functions KDF_RK, KDF_CK and ENCRYPT are in
the chapter "Recommended cryptographic algorithms"); constants and message layout as in libsignal's version 3 sessions
(the go.mau.fi/libsignal that whatsmeow uses): info strings WhisperText, WhisperRatchet, WhisperMessageKeys, 0x33
version byte, 8-byte HMAC over both identities and the message.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exponential.loopback.phones.signal_wire import (
    KEY_TYPE,
    VERSION,
    DuplicateMessage,
    PreKeyMessage,
    SignalError,
    integer,
    parse,
    public_key,
    put,
    raw,
)
from exponential.loopback.state.rows import Rows
from exponential.protocol import aes_cbc
from exponential.protocol.keys import KeyPair, verify

MAX_SKIPPED = 2000  # libsignal's limit of message keys that one message may jump over
MAC_SIZE = 8  # bytes, libsignal's SignalMessage
MessageType = Literal["pkmsg", "msg"]


@dataclass(frozen=True)
class PreKey:
    """A pre-key as its owner keeps it."""

    id: int
    pair: KeyPair


@dataclass(frozen=True)
class Bundle:
    """What the server hands out so that somebody can write to a device that is offline. Keys are 32 raw bytes."""

    registration_id: int
    identity: bytes
    signed_id: int
    signed: bytes
    signature: bytes
    one_time_id: int | None = None
    one_time: bytes | None = None


@dataclass
class Keys:
    """A device's own long-lived secrets and its one-time pre-keys that are still unused."""

    identity: KeyPair = field(default_factory=KeyPair)
    registration_id: int = field(default_factory=lambda: secrets.randbelow(16380) + 1)
    signed: PreKey = field(default_factory=lambda: PreKey(1, KeyPair()))
    one_time: Rows[int, KeyPair] = field(default_factory=Rows)

    def signature(self) -> bytes:
        return self.identity.sign(KEY_TYPE + self.signed.pair.public)


@dataclass
class _Chain:
    key: bytes
    index: int = 0
    skipped: dict[int, bytes] = field(default_factory=dict)

    def advance(self) -> bytes:
        """The seed of the present message keys; the chain moves on (KDF_CK, constants 1 and 2)."""
        seed = _hmac(self.key, b"\x01")
        self.key = _hmac(self.key, b"\x02")
        self.index += 1
        return seed


@dataclass
class Session:
    """A conversation with one device, in memory."""

    own_identity: bytes
    their_identity: bytes
    root: bytes
    ratchet: KeyPair
    sending: _Chain
    base_key: bytes
    receiving: dict[bytes, _Chain] = field(default_factory=dict)
    previous_count: int = 0
    pending: tuple[int | None, int, int] | None = None  # one-time id, signed id, own registration id: until they answer

    @classmethod
    def initiate(cls, own: Keys, bundle: Bundle) -> "Session":
        """X3DH as the one who writes first (X3DH §3.3). Raises SignalError when the signed pre-key isn't theirs."""
        if not verify(bundle.identity, KEY_TYPE + bundle.signed, bundle.signature):
            raise SignalError("the signed pre-key's signature is wrong")
        base, ratchet = KeyPair(), KeyPair()
        secrets_ = [own.identity.agree(bundle.signed), base.agree(bundle.identity), base.agree(bundle.signed)]
        if bundle.one_time:
            secrets_.append(base.agree(bundle.one_time))
        root, chain = _master(secrets_)
        new_root, sending = _ratchet(root, ratchet, bundle.signed)
        session = cls(own.identity.public, bundle.identity, new_root, ratchet, _Chain(sending), base.public)
        session.receiving[bundle.signed] = _Chain(chain)
        session.pending = (bundle.one_time_id, bundle.signed_id, own.registration_id)
        return session

    @classmethod
    def respond(cls, own: Keys, message: PreKeyMessage, one_time: KeyPair | None) -> "Session":
        """X3DH as the one who was written to (X3DH §3.4)."""
        signed = own.signed.pair
        secrets_ = [
            signed.agree(message.identity),
            own.identity.agree(message.base_key),
            signed.agree(message.base_key),
        ]
        if one_time:
            secrets_.append(one_time.agree(message.base_key))
        root, chain = _master(secrets_)
        return cls(own.identity.public, message.identity, root, signed, _Chain(chain), message.base_key)

    def encrypt(self, plain: bytes) -> tuple[MessageType, bytes]:
        """Seal `plain`: a pre-key message until the other side has answered, then a normal one."""
        counter = self.sending.index
        keys = _message_keys(self.sending.advance())
        inner = VERSION + b"".join(
            (
                put(1, KEY_TYPE + self.ratchet.public),
                put(2, counter),
                put(3, self.previous_count),
                put(4, aes_cbc.encrypt(keys.cipher, keys.iv, plain)),
            )
        )
        inner += self._mac(keys, self.own_identity, self.their_identity, inner)
        if self.pending is None:
            return "msg", inner
        one_time, signed, registration = self.pending
        outer = (b"" if one_time is None else put(1, one_time)) + b"".join(
            (
                put(2, KEY_TYPE + self.base_key),
                put(3, KEY_TYPE + self.own_identity),
                put(4, inner),
                put(5, registration),
                put(6, signed),
            )
        )
        return "pkmsg", VERSION + outer

    def decrypt(self, message: bytes) -> bytes:
        """Open a normal message. Raises SignalError and leaves the session as it was when it doesn't open."""
        fields = parse(message[:-MAC_SIZE])
        their_ratchet, counter = public_key(fields, 1), integer(fields, 2)
        chain, step = self.receiving.get(their_ratchet), None
        if chain is None:
            step = self._step(their_ratchet)
            chain = step.chain
        seed, skipped, moved = self._seed(chain, counter)
        keys = _message_keys(seed)
        mac = self._mac(keys, self.their_identity, self.own_identity, message[:-MAC_SIZE])
        if not hmac.compare_digest(mac, message[-MAC_SIZE:]):
            raise SignalError("the message does not verify")
        plain = aes_cbc.decrypt(keys.cipher, keys.iv, raw(fields, 4))
        chain.key, chain.index, chain.skipped = moved.key, moved.index, skipped
        if step:
            self.receiving[their_ratchet] = chain
            self.previous_count = max(self.sending.index - 1, 0)
            self.root, self.ratchet, self.sending = step.root, step.ratchet, step.sending
        self.pending = None
        return plain

    @dataclass
    class _Step:
        root: bytes
        chain: _Chain
        ratchet: KeyPair
        sending: _Chain

    def _step(self, their_ratchet: bytes) -> "_Step":
        root, receiving = _ratchet(self.root, self.ratchet, their_ratchet)
        fresh = KeyPair()
        root, sending = _ratchet(root, fresh, their_ratchet)
        return self._Step(root, _Chain(receiving), fresh, _Chain(sending))

    @staticmethod
    def _seed(chain: _Chain, counter: int) -> tuple[bytes, dict[int, bytes], _Chain]:
        skipped, moved = dict(chain.skipped), _Chain(chain.key, chain.index)
        if counter < chain.index:
            if counter not in skipped:
                raise DuplicateMessage("the message was decrypted before")
            return skipped.pop(counter), skipped, moved
        if counter - chain.index > MAX_SKIPPED:
            raise SignalError("too many messages are missing")
        while moved.index < counter:
            index = moved.index
            skipped[index] = moved.advance()
        return moved.advance(), skipped, moved

    @staticmethod
    def _mac(keys: "_Keys", sender: bytes, receiver: bytes, message: bytes) -> bytes:
        return _hmac(keys.mac, KEY_TYPE + sender + KEY_TYPE + receiver + message)[:MAC_SIZE]


class SessionBook:
    """All sessions of one device, with older states kept for messages that crossed on the way (Sesame, "Overview")."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._sessions: Rows[str, list[Session]] = Rows()

    def has(self, peer: str) -> bool:
        return bool(self._sessions.get(peer))

    def forget(self, peer: str) -> None:
        self._sessions.pop(peer, None)

    def begin(self, peer: str, bundle: Bundle) -> None:
        session = Session.initiate(self.keys, bundle)
        self._sessions[peer] = [session, *self._sessions.get(peer, [])]

    def encrypt(self, peer: str, plain: bytes) -> tuple[MessageType, bytes]:
        """Raises SignalError when there is no session with `peer`."""
        sessions = self._sessions.get(peer)
        if not sessions:
            raise SignalError(f"no session with {peer}")
        self._sessions.mark(peer)
        return sessions[0].encrypt(plain)

    def decrypt(self, peer: str, kind: str, data: bytes) -> bytes:
        """Open a message of `kind` pkmsg or msg. Raises SignalError."""
        sessions = self._sessions.setdefault(peer, [])
        self._sessions.mark(peer)
        if kind == "msg":
            return self._try(sessions, data)
        message = PreKeyMessage.parse(data)
        known = [session for session in sessions if session.base_key == message.base_key]
        if known:
            return self._try(known, message.inner)
        one_time = None
        if message.one_time_id is not None:
            one_time = self.keys.one_time.get(message.one_time_id)
            if one_time is None:
                raise SignalError("the one-time pre-key was used already")
        if message.signed_id != self.keys.signed.id:
            raise SignalError("the signed pre-key is not known")
        session = Session.respond(self.keys, message, one_time)
        plain = session.decrypt(message.inner)
        if message.one_time_id is not None:
            del self.keys.one_time[message.one_time_id]
        sessions.insert(0, session)
        return plain

    @staticmethod
    def _try(sessions: list[Session], data: bytes) -> bytes:
        failure = SignalError("no session")
        for index, session in enumerate(sessions):
            try:
                plain = session.decrypt(data)
            except DuplicateMessage:
                raise
            except SignalError as error:
                failure = error
                continue
            sessions.insert(0, sessions.pop(index))
            return plain
        raise failure


def pad(plain: bytes) -> bytes:
    """WhatsApp's random padding: 1 to 15 bytes that each say how many there are (whatsmeow message.go)."""
    count = secrets.randbelow(15) + 1
    return plain + bytes((count,)) * count


def unpad(padded: bytes) -> bytes:
    """Raises SignalError."""
    if not padded:
        raise SignalError("the message is empty")
    return padded[: -padded[-1]]


@dataclass(frozen=True)
class _Keys:
    cipher: bytes
    mac: bytes
    iv: bytes


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha256)


def _hkdf(salt: bytes, secret: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt=salt, info=info).derive(secret)


def _master(agreements: list[bytes]) -> tuple[bytes, bytes]:
    """Root and chain key (X3DH §2.2: 32 bytes of 0xFF go first, the salt is zeros)."""
    out = _hkdf(bytes(32), b"\xff" * 32 + b"".join(agreements), b"WhisperText", 64)
    return out[:32], out[32:]


def _ratchet(root: bytes, ours: KeyPair, theirs: bytes) -> tuple[bytes, bytes]:
    """The next root and chain key (KDF_RK)."""
    out = _hkdf(root, ours.agree(theirs), b"WhisperRatchet", 64)
    return out[:32], out[32:]


def _message_keys(seed: bytes) -> _Keys:
    """What one message is sealed with (ENCRYPT: 80 bytes of HKDF with a salt of zeros)."""
    out = _hkdf(bytes(32), seed, b"WhisperMessageKeys", 80)
    return _Keys(out[:32], out[32:64], out[64:])
