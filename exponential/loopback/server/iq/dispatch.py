"""What the server answers to a client's IQ stanzas: who answers which namespace, pings, unlinking.

Requests and answers as whatsmeow writes and reads them: client.go (Logout), keepalive.go.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from exponential.loopback.server import groups
from exponential.loopback.server.directory import Device
from exponential.loopback.server.iq import account_settings, prekeys, usync
from exponential.loopback.server.linking import pairing_code, passkey, qr_code
from exponential.loopback.server.linking.passkey import Refused
from exponential.protocol.binary import LID_SERVER, SERVER, Node

if TYPE_CHECKING:
    from exponential.loopback.server.connection import Connection

# The content of the answer; None when there is nothing of that kind here.
Answer = Callable[["Connection", Device, Node], list[Node] | None]

_BY_NAMESPACE: dict[str, Answer] = {
    "abt": account_settings.experiments,
    "blocklist": account_settings.blocklist,
    "bot": account_settings.bots,
    "encrypt": prekeys.answer,
    "privacy": account_settings.privacy,
    "usync": usync.answer,
    "w:biz": account_settings.business_profile,
    "w:g2": lambda connection, device, iq: groups.answer(connection.server, device.account, iq),
    "w:m": lambda connection, device, iq: [connection.server.media.connection()],
    "w:sync:app:state": account_settings.app_state,
}


def handle(connection: "Connection", iq: Node) -> None:
    """Answer `iq`, or take it as the answer to one of ours."""
    if iq.text("type") in ("result", "error"):
        qr_code.answered(connection, iq)
        return
    try:
        content = _answer(connection, iq)
    except Refused as refused:
        return _refuse(connection, iq, refused.code, refused.text)
    if content is None:
        return _refuse(connection, iq, 404, "item-not-found")
    connection.send(Node("iq", {"type": "result", "id": iq.text("id"), "from": SERVER}, content or None))
    if iq.text("xmlns") == "md" and connection.device:
        _remove(connection, iq)


def _refuse(connection: "Connection", iq: Node, code: int, text: str) -> None:
    error = Node("error", {"code": str(code), "text": text})
    connection.send(Node("iq", {"type": "error", "id": iq.text("id"), "from": SERVER}, [error]))


def _answer(connection: "Connection", iq: Node) -> list[Node] | None:
    device, name = connection.device, iq.text("xmlns")
    stage = iq.child(pairing_code.TAG)
    if stage is not None:
        return pairing_code.answer(connection, stage)
    about_passkey = passkey.answer(connection, iq)
    if about_passkey is not None:
        return about_passkey
    if name == "w:p" or device is None:
        return []
    if name in _BY_NAMESPACE:
        return _BY_NAMESPACE[name](connection, device, iq)
    # Settings that a client writes are accepted and forgotten; what it reads that isn't kept here isn't found.
    return [] if iq.text("type") == "set" else None


def _remove(connection: "Connection", iq: Node) -> None:
    """A client unlinked itself (whatsmeow client.go, Logout)."""
    removed = iq.child("remove-companion-device")
    device = connection.device
    jid = removed.jid("jid") if removed else None
    if removed is None or device is None or jid is None:
        return
    own = device.lid if jid.server == LID_SERVER else device.jid
    if jid == own:
        connection.server.remove_device(device)


def device_removed() -> Node:
    """What a device is told when it was unlinked (whatsmeow connectionevents.go)."""
    return Node("stream:error", {"code": "401"}, [Node("conflict", {"type": "device_removed"})])
