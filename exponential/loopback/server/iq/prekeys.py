"""A device's keys on the server: it uploads them, rotates the signed one, asks how many are left and what is there.

Requests and answers as whatsmeow writes and reads them (prekeys.go); `digest` and `rotate` as WhatsApp Web does
(WAWebDigestKeyJob and WAWebRotateKeyJob, described in jlucaso1/whatsapp-rust, wacore/src/iq/prekeys.rs).
"""

import hashlib

from exponential.loopback.phones.signal_wire import KEY_TYPE
from exponential.loopback.server.directory import Device
from exponential.loopback.server.registers import Registers
from exponential.protocol.binary import JID, SERVER, Node


def answer(server: Registers, device: Device, iq: Node) -> list[Node] | None:
    """The answer to an `encrypt` query; None when there is none such."""
    if iq.text("type") == "set":
        _keep(device, iq)
        return []
    if iq.child("count"):
        return [Node("count", {"value": str(len(device.one_time))})]
    if iq.child("digest"):
        return _digest(device)
    wanted = iq.child("key")
    if wanted is None:
        return None
    return [Node("list", {}, [_bundle(server, user.jid("jid")) for user in wanted])]


def _keep(device: Device, iq: Node) -> None:
    uploaded = iq.child("list")
    device.one_time.update({int.from_bytes(key.data("id")): key.data("value") for key in uploaded or ()})
    signed = iq.child("skey") or iq.child("rotate", "skey")
    if signed:
        device.signed_id = int.from_bytes(signed.data("id"))
        device.signed, device.signature = signed.data("value"), signed.data("signature")


def _digest(device: Device) -> list[Node] | None:
    """By which a client sees whether the server has its keys. None tells it to upload them."""
    if not device.one_time:
        return None
    keys = [device.identity, device.signed, device.signature, *device.one_time.values()]
    content = [
        *_identity(device.registration_id, device.identity),
        _signed(device.signed_id, device.signed, device.signature),
        Node("list", {}, [_id(index) for index in device.one_time]),
        Node("hash", {}, hashlib.sha1(b"".join(keys)).digest()),
    ]
    return [Node("digest", {}, content)]


def _bundle(server: Registers, jid: JID | None) -> Node:
    owner = server.directory.device(jid) if jid else None
    if jid is None or owner is None:
        return Node("user", {"jid": jid or SERVER}, [Node("error", {"code": "404", "text": "item-not-found"})])
    bundle = owner.take_bundle()
    content = [
        *_identity(bundle.registration_id, bundle.identity),
        _signed(bundle.signed_id, bundle.signed, bundle.signature),
    ]
    if bundle.one_time_id is not None and bundle.one_time is not None:
        content.append(Node("key", {}, [_id(bundle.one_time_id), Node("value", {}, bundle.one_time)]))
    return Node("user", {"jid": jid}, content)


def _identity(registration_id: int, identity: bytes) -> list[Node]:
    return [
        Node("registration", {}, registration_id.to_bytes(4, "big")),
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, identity),
    ]


def _signed(index: int, key: bytes, signature: bytes) -> Node:
    return Node("skey", {}, [_id(index), Node("value", {}, key), Node("signature", {}, signature)])


def _id(index: int) -> Node:
    return Node("id", {}, index.to_bytes(3, "big"))
