"""What the server answers to a client's IQ stanzas: pings, pre-keys, usync, unlinking.

Requests and answers as whatsmeow writes and reads them: prekeys.go, user.go (usync), client.go (Logout), keepalive.go.
"""

from typing import TYPE_CHECKING

from exponential.loopback import device_lists, groups, pairing, pairing_code
from exponential.loopback.binary import JID, LID_SERVER, SERVER, Node
from exponential.loopback.directory import Account, Device
from exponential.loopback.signal_wire import KEY_TYPE

if TYPE_CHECKING:
    from exponential.loopback.connection import Connection


def handle(connection: "Connection", iq: Node) -> None:
    """Answer `iq`, or take it as the answer to one of ours."""
    if iq.text("type") in ("result", "error"):
        pairing.answered(connection, iq)
        return
    content = _answer(connection, iq)
    if content is None:
        error = Node("error", {"code": "404", "text": "item-not-found"})
        connection.send(Node("iq", {"type": "error", "id": iq.text("id"), "from": SERVER}, [error]))
        return
    connection.send(Node("iq", {"type": "result", "id": iq.text("id"), "from": SERVER}, content or None))
    if iq.text("xmlns") == "md" and connection.device:
        _remove(connection, iq)


def _answer(connection: "Connection", iq: Node) -> list[Node] | None:
    """The content of the answer; None when there is nothing of that kind here."""
    device, name, kind = connection.device, iq.text("xmlns"), iq.text("type")
    stage = iq.child(pairing_code.TAG)
    if stage is not None:
        return pairing_code.answer(connection, stage)
    if name == "w:p" or device is None:
        return []
    if name == "encrypt":
        return _encrypt(connection, device, iq)
    if name == "usync":
        return _usync(connection, iq)
    if name == "w:m":
        return [connection.server.media.connection()]
    if name == "w:g2":
        return groups.answer(connection.server, device.account, iq)
    # Settings that a client writes are accepted and forgotten; what it reads that isn't kept here isn't found.
    return [] if kind == "set" else None


def _encrypt(connection: "Connection", device: Device, iq: Node) -> list[Node] | None:
    if iq.text("type") == "set":
        uploaded = iq.child("list")
        device.one_time.update({int.from_bytes(key.data("id")): key.data("value") for key in uploaded or ()})
        if iq.child("skey"):
            device.signed_id = int.from_bytes(iq.data("skey", "id"))
            device.signed, device.signature = iq.data("skey", "value"), iq.data("skey", "signature")
        return []
    if iq.child("count"):
        return [Node("count", {"value": str(len(device.one_time))})]
    wanted = iq.child("key")
    if wanted is None:
        return None
    return [Node("list", {}, [_bundle(connection, user.jid("jid")) for user in wanted])]


def _bundle(connection: "Connection", jid: JID | None) -> Node:
    owner = connection.server.directory.device(jid) if jid else None
    if jid is None or owner is None:
        return Node("user", {"jid": jid or SERVER}, [Node("error", {"code": "404", "text": "item-not-found"})])
    bundle = owner.take_bundle()
    signed = [
        Node("id", {}, bundle.signed_id.to_bytes(3, "big")),
        Node("value", {}, bundle.signed),
        Node("signature", {}, bundle.signature),
    ]
    content = [
        Node("registration", {}, bundle.registration_id.to_bytes(4, "big")),
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, bundle.identity),
        Node("skey", {}, signed),
    ]
    if bundle.one_time_id is not None and bundle.one_time is not None:
        one_time = [Node("id", {}, bundle.one_time_id.to_bytes(3, "big")), Node("value", {}, bundle.one_time)]
        content.append(Node("key", {}, one_time))
    return Node("user", {"jid": jid}, content)


def _usync(connection: "Connection", iq: Node) -> list[Node] | None:
    asked = {child.tag for child in iq.child("usync", "query") or ()}
    asking, listed = iq.child("usync"), iq.child("usync", "list")
    if asking is None or listed is None:
        return None
    contact = iq.child("usync", "query", "contact")
    users = []
    for user in listed:
        jid = user.jid("jid") or _by_phone(user.data("contact"))
        account = connection.server.directory.account(jid) if jid else None
        if jid and account:
            if connection.device and "devices" in asked:
                device_lists.asked(connection.device, jid, account)
            answer = _usync_user(jid, account, asked)
            if contact is not None and contact.text("addressing_mode") == "lid":  # whatsmeow user.go, IsOnWhatsApp
                answer.attrs |= {"jid": account.lid, "pn_jid": account.jid}
            users.append(answer)
        elif jid and "contact" in asked:
            users.append(Node("user", {"jid": jid}, [Node("contact", {"type": "out"})]))
    return [Node("usync", asking.attrs, [Node("list", {}, list(users))])]


def _by_phone(number: bytes) -> JID | None:
    return JID(number.decode().lstrip("+").partition("@")[0]) if number else None


def _usync_user(jid: JID, account: Account, asked: set[str]) -> Node:
    content = []
    if "contact" in asked:
        content.append(Node("contact", {"type": "in"}))
    if "devices" in asked:
        # The phone is listed as device 0: else whatsmeow asks again before every reply to one's own account.
        devices = [
            Node("device", {"id": str(device.id), **({"key-index": str(device.key_index)} if device.id else {})})
            for device in account.devices.values()
        ]
        content.append(Node("devices", {}, [Node("device-list", {"hash": "loopback"}, devices)]))
    if "lid" in asked:
        content.append(Node("lid", {"val": account.lid}))
    if "status" in asked:
        content.append(Node("status", {}, b""))
    return Node("user", {"jid": jid}, content)


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
