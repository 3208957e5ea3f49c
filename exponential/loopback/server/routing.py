"""The routing of messages, receipts and typing between devices. Whom a stanza is from, as each receiver is told.

Attributes as whatsmeow reads them: message.go (parseMessageSource), receipt.go, presence.go.
"""

from exponential.loopback.server import groups
from exponential.loopback.server.directory import Account, Device, waiting_key
from exponential.loopback.server.registers import Registers
from exponential.protocol.binary import GROUP_SERVER, JID, LID_SERVER, Node

OLD_COUNTER = 496  # whatsmeow receipt.go, NackSignalErrorOldCounter


def message(server: Registers, sender: Device, node: Node) -> Node:
    """Hand each device its own ciphertext, or keep it until the device is there. Returns the acknowledgement."""
    to = node.jid("to")
    if to and to.server == GROUP_SERVER:
        return groups.message(server, sender, node)
    now = server.timestamp()
    ack = Node("ack", {"class": "message", "id": node.text("id"), "from": to or "", "t": now})
    chat = node.jid("recipient") or to  # named when one's own device has asked to send again (whatsmeow retry.go)
    recipient = server.directory.account(chat) if chat else None
    if to is None or chat is None or recipient is None:
        ack.attrs["error"] = "404"
        return ack
    identity = node.child("device-identity")
    reached = set()
    for jid, encs in _ciphertexts(to, node):
        target = server.directory.device(jid)
        # To oneself, whatsmeow lists the account twice (as recipient and as sender): each device gets the first copy.
        if target is None or target is sender or id(target) in reached:
            continue
        reached.add(id(target))
        content = [*encs, identity] if identity and any(enc.text("type") == "pkmsg" for enc in encs) else encs
        if server.faults.withholds(target):
            content = [Node("unavailable")]  # the device asks its phone: placeholder_resend.py
        attrs = {**_source(sender, target, chat, recipient), "t": now, "notify": sender.account.push_name}
        for name in ("id", "type", "edit", "category"):
            attrs[name] = node.text(name)
        target.put(Node("message", attrs, content))
    return ack


def _ciphertexts(to: JID, node: Node) -> list[tuple[JID, list[Node]]]:
    """(device, its parts) for each receiver. Peer messages (to one's own phone) have no list of receivers."""
    listed = [(part.jid("jid"), part) for part in node.child("participants") or ()]
    found = [(jid, [enc for enc in part if enc.tag == "enc"]) for jid, part in [(to, node), *listed] if jid]
    return [(jid, encs) for jid, encs in found if encs]


def _source(sender: Device, target: Device, chat: JID, recipient: Account) -> dict[str, str | JID]:
    by_lid = chat.server == LID_SERVER
    attrs: dict[str, str | JID] = {"from": sender.lid if by_lid else sender.jid}
    if target.account is sender.account:
        attrs["recipient"] = chat.bare
        attrs["peer_recipient_pn" if by_lid else "peer_recipient_lid"] = recipient.jid if by_lid else recipient.lid
    else:
        attrs["sender_pn" if by_lid else "sender_lid"] = sender.account.jid if by_lid else sender.account.lid
    return attrs


def receipt(server: Registers, sender: Device, node: Node) -> Node:
    """A receipt is the acknowledgement of what it names; pass it on to those whom it tells something."""
    to, kind = node.jid("to"), node.text("type")
    ids = [node.text("id"), *(item.text("id") for item in node.child("list") or ())]
    for id in ids:
        sender.acknowledged(("message", id))
    ack = Node("ack", {"class": "receipt", "id": node.text("id"), "from": to or "", "type": kind})
    if to and to.server == GROUP_SERVER:
        ack.attrs["participant"] = node.jid("participant") or ""
        groups.receipt(server, sender, node)
        return ack
    target = server.directory.told_by_receipt(sender, kind, to)
    if to is None or target is None:
        return ack
    by_lid = to.server == LID_SERVER
    attrs: dict[str, str | JID] = {
        "from": sender.lid if by_lid else sender.jid,
        "id": node.text("id"),
        "type": kind,
        "t": server.timestamp(),
    }
    if target is sender.account:
        attrs["recipient"] = node.jid("recipient") or to.bare
    for device in _receivers(target, to, kind):
        if device is not sender:
            device.put(Node("receipt", dict(attrs), node.content))
    return ack


def refuse(server: Registers, receiver: Device, stanza: Node, reason: int) -> None:
    """A phone refuses a message for good: the server has done with it, its writer is not told. The wire log tells."""
    receiver.acknowledged(waiting_key(stanza))
    attrs: dict[str, str | JID] = {"class": "message", "id": stanza.text("id"), "to": stanza.jid("from") or ""}
    server.wire.add("in", str(receiver.jid), Node("ack", {**attrs, "error": str(reason)}))


def _receivers(account: Account, to: JID, kind: str) -> list[Device]:
    """A request to send again concerns the sending device; ticks concern all of them."""
    if kind == "retry":
        return [device for device in (account.devices.get(to.device),) if device]
    return list(account.devices.values())


def presence(server: Registers, sender: Device, node: Node) -> None:
    """Typing goes to the other side if it is there now; nobody queues it."""
    if node.tag == "presence":
        server.presence.heard(sender, node)
        return
    to = node.jid("to")
    account = server.directory.account(to) if to else None
    if to is None or account is None:
        return
    source = sender.lid.bare if to.server == LID_SERVER else sender.jid.bare
    for device in account.devices.values():
        if device is not sender and device.deliver:
            device.deliver(Node("chatstate", {"from": source}, node.content))
