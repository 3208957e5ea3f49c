"""The link by QR code: references to the client, ADV signatures by the phone, 515, then login.

Steps and prefixes as whatsmeow's pair.go checks them.
"""

import asyncio
import itertools
import secrets
from base64 import b64decode
from dataclasses import dataclass

from google.protobuf.message import DecodeError as ProtobufError

from exponential.loopback.server import device_lists
from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.interfaces import Connection
from exponential.loopback.server.linking.passkey import Exchange
from exponential.loopback.server.linking.registration import Registration
from exponential.loopback.server.linking.webauthn import Passkey
from exponential.loopback.server.registers import Registers
from exponential.loopback.server.stream_errors import stream_error
from exponential.protocol import adv
from exponential.protocol.binary import SERVER, Node, Value
from exponential.protocol.keys import KeyPair
from exponential.protocol.passkey import handoff_key
from exponential.protocol.protobufs import ADVDeviceIdentity, ADVSignedDeviceIdentity, ClientPayload, DeviceProps

LIFETIMES_SECONDS = (60, 20, 20, 20, 20, 20)  # of each code, one after the other (whatsmeow qrchan.go)
_GONE = "The computer stopped waiting. Show a new code and scan it."
_WITHOUT_PASSKEY = (
    "This account is protected by a passkey, and the computer didn't confirm it. Show a new code and scan it."
)


class LinkError(Exception):
    """Scanning did not link a device; the sentence is what the phone shows."""


@dataclass
class Code:
    """What a QR code says."""

    ref: str
    noise: bytes
    identity: bytes
    adv_secret: bytes

    @classmethod
    def parse(cls, text: str) -> "Code":
        """Read `…#ref,noise,identity,advSecret,platform` (base64 parts). Raises LinkError."""
        parts = text.strip().rpartition("#")[2].split(",")
        try:
            ref, noise, identity, adv_secret = parts[0], *(b64decode(part, validate=True) for part in parts[1:4])
        except ValueError:
            raise LinkError("This is not a WhatsApp linking code.") from None
        return cls(ref, noise, identity, adv_secret)


def begin(server: Registers, connection: Connection, noise: bytes, payload: ClientPayload) -> Registration:
    """Give a new client its six references; it is hung up on when the last one has expired (whatsmeow pair-code.go)."""
    ends = (server.loop.time() + seconds / server.code_clock for seconds in itertools.accumulate(LIFETIMES_SECONDS))
    refs = {f"2@{secrets.token_urlsafe(24)}": end for end in ends}
    registration = Registration(connection.send, noise, payload, refs)
    registration.end = server.loop.call_at(max(refs.values()), connection.close)
    server.registrations.update(dict.fromkeys(refs, registration))
    attrs: dict[str, Value] = {"type": "set", "id": server.next_id(), "from": SERVER, "xmlns": "md"}
    connection.send(Node("iq", attrs, [Node("pair-device", {}, [Node("ref", {}, ref.encode()) for ref in refs])]))
    return registration


def abandon(server: Registers, registration: Registration) -> None:
    """The client hung up: its codes are worth nothing now."""
    if registration.end:
        registration.end.cancel()
    for ref in registration.refs:
        server.registrations.pop(ref, None)
    if not registration.linked.done():
        registration.linked.set_exception(LinkError(_WITHOUT_PASSKEY if registration.exchange else _GONE))
        registration.linked.exception()


async def link(server: Registers, account: Account, identity: KeyPair, text: str) -> Device:
    """The phone of `account` scans `text`: link the device that shows it. Raises LinkError."""
    code = Code.parse(text)
    registration = server.registrations.get(code.ref)
    if registration is None or server.loop.time() > registration.refs[code.ref]:
        raise LinkError("This code has expired. Show a new code and scan it.")
    if code.noise != registration.noise or code.identity != registration.keys.eIdent:
        raise LinkError("This code was not made by the device that shows it.")
    if server.faults.refreshes or code.adv_secret in registration.retired:
        _refresh(server, registration, code.adv_secret)
    secret = await confirmed(server, registration, account, code.adv_secret)
    return await complete(server, registration, account, identity, secret)


def _refresh(server: Registers, registration: Registration, secret: bytes) -> None:
    """Have the client show another secret, and this phone scan it. Raises LinkError."""
    if secret not in registration.retired:
        server.faults.refreshes -= 1
        registration.retired.add(secret)
        attrs: dict[str, Value] = {"type": "companion_reg_refresh", "id": server.next_id(), "from": SERVER}
        registration.send(Node("notification", attrs, [Node("companion_reg_refresh")]))
    raise LinkError("Couldn't link this device. Scan the code that it shows now.")


async def confirmed(server: Registers, registration: Registration, account: Account, secret: bytes) -> bytes:
    """The secret for pair-success: a new one once the client has confirmed, where the account has a passkey.

    Raises LinkError when the client goes away instead.
    """
    if not account.passkey:
        return secret
    account.key = account.key or Passkey.make()
    exchange = registration.exchange = Exchange(
        account.key,
        handoff_key(secret),
        registration.noise,
        registration.keys.eIdent,
        notify=lambda kind, content: registration.send(_notification(server, kind, content)),
        changed=server.refresh_phones,
        spoiled=server.faults.spoiled_passkey,
    )
    exchange.begin()
    server.refresh_phones()
    try:
        await asyncio.wait((exchange.secret, registration.linked), return_when=asyncio.FIRST_COMPLETED)
        if not exchange.secret.done():
            await asyncio.shield(registration.linked)  # it has gone: raises why
        return exchange.secret.result()
    finally:
        exchange.code = ""
        server.refresh_phones()


def _notification(server: Registers, kind: str, content: Node) -> Node:
    attrs: dict[str, Value] = {"type": kind, "id": server.next_id(), "from": SERVER, "t": server.timestamp()}
    return Node("notification", attrs, [content])


async def complete(
    server: Registers, registration: Registration, account: Account, identity: KeyPair, secret: bytes
) -> Device:
    """Sign the device's identity, send pair-success and wait until the device confirms. Raises LinkError."""
    account.last_key_index += 1
    registration.account, registration.key_index = account, account.last_key_index
    registration.phone_key = identity.public
    details = ADVDeviceIdentity(
        rawID=secrets.randbits(31), timestamp=int(server.timestamp()), keyIndex=registration.key_index
    )
    container = adv.vouch(identity, secret, registration.keys.eIdent, details)
    account.last_device += 1
    registration.iq = server.next_id()
    content = [
        Node("device-identity", {}, container),
        Node(
            "device",
            {"jid": account.jid.with_device(account.last_device), "lid": account.lid.with_device(account.last_device)},
        ),
        Node("platform", {"name": "android"}),
    ]
    attrs: dict[str, Value] = {"type": "set", "id": registration.iq, "from": SERVER, "t": server.timestamp()}
    registration.send(Node("iq", attrs, [Node("pair-success", {}, content)]))
    return await asyncio.shield(registration.linked)


def answered(server: Registers, connection: Connection, iq: Node) -> None:
    """The client answered one of our IQs; only the one to pair-success matters."""
    registration = connection.registration
    if registration is None or not registration.iq or iq.text("id") != registration.iq:
        return
    account = registration.account
    if account is None or iq.text("type") == "error" or not _confirmed(registration, iq):
        registration.linked.set_exception(LinkError("The device could not be linked: it refused the phone's answer."))
        return
    keys = registration.keys
    device = Device(
        account,
        account.last_device,
        identity=keys.eIdent,
        registration_id=int.from_bytes(keys.eRegid),
        signed_id=int.from_bytes(keys.eSkeyID),
        signed=keys.eSkeyVal,
        signature=keys.eSkeySig,
        noise=registration.noise,
        key_index=registration.key_index,
        name=DeviceProps.FromString(keys.deviceProps).os or "Linked device",
    )
    device_lists.add(server, device)
    registration.linked.set_result(device)
    # The client expects this error, hangs up and logs in with its new identity (whatsmeow connectionevents.go, 515).
    connection.end(stream_error(515))


def _confirmed(registration: Registration, iq: Node) -> bool:
    """Whether the device signed its own identity with the key that the code named."""
    try:
        identity = ADVSignedDeviceIdentity.FromString(iq.data("pair-device-sign", "device-identity"))
    except ProtobufError:
        return False
    return adv.is_signed_by_device(identity, registration.keys.eIdent, registration.phone_key)
