"""Account lookup: whether a number has an account, its devices, its LID.

Requests and answers as whatsmeow writes and reads them: user.go (usync).
"""

from exponential.loopback.server import device_lists
from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.registers import Registers
from exponential.protocol.binary import JID, Node


def answer(server: Registers, device: Device, iq: Node) -> list[Node] | None:
    """The answer to a `usync` query; None when it asks for nobody."""
    asked = {child.tag for child in iq.child("usync", "query") or ()}
    asking, listed = iq.child("usync"), iq.child("usync", "list")
    if asking is None or listed is None:
        return None
    contact = iq.child("usync", "query", "contact")
    users = []
    for user in listed:
        jid = user.jid("jid") or _by_phone(user.data("contact"))
        account = server.directory.account(jid) if jid else None
        if jid and account:
            if "devices" in asked:
                device_lists.asked(device, jid, account)
            found = _user(jid, account, asked)
            if contact is not None and contact.text("addressing_mode") == "lid":  # whatsmeow user.go, IsOnWhatsApp
                found.attrs |= {"jid": account.lid, "pn_jid": account.jid}
            users.append(found)
        elif jid and "contact" in asked:
            users.append(Node("user", {"jid": jid}, [Node("contact", {"type": "out"})]))
    return [Node("usync", asking.attrs, [Node("list", {}, list(users))])]


def _by_phone(number: bytes) -> JID | None:
    return JID(number.decode().lstrip("+").partition("@")[0]) if number else None


def _user(jid: JID, account: Account, asked: set[str]) -> Node:
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
