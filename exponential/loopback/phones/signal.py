"""Signal sessions on the phones' side: X3DH and the double ratchet, version 3, as WhatsApp uses them.

Sources: Signal's specifications, X3DH (revision 1) and Double Ratchet; message layout as in libsignal's version 3
sessions (the go.mau.fi/libsignal that whatsmeow uses): 0x33 version byte, 8-byte HMAC over both identities and the
message.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal

from exponential.loopback.phones.ratchet import Chain, MessageKeys, agreed_keys, keyed_hash, message_keys, next_keys
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
from exponential.loopback.state.rows import OMITTED, Rows
from exponential.protocol import aes_cbc
from exponential.protocol.keys import KeyPair, verify

MAX_SKIPPED_KEYS = 2000  # libsignal's limit of message keys that one message may jump over
MAC_BYTES = 8  # libsignal's SignalMessage
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
    one_time: Rows[int, KeyPair] = field(default_factory=Rows, metadata=OMITTED)

    def signature(self) -> bytes:
        return self.identity.sign(KEY_TYPE + self.signed.pair.public)


@dataclass
class Session:
    """A conversation with one device, in memory."""

    own_identity: bytes
    their_identity: bytes
    root: bytes
    ratchet: KeyPair
    sending: Chain
    base_key: bytes
    receiving: dict[bytes, Chain] = field(default_factory=dict)
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
        root, chain = agreed_keys(secrets_)
        new_root, sending = next_keys(root, ratchet, bundle.signed)
        session = cls(own.identity.public, bundle.identity, new_root, ratchet, Chain(sending), base.public)
        session.receiving[bundle.signed] = Chain(chain)
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
        root, chain = agreed_keys(secrets_)
        return cls(own.identity.public, message.identity, root, signed, Chain(chain), message.base_key)

    def encrypt(self, plain: bytes) -> tuple[MessageType, bytes]:
        """Seal `plain`: a pre-key message until the other side has answered, then a normal one."""
        counter = self.sending.index
        keys = message_keys(self.sending.advance())
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
        fields = parse(message[:-MAC_BYTES])
        their_ratchet, counter = public_key(fields, 1), integer(fields, 2)
        chain, step = self.receiving.get(their_ratchet), None
        if chain is None:
            step = self._step(their_ratchet)
            chain = step.chain
        seed, skipped, moved = self._seed(chain, counter)
        keys = message_keys(seed)
        mac = self._mac(keys, self.their_identity, self.own_identity, message[:-MAC_BYTES])
        if not hmac.compare_digest(mac, message[-MAC_BYTES:]):
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
        chain: Chain
        ratchet: KeyPair
        sending: Chain

    def _step(self, their_ratchet: bytes) -> "_Step":
        root, receiving = next_keys(self.root, self.ratchet, their_ratchet)
        fresh = KeyPair()
        root, sending = next_keys(root, fresh, their_ratchet)
        return self._Step(root, Chain(receiving), fresh, Chain(sending))

    @staticmethod
    def _seed(chain: Chain, counter: int) -> tuple[bytes, dict[int, bytes], Chain]:
        skipped, moved = dict(chain.skipped), Chain(chain.key, chain.index)
        if counter < chain.index:
            if counter not in skipped:
                raise DuplicateMessage("the message was decrypted before")
            return skipped.pop(counter), skipped, moved
        if counter - chain.index > MAX_SKIPPED_KEYS:
            raise SignalError("too many messages are missing")
        while moved.index < counter:
            index = moved.index
            skipped[index] = moved.advance()
        return moved.advance(), skipped, moved

    @staticmethod
    def _mac(keys: "MessageKeys", sender: bytes, receiver: bytes, message: bytes) -> bytes:
        return keyed_hash(keys.mac, KEY_TYPE + sender + KEY_TYPE + receiver + message)[:MAC_BYTES]


class SessionBook:
    """All sessions of one device, by peer.

    Older states are kept for messages that crossed on the way (Sesame, "Overview").
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.sessions: Rows[str, list[Session]] = Rows()

    def has(self, peer: str) -> bool:
        return bool(self.sessions.get(peer))

    def forget(self, peer: str) -> None:
        self.sessions.pop(peer, None)

    def begin(self, peer: str, bundle: Bundle) -> None:
        session = Session.initiate(self.keys, bundle)
        self.sessions[peer] = [session, *self.sessions.get(peer, [])]

    def encrypt(self, peer: str, plain: bytes) -> tuple[MessageType, bytes]:
        """Raises SignalError when there is no session with `peer`."""
        sessions = self.sessions.get(peer)
        if not sessions:
            raise SignalError(f"no session with {peer}")
        self.sessions.mark(peer)
        return sessions[0].encrypt(plain)

    def decrypt(self, peer: str, kind: str, data: bytes) -> bytes:
        """Open a message of `kind` pkmsg or msg. Raises SignalError."""
        sessions = self.sessions.setdefault(peer, [])
        self.sessions.mark(peer)
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
