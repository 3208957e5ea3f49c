"""Registering a device with WhatsApp: by QR code or pairing code, and with a passkey where the account wants one.

Steps, stanzas and their order as in whatsmeow: pair.go, pair-code.go, pair-passkey.go, qrchan.go.
"""

import asyncio
import contextlib
import json
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from fido2.utils import websafe_decode

from exponential.gateway.linking import connection as wire
from exponential.gateway.linking.connection import Connection, QueryFailed, Unreachable
from exponential.gateway.linking.device import NewDevice, Version
from exponential.gateway.timing import LinkingTiming
from exponential.protocol import adv, pairing_code, passkey
from exponential.protocol.binary import JID, SERVER, Node, Value
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import DeviceProps

CLIENT_TYPE, CLIENT_NAME = "1", "Chrome (Linux)"  # beside a pairing code; WhatsApp knows only common browsers
_WEEK_MS, _OFFSET_MS = 7 * 86_400_000, 3 * 86_400_000  # whatsmeow client.go, getUnifiedSessionID


class LinkingFailed(Exception):
    """Linking ended without success; `outcome` is a key of reasons.PAIRINGS, or another word for "refused"."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class PasskeyRefused(Exception):
    """WhatsApp didn't take the answer of the passkey; `expired` when it came too late."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("too late" if expired else "refused")
        self.expired = expired


class NotSaved(Exception):
    """The linked device can't be put where it would be safe."""


class NotWaiting(Exception):
    """The device isn't at this point of its linking."""


class AlreadyAnswered(Exception):
    """WhatsApp has an answer of the passkey, or is just getting one."""


@dataclass(frozen=True)
class Linked:
    """A device that the account has accepted. `identity` is an ADVSignedDeviceIdentity, signed by both."""

    device: NewDevice
    identity: Any
    jid: JID
    lid: JID
    platform: str
    business_name: str


class Report(Protocol):
    """Who hears how the linking goes. None of this may block."""

    def code(self, code: str, seconds: float) -> None:
        """A QR code to show for so long."""

    def passkey(self, options: dict[str, Any], seconds: float) -> None:
        """The account wants its passkey: WebAuthn's PublicKeyCredentialRequestOptions as JSON, good for so long."""

    def compare(self, code: str) -> None:
        """This code must be compared with the one on the phone, and then `confirm` be called."""


class LinkingClient:
    """One attempt. `root` is the Noise key that WhatsApp's certificates go back to.

    `save` puts a linked device where it can't be lost, before WhatsApp hears that it is one; it raises NotSaved.
    """

    def __init__(
        self,
        device: NewDevice,
        version: Version,
        props: DeviceProps,
        report: Report,
        save: Callable[[Linked], Awaitable[None]],
        *,
        root: bytes,
        proxy: str | bool | None = True,
        tls: ssl.SSLContext | None = None,
        timing: LinkingTiming | None = None,
    ) -> None:
        self._device = device
        self._timing = timing or LinkingTiming()
        self._payload = lambda: device.payload(version, props)
        self._props = props
        self._report = report
        self._save = save
        self._root, self._proxy, self._tls = root, proxy, tls
        self._connection: Connection | None = None
        self._meanwhile: asyncio.Task[None] | None = None  # shows codes, or ends a wait that takes too long
        self._ends = 0.0  # time.monotonic() when a pairing code is worth nothing any more; 0 before there are codes
        self._renewed = asyncio.Event()  # the secret in the QR codes is another one
        self._pairing = asyncio.Lock()
        self._by_code: _ByCode | None = None
        self._by_passkey: _ByPasskey | None = None
        self._linked: Linked | None = None
        self._failure: LinkingFailed | None = None

    async def run(self) -> Linked:
        """Link. Raises LinkingFailed, Unreachable or NotWhatsApp."""
        opening = wire.opened(self._device.noise, self._payload, self._root, proxy=self._proxy, tls=self._tls)
        async with opening as connection:
            self._connection = connection
            try:
                async for stanza in connection.stanzas():
                    await self._hear(connection, stanza)
                    if self._failure is not None:
                        break
            except Unreachable:
                pass  # what counts is how far it got
            finally:
                self._connection = None
                self._await(None)
        if self._linked is None:
            raise self._failure or LinkingFailed("passkey-broken" if self._by_passkey else "timeout")
        return self._linked

    # --- what the owner does

    async def pairing_code(self, phone: str) -> tuple[str, float]:
        """A code for the phone with this number (digits), and the seconds it is good for.

        Raises NotWaiting, QueryFailed, Unreachable.
        """
        async with self._pairing:
            connection = self._connection
            if connection is None or not self._ends or self._by_passkey is not None:
                raise NotWaiting
            if self._by_code is None or self._by_code.jid.user != phone:
                code = pairing_code.code_of(secrets.token_bytes(pairing_code.CODE_BYTES))
                by_code = _ByCode(JID(phone), code, KeyPair())
                await by_code.say_hello(connection, self._device)
                self._by_code = by_code
            return pairing_code.dashed(self._by_code.code), max(0.0, self._ends - time.monotonic())

    async def answer(self, assertion: dict[str, Any]) -> None:
        """What the passkey answered: WebAuthn's PublicKeyCredential as JSON.

        Raises NotWaiting, AlreadyAnswered, PasskeyRefused, Unreachable.
        """
        connection, by_passkey = self._connection, self._by_passkey
        if connection is None or by_passkey is None:
            raise NotWaiting
        if by_passkey.answered:
            raise AlreadyAnswered
        by_passkey.answered = True
        try:
            await by_passkey.send_prologue(connection, assertion, self._props.platformType)
        except QueryFailed as error:
            by_passkey.answered = False
            raise PasskeyRefused(expired=error.code == 408) from None
        if not by_passkey.key:  # else it has gone on already
            self._await(self._expire(self._timing.phone, "passkey-silent"))

    async def confirm(self) -> None:
        """The codes are the same. Raises NotWaiting, AlreadyAnswered, PasskeyRefused, Unreachable."""
        connection, by_passkey = self._connection, self._by_passkey
        if connection is None or by_passkey is None or not by_passkey.key:
            raise NotWaiting
        if by_passkey.confirmed:
            raise AlreadyAnswered
        by_passkey.confirmed = True
        self._await(self._expire(self._timing.phone, "passkey-silent"))
        try:
            await by_passkey.ask_for_pairing(connection, self._device)
        except QueryFailed:
            by_passkey.confirmed = False
            raise PasskeyRefused from None

    # --- what WhatsApp says

    async def _hear(self, connection: Connection, stanza: Node) -> None:
        child = next(iter(stanza), Node(""))
        match stanza.tag, child.tag, stanza.text("type"):
            case "iq", "pair-device", _:
                await self._show_codes(connection, stanza)
            case "iq", "pair-success", _:
                self._await(None)
                connection.run(self._accept(connection, stanza))
            case "notification", _, "link_code_companion_reg":
                connection.run(self._entered(connection, stanza))
                await connection.acknowledge(stanza)
            case "notification", "companion_reg_refresh" | "pair-device-rotate-qr", "companion_reg_refresh":
                self._rotate_secret()
                await connection.acknowledge(stanza)
            case "notification", _, "passkey_prologue_request":
                connection.run(self._ask_for_passkey(connection, stanza))
                await connection.acknowledge(stanza)
            case "notification", _, "crsc_continuation":
                connection.run(self._continue(connection, stanza))
                await connection.acknowledge(stanza)
            case "notification", _, _:
                await connection.acknowledge(stanza)
            case "ib", "downgrade_webclient", _:
                self._fail("err-scanned-without-multidevice")
            case "failure", _, _:
                self._fail("err-client-outdated" if stanza.text("reason") == "405" else "err-unexpected-state")
            case "stream:error", _, _ if self._linked is None:
                self._fail("err-unexpected-state")
            case "stream:error", _, _:  # 515: log in with the new device
                await connection.hang_up()
            case _:
                pass

    def _fail(self, outcome: str) -> None:
        self._failure = self._failure or LinkingFailed(outcome)

    async def _show_codes(self, connection: Connection, stanza: Node) -> None:
        attrs = {"to": stanza.attrs["from"], "id": stanza.attrs["id"], "type": "result"}
        await connection.send(Node("iq", attrs))
        pair_device = stanza.child("pair-device") or Node("")
        refs = [ref.content for ref in pair_device if ref.tag == "ref" and isinstance(ref.content, bytes)]
        self._ends = time.monotonic() + self._timing.connection
        self._await(self._rotate(refs))

    async def _rotate(self, refs: list[bytes]) -> None:
        for ref in refs:
            await self._show(ref, self._timing.qr_code)
        await asyncio.sleep(self._timing.last_scan)
        async with self._pairing:
            typing = self._by_code is not None
        if typing and refs:  # somebody may be typing the pairing code
            await self._show(refs[-1], self._ends - time.monotonic())
        await self._expire(0, "exhausted")

    async def _show(self, ref: bytes, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self._renewed.clear()
            self._report.code(self._device.qr_code(ref), left)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._renewed.wait(), left)

    def _rotate_secret(self) -> None:
        """WhatsApp, after a scan, wants another secret in the code that is shown, to be scanned again.

        WhatsApp Web's WAWebHandleCompanionReqRefreshNotification, as told in Baileys' pull request 2765; whatsmeow has
        done so since September 2026. Once a phone has agreed on a secret in another way, that one counts.
        """
        if self._by_passkey is None and not (self._by_code and self._by_code.finished):
            self._device.adv_secret = secrets.token_bytes(passkey.KEY_BYTES)
            self._renewed.set()

    def _await(self, otherwise: Coroutine[Any, Any, None] | None) -> None:
        """Wait for WhatsApp, the phone or the owner; `otherwise` is what happens if none of them does anything."""
        if self._meanwhile is not None:
            self._meanwhile.cancel()
        self._meanwhile = asyncio.create_task(otherwise) if otherwise is not None else None

    async def _expire(self, seconds: float, outcome: str) -> None:
        await asyncio.sleep(seconds)
        self._fail(outcome)
        if self._connection is not None:
            await self._connection.hang_up()

    async def _entered(self, connection: Connection, stanza: Node) -> None:
        """The phone's owner has typed the pairing code."""
        if self._by_code is None:
            return
        with contextlib.suppress(ValueError, QueryFailed, Unreachable):
            await self._by_code.finish(connection, self._device, stanza)

    async def _ask_for_passkey(self, connection: Connection, stanza: Node) -> None:
        options = _options(stanza)
        if options is None:
            with contextlib.suppress(QueryFailed, Unreachable):
                options = _options(await connection.ask("md", "get", Node("passkey_request_options")))
        if options is None:
            self._fail("passkey-unreadable")
            return await connection.hang_up()
        self._by_passkey = _ByPasskey(
            passkey.handoff_key(self._device.adv_secret), time.monotonic() + self._timing.proof
        )
        self._device.adv_secret = secrets.token_bytes(passkey.KEY_BYTES)
        timeout = options.get("timeout")
        seconds = timeout / 1000 if isinstance(timeout, int | float) and timeout > 0 else self._timing.proof
        self._await(self._expire(seconds, "passkey-expired"))
        self._report.passkey(options, seconds)

    async def _continue(self, connection: Connection, stanza: Node) -> None:
        by_passkey = self._by_passkey
        if by_passkey is None or not by_passkey.answered:
            return
        try:
            code = await by_passkey.agree(connection, stanza.data("primary_ephemeral_identity"))
            if by_passkey.proven:
                await self.confirm()
            else:
                self._await(self._expire(self._timing.compare, "passkey-expired"))
                self._report.compare(code)
        except (ValueError, QueryFailed, PasskeyRefused, NotWaiting):
            self._fail("passkey-refused")
            await connection.hang_up()
        except Unreachable:
            pass

    async def _accept(self, connection: Connection, stanza: Node) -> None:
        """The account has accepted this device (whatsmeow pair.go, handlePairSuccess)."""
        id = stanza.text("id")
        try:
            linked, key_index = self._checked(stanza.child("pair-success") or Node(""))
            try:
                await self._save(linked)
            except NotSaved:
                raise adv.Refused(500, "internal-error") from None
        except adv.Refused as refused:
            error = Node("error", {"code": str(refused.code), "text": refused.text})
            self._fail("pair-error")
            await connection.send(Node("iq", {"to": SERVER, "type": "error", "id": id}, [error]))
            return await connection.hang_up()
        self._linked = linked
        identity = type(linked.identity)()
        identity.CopyFrom(linked.identity)
        identity.ClearField("accountSignatureKey")
        content = Node("device-identity", {"key-index": str(key_index)}, identity.SerializeToString())
        answer = Node("iq", {"to": SERVER, "type": "result", "id": id}, [Node("pair-device-sign", {}, [content])])
        with contextlib.suppress(Unreachable):
            await connection.send(answer)
            session = (int(time.time() * 1000) + _OFFSET_MS) % _WEEK_MS
            await connection.send(Node("ib", {}, [Node("unified_session", {"id": str(session)})]))
            await asyncio.sleep(self._timing.goodbye)
        await connection.hang_up()

    def _checked(self, pair_success: Node) -> tuple[Linked, int]:
        identity, key_index = adv.accept(
            self._device.identity, self._device.adv_secret, pair_success.data("device-identity")
        )
        device = pair_success.child("device") or Node("")
        jid, lid = device.jid("jid"), device.jid("lid")
        if jid is None or lid is None or not jid.device:
            raise adv.Refused(500, "internal-error")
        platform, business = (pair_success.child(tag) or Node("") for tag in ("platform", "biz"))
        return Linked(self._device, identity, jid, lid, platform.text("name"), business.text("name")), key_index


@dataclass
class _ByCode:
    """Linking by pairing code."""

    jid: JID
    code: str
    ephemeral: KeyPair
    ref: bytes = b""
    finished = False  # it has agreed with the phone on a secret

    async def say_hello(self, connection: Connection, device: NewDevice) -> None:
        wrapped = await asyncio.to_thread(pairing_code.wrap, self.code, self.ephemeral.public)
        attrs: dict[str, Value] = {"jid": self.jid, "stage": "companion_hello"}
        attrs["should_show_push_notification"] = "true"
        content = [
            Node("link_code_pairing_wrapped_companion_ephemeral_pub", {}, wrapped),
            Node("companion_server_auth_key_pub", {}, device.noise.public),
            Node("companion_platform_id", {}, CLIENT_TYPE),
            Node("companion_platform_display", {}, CLIENT_NAME),
            Node("link_code_pairing_nonce", {}, b"\0"),
        ]
        answer = await connection.ask("md", "set", Node("link_code_companion_reg", attrs, list(content)))
        self.ref = answer.data("link_code_companion_reg", "link_code_pairing_ref")
        if not self.ref:
            raise QueryFailed(0)

    async def finish(self, connection: Connection, device: NewDevice, stanza: Node) -> None:
        """Agree with the phone on the secret for pair-success. Raises ValueError, QueryFailed, Unreachable."""
        hello = stanza.child("link_code_companion_reg") or Node("")
        wrapped, primary = (
            hello.data(tag) for tag in ("link_code_pairing_wrapped_primary_ephemeral_pub", "primary_identity_pub")
        )
        ref = hello.data("link_code_pairing_ref")
        if ref != self.ref or len(wrapped) < pairing_code.WRAPPED_BYTES or len(primary) != passkey.KEY_BYTES:
            raise ValueError("another pairing's")
        primary_ephemeral = await asyncio.to_thread(pairing_code.unwrap, self.code, wrapped)
        agreed = pairing_code.agree(self.ephemeral, device.identity, primary_ephemeral, primary)
        content = [
            Node("link_code_pairing_wrapped_key_bundle", {}, agreed.bundle),
            Node("companion_identity_public", {}, device.identity.public),
            Node("link_code_pairing_ref", {}, ref),
        ]
        device.adv_secret, self.finished = agreed.secret, True  # before the answer, which what follows may overtake
        attrs: dict[str, Value] = {"jid": self.jid, "stage": "companion_finish"}
        await connection.ask("md", "set", Node("link_code_companion_reg", attrs, list(content)))


class _ByPasskey:
    """Confirming with a passkey. `key` is there once the phone has answered.

    `proves_until` is time.monotonic() after which the hand-off key proves nothing any more.
    """

    def __init__(self, handoff_key: bytes, proves_until: float) -> None:
        self._handoff_key, self._proves_until = handoff_key, proves_until
        self.answered = self.proven = self.confirmed = False
        self.key = b""

    async def send_prologue(self, connection: Connection, assertion: dict[str, Any], device_type: int) -> None:
        """Raises QueryFailed, Unreachable."""
        ref = (await connection.ask("md", "get", Node("ref"))).data("ref")
        if not ref:
            raise QueryFailed(0)
        self._ephemeral, self._nonce = KeyPair(), secrets.token_bytes(passkey.NONCE_BYTES)
        self._device_type, self._ref = device_type, ref.decode()
        prologue = passkey.prologue(self._ephemeral.public, device_type, self._ref, self._nonce)
        content = [
            Node("credential_id", {}, websafe_decode(assertion["rawId"])),
            Node("webauthn_assertion", {}, json.dumps(assertion, separators=(",", ":")).encode()),
            Node("prologue_payload", {}, prologue),
        ]
        self.proven = time.monotonic() < self._proves_until
        if self.proven:
            proof = passkey.handoff_proof(self._handoff_key, prologue)
            content.append(Node("pairing_handoff_proof", {}, proof))
        await connection.ask("md", "set", Node("passkey_prologue", {}, list(content)))

    async def agree(self, connection: Connection, data: bytes) -> str:
        """The code to compare. Raises ValueError, QueryFailed, Unreachable."""
        primary, nonce = passkey.primary_identity(data)
        await connection.ask("md", "set", Node("companion_nonce", {}, self._nonce))
        self.key = passkey.pairing_key(self._ephemeral, primary, self._device_type, self._ref)
        return pairing_code.dashed(passkey.code(nonce, self._nonce, primary))

    async def ask_for_pairing(self, connection: Connection, device: NewDevice) -> None:
        """Raises QueryFailed, Unreachable."""
        request = passkey.seal_request(self.key, device.noise.public, device.identity.public, device.adv_secret)
        await connection.ask("md", "set", Node("encrypted_pairing_request", {}, request))


def _options(stanza: Node) -> dict[str, Any] | None:
    """The PublicKeyCredentialRequestOptions in a stanza, if they can be used."""
    try:
        found = json.loads(stanza.data("passkey_request_options"))
    except ValueError:
        return None
    usable = isinstance(found, dict) and isinstance(found.get("challenge"), str) and found["challenge"]
    return found if usable else None
