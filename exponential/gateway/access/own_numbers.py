"""Proof that a phone number is the owner's own: they text a one-time code, shown on the page, from it to the account.

The worker knows the code's hash alone, and keeps nothing of a stranger's message but that it proved what it had to.
"""

import hashlib
import hmac
import secrets
import time
from collections import Counter
from datetime import timedelta

from exponential.core import clock
from exponential.gateway.access import rules
from exponential.gateway.access.policy import Policy, Proof
from exponential.gateway.worker.protocol import Account, Inbound

PROVED = "proved"  # kind of what is kept of the message with the code; its text is the proof's id
LIFE = timedelta(minutes=10)
LENGTH = 8  # characters of 5 bits: 50 tries guess one code in 2 * 10^10
TRIES, TRIES_PER_SENDER = 50, 5
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no I, O, 0, 1


def begin() -> tuple[str, Proof]:
    """A new code to show, such as "K7WM-2PQX", and what may be kept of it."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
    salt = secrets.token_bytes(16)
    until = (clock.now() + LIFE).timestamp()
    return f"{code[:4]}-{code[4:]}", Proof(str(clock.new_id()), salt.hex(), _digest(code, salt.hex()), until)


class ProofGuard:
    """In the worker: tells the message with the right code from all others. Limits the tries and takes a code once."""

    def __init__(self) -> None:
        self._proof = ""
        self._tries: Counter[str] = Counter()

    def to_keep(self, policy: Policy, account: Account, message: Inbound) -> Inbound | None:
        """What may be kept when this message proves its sender's number; None when it proves nothing."""
        proof, code = policy.proof, _code(message.text)
        if proof is None or code is None or message.from_me or message.kind != "text":
            return None
        if not rules.is_person(message.chat) or rules.is_own_chat(account, message.sender):
            return None
        if proof.id != self._proof:
            self._proof, self._tries = proof.id, Counter()
        self._tries[rules.bare(message.sender)] += 1
        spent = self._tries[rules.bare(message.sender)] > TRIES_PER_SENDER or self._tries.total() > TRIES
        if spent or time.time() > proof.until or not hmac.compare_digest(_digest(code, proof.salt), proof.digest):
            return None
        self._tries[""] = TRIES  # once
        return message.about(PROVED, proof.id)


def _code(text: str) -> str | None:
    code = "".join(text.upper().replace("-", " ").split())
    return code if len(code) == LENGTH and set(code) <= set(_ALPHABET) else None


def _digest(code: str, salt: str) -> str:
    return hmac.digest(bytes.fromhex(salt), code.encode(), hashlib.sha256).hex()
