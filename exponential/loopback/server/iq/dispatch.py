"""The dispatch of a client's IQ stanzas: who answers which namespace, pings, unlinking.

Requests and answers as whatsmeow writes and reads them: client.go (Logout), keepalive.go.
"""

from collections.abc import Callable

from exponential.loopback.server import device_lists, groups
from exponential.loopback.server.directory import Device
from exponential.loopback.server.interfaces import Connection
from exponential.loopback.server.iq import account_settings, prekeys, usync
from exponential.loopback.server.linking import pairing_code, qr_code
from exponential.loopback.server.linking.passkey import Refused
from exponential.loopback.server.registers import Registers
from exponential.protocol.binary import LID_SERVER, SERVER, Node

# The content of the answer; None when there is nothing of that kind here.
Answer = Callable[[Registers, Device, Node], list[Node] | None]

_BY_NAMESPACE: dict[str, Answer] = {
    "abt": account_settings.experiments,
    "blocklist": account_settings.blocklist,
    "bot": account_settings.bots,
    "encrypt": prekeys.answer,
    "privacy": account_settings.privacy,
    "usync": usync.answer,
    "w:biz": account_settings.business_profile,
    "w:g2": lambda server, device, iq: groups.answer(server, device.account, iq),
    "w:m": lambda server, device, iq: [server.media.connection()],
    "w:sync:app:state": account_settings.app_state,
}


def handle(server: Registers, connection: Connection, iq: Node) -> None:
    """Answer `iq`, or take it as the answer to one of ours."""
    if iq.text("type") in ("result", "error"):
        qr_code.answered(server, connection, iq)
        return
    try:
        content = _answer(server, connection, iq)
    except Refused as refused:
        return _refuse(connection, iq, refused.code, refused.text)
    if content is None:
        return _refuse(connection, iq, 404, "item-not-found")
    connection.send(Node("iq", {"type": "result", "id": iq.text("id"), "from": SERVER}, content or None))
    if iq.text("xmlns") == "md" and connection.device:
        _remove(server, connection.device, iq)


def _refuse(connection: Connection, iq: Node, code: int, text: str) -> None:
    error = Node("error", {"code": str(code), "text": text})
    connection.send(Node("iq", {"type": "error", "id": iq.text("id"), "from": SERVER}, [error]))


def _answer(server: Registers, connection: Connection, iq: Node) -> list[Node] | None:
    device, registration, name = connection.device, connection.registration, iq.text("xmlns")
    stage = iq.child(pairing_code.TAG)
    if stage is not None:
        return pairing_code.answer(server, registration, stage)
    if registration and registration.exchange and name == "md":
        return registration.exchange.answer(iq)
    if name == "w:p" or device is None:
        return []
    if name in _BY_NAMESPACE:
        return _BY_NAMESPACE[name](server, device, iq)
    # Settings that a client writes are accepted and forgotten; what it reads that isn't kept here isn't found.
    return [] if iq.text("type") == "set" else None


def _remove(server: Registers, device: Device, iq: Node) -> None:
    """A client unlinked itself (whatsmeow client.go, Logout)."""
    removed = iq.child("remove-companion-device")
    jid = removed.jid("jid") if removed else None
    if jid and jid == (device.lid if jid.server == LID_SERVER else device.jid):
        device_lists.remove(server, device)
