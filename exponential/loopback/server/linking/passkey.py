"""A link's confirmation by passkey: what the server and the phone do between the scan and pair-success.

Stanzas as in whatsmeow's pair-passkey.go: the request for a passkey, the computer's prologue with the answer, the
phone's key, the computer's nonce, and its request to be paired, which names a new secret.
"""

import asyncio
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from exponential.loopback.server.linking.webauthn import TIMEOUT_MS, Passkey
from exponential.protocol import pairing_code, passkey
from exponential.protocol.binary import Node
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import PrimaryEphemeralIdentity

SpoiledPasskey = Literal["wrong_key", "stale", "refused", "silent"]


class Refused(Exception):
    """What the client sent isn't right; it is told this code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass
class Exchange:
    """One client's way through it. `handoff_key` is made of the secret in the code that was scanned, `noise` and
    `identity` are the client's public keys.

    `notify` sends the client a notification of this type; `changed` is called when the phone has a code to show.
    """

    passkey: Passkey
    handoff_key: bytes
    noise: bytes
    identity: bytes
    notify: Callable[[str, Node], object]
    changed: Callable[[], object]
    spoiled: SpoiledPasskey | None = None  # how it fails
    code: str = ""  # what the phone shows, to be compared
    proven: bool = False  # the client has proved that it showed the code, so nothing needs to be compared
    challenge: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    ref: str = field(default_factory=lambda: f"2@{secrets.token_urlsafe(24)}")
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(passkey.NONCE_BYTES))
    ephemeral: KeyPair = field(default_factory=KeyPair)
    begun: float = field(default_factory=time.monotonic)
    secret: asyncio.Future[bytes] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _prologue: bytes = b""
    _key: bytes = b""

    def begin(self) -> None:
        """Ask the client for the passkey."""
        self.notify("passkey_prologue_request", self._options())

    def sign(self) -> dict[str, Any]:
        """What a browser would bring from the passkey: WebAuthn's PublicKeyCredential as JSON."""
        return self.passkey.sign(self.passkey.options(self.challenge)["challenge"])

    def answer(self, iq: Node) -> list[Node]:
        """The content of the answer to one of the client's IQs. Raises Refused."""
        child = next(iter(iq), Node(""))
        match child.tag:
            case "passkey_request_options":
                return [self._options()]
            case "ref":
                return [Node("ref", {}, self.ref.encode())]
            case "passkey_prologue":
                self._take_prologue(child)
            case "companion_nonce":
                self._take_nonce(iq.data("companion_nonce"))
            case "encrypted_pairing_request":
                self._take_request(iq.data("encrypted_pairing_request"))
            case _:
                raise Refused(404, "item-not-found")
        return []

    def _options(self) -> Node:
        options = json.dumps(self.passkey.options(self.challenge), separators=(",", ":"))
        return Node("passkey_request_options", {}, options.encode())

    def _take_prologue(self, node: Node) -> None:
        if self.spoiled == "refused":
            raise Refused(400, "bad-request")
        if self.spoiled == "stale" or time.monotonic() - self.begun > TIMEOUT_MS / 1000:
            raise Refused(408, "timed-out")
        expected = Passkey.make(self.passkey.algorithm) if self.spoiled == "wrong_key" else self.passkey
        try:
            expected.verify(self.challenge, json.loads(node.data("webauthn_assertion")))
        except ValueError:
            raise Refused(401, "not-authorized") from None
        if node.data("credential_id") != self.passkey.id:
            raise Refused(401, "not-authorized")
        self._prologue, proof = node.data("prologue_payload"), node.data("pairing_handoff_proof")
        self.proven = hmac.compare_digest(passkey.handoff_proof(self.handoff_key, self._prologue), proof)
        if proof and not self.proven:
            raise Refused(401, "not-authorized")
        if self.spoiled == "silent":
            return
        identity = PrimaryEphemeralIdentity(publicKey=self.ephemeral.public, nonce=self.nonce).SerializeToString()
        content = Node("primary_ephemeral_identity", {}, identity)
        # After the answer to this very IQ.
        asyncio.get_running_loop().call_soon(self.notify, "crsc_continuation", content)

    def _take_nonce(self, nonce: bytes) -> None:
        try:
            public, device_type, ref = passkey.opened(self._prologue, nonce)
        except ValueError:
            raise Refused(400, "bad-request") from None
        if ref != self.ref:
            raise Refused(400, "bad-request")
        self._key = passkey.pairing_key(self.ephemeral, public, device_type, ref)
        if not self.proven:
            self.code = pairing_code.dashed(passkey.code(self.nonce, nonce, self.ephemeral.public))
        self.changed()

    def _take_request(self, data: bytes) -> None:
        try:
            noise, identity, secret = passkey.open_request(self._key, data)
        except ValueError:
            raise Refused(400, "bad-request") from None
        if (noise, identity) != (self.noise, self.identity) or self.secret.done():
            raise Refused(400, "bad-request")
        self.secret.set_result(secret)
