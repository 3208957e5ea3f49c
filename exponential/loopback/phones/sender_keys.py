"""Sender keys: one encryption of a group message for all members' devices.

Signal's "Sender Keys" as in libsignal's groups (the go.mau.fi/libsignal that whatsmeow uses): a hash ratchet per sender
and group, info string WhisperGroup, messages signed with a key that the distribution message names.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exponential.loopback.phones.signal_wire import KEY_TYPE, VERSION, SignalError, integer, parse, public_key, put, raw
from exponential.loopback.state.rows import Rows
from exponential.protocol import aes_cbc
from exponential.protocol.keys import KeyPair, verify

SIGNATURE_BYTES = 64  # XEdDSA §3
MAX_SKIPPED_KEYS = 2000  # libsignal's limit of message keys that one message may jump over, for groups as well


@dataclass
class SenderKey:
    """A sender key for one group, as far as it has been used."""

    id: int
    chain: bytes
    public: bytes
    iteration: int = 0
    skipped: dict[int, bytes] = field(default_factory=dict)

    def advance(self) -> bytes:
        seed = hmac.digest(self.chain, b"\x01", hashlib.sha256)
        self.chain = hmac.digest(self.chain, b"\x02", hashlib.sha256)
        self.iteration += 1
        return seed

    def seed(self, iteration: int) -> bytes:
        """The seed of one iteration; each is given once. Raises SignalError."""
        if iteration < self.iteration:
            if iteration not in self.skipped:
                raise SignalError("the group message was decrypted before")
            return self.skipped.pop(iteration)
        if iteration - self.iteration > MAX_SKIPPED_KEYS:
            raise SignalError("too many group messages are missing")
        while self.iteration < iteration:
            index = self.iteration
            self.skipped[index] = self.advance()
        return self.advance()


@dataclass
class OwnSenderKey:
    """The sender key of this device; `told` are the peers that have it."""

    state: SenderKey
    signing: KeyPair
    told: set[str] = field(default_factory=set)


class SenderKeyBook:
    """One device's sender keys: its own by group, and those that others have told it, by group, peer and id."""

    def __init__(self) -> None:
        self.own: Rows[str, OwnSenderKey] = Rows()
        self.theirs: Rows[tuple[str, str], dict[int, SenderKey]] = Rows()

    def told(self, group: str) -> set[str]:
        """The peers that have this device's key for `group`; add to it after telling one."""
        return self._mine(group).told

    def renew(self, group: str) -> None:
        """Start a new key, as when a member has left."""
        self.own.pop(group, None)

    def forget(self, group: str) -> None:
        """Lose what others have told of their keys for `group`."""
        for key in [key for key in self.theirs if key[0] == group]:
            del self.theirs[key]

    def distribution(self, group: str) -> bytes:
        """What a peer needs to read this device's messages from now on."""
        own = self._mine(group)
        return VERSION + b"".join(
            (
                put(1, own.state.id),
                put(2, own.state.iteration),
                put(3, own.state.chain),
                put(4, KEY_TYPE + own.signing.public),
            )
        )

    def process(self, group: str, peer: str, distribution: bytes) -> None:
        """Learn a peer's key. Raises SignalError."""
        fields = parse(distribution)
        state = SenderKey(integer(fields, 1), raw(fields, 3), public_key(fields, 4), integer(fields, 2))
        self.theirs[group, peer] = self.theirs.get((group, peer), {}) | {state.id: state}

    def encrypt(self, group: str, plain: bytes) -> bytes:
        own = self._mine(group)
        iteration = own.state.iteration
        sealed = aes_cbc.encrypt(*_keys(own.state.advance()), plain)
        message = VERSION + put(1, own.state.id) + put(2, iteration) + put(3, sealed)
        return message + own.signing.sign(message)

    def decrypt(self, group: str, peer: str, data: bytes) -> bytes:
        """Raises SignalError when the peer's key isn't known or the message isn't its."""
        message, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
        fields = parse(message)
        state = self.theirs.get((group, peer), {}).get(integer(fields, 1))
        if state is None:
            raise SignalError("no sender key of this device")
        if not verify(state.public, message, signature):
            raise SignalError("the group message's signature is wrong")
        self.theirs.mark((group, peer))
        return aes_cbc.decrypt(*_keys(state.seed(integer(fields, 2))), raw(fields, 3))

    def _mine(self, group: str) -> OwnSenderKey:
        if group not in self.own:
            signing = KeyPair()
            state = SenderKey(secrets.randbelow(1 << 31), secrets.token_bytes(32), signing.public)
            self.own[group] = OwnSenderKey(state, signing)
        self.own.mark(group)  # whoever asks for it changes it
        return self.own[group]


def _keys(seed: bytes) -> tuple[bytes, bytes]:
    """The cipher key and the IV of one message (libsignal's SenderMessageKey: 16 bytes of IV, then 32 of key)."""
    out = HKDF(SHA256(), 48, salt=bytes(32), info=b"WhisperGroup").derive(seed)
    return out[16:], out[:16]
