"""Groups on the server: who is in them, what clients ask about them, and how stanzas reach their members' devices.

Shapes as whatsmeow's group.go (parseGroupNode, getGroupInfo, GetJoinedGroups, CreateGroup, LeaveGroup, SetGroupName,
UpdateGroupParticipants, parseGroupChange) and message.go read them.
"""

import secrets

from exponential.loopback.server.directory import Account, Device, Group, participant
from exponential.loopback.server.registers import Registers
from exponential.protocol.binary import GROUP_SERVER, JID, Node, Value


def create(server: Registers, owner: Account, subject: str, members: list[Account]) -> Group:
    """Make a group and tell all members' devices."""
    group = Group(JID(f"120363{secrets.randbelow(10**12):012}", GROUP_SERVER), subject, [owner, *members])
    server.groups[group.jid] = group
    news = Node("create", {"type": "new", "key": secrets.token_hex(8)}, [group.node()])
    _notify(server, group, owner, group.devices(), news)
    return group


def add(server: Registers, group: Group, actor: Account, member: Account) -> None:
    """Take a member in; everybody's devices are told."""
    group.members.append(member)
    _notify(server, group, actor, group.devices(), Node("add", {}, [participant(member)]))


def remove(server: Registers, group: Group, actor: Account, member: Account) -> None:
    """Put a member out (or let one leave); everybody's devices are told, the member's for the last time."""
    told = group.devices()
    group.members.remove(member)
    _notify(server, group, actor, told, Node("leave" if actor is member else "remove", {}, [participant(member)]))


def rename(server: Registers, group: Group, actor: Account, subject: str) -> None:
    """Give a group another subject; everybody's devices are told."""
    group.subject = subject
    news: dict[str, Value] = {"subject": subject, "s_t": server.timestamp(), "s_o": actor.lid}
    _notify(server, group, actor, group.devices(), Node("subject", news))


def _notify(server: Registers, group: Group, actor: Account, devices: list[Device], change: Node) -> None:
    for device in devices:
        attrs: dict[str, Value] = {
            "from": group.jid,
            "type": "w:gp2",
            "id": secrets.token_hex(8),
            "participant": actor.lid,
            "participant_pn": actor.jid,
            "addressing_mode": "lid",
            "t": server.timestamp(),
        }
        device.put(Node("notification", attrs, [change]))


def answer(server: Registers, asker: Account, iq: Node) -> list[Node] | None:
    """What a client asks of w:g2: its groups, one group, a new one, or a change. None when there is none such."""
    if iq.child("participating"):
        return [Node("groups", {}, [group.node() for group in server.groups.values() if asker in group.members])]
    new, left, to = iq.child("create"), iq.child("leave"), iq.jid("to")
    if new is not None:
        members = [account for _, account in _accounts(server, new) if account]
        return [create(server, asker, new.text("subject"), members).node()]
    if left is not None:
        return [Node("leave", {}, [_leave(server, asker, named.jid("id")) for named in left])]
    group = server.groups.get(to) if to else None
    if group is None or asker not in group.members:
        return None
    return [group.node()] if iq.child("query") else _change(server, group, asker, iq)


def _accounts(server: Registers, participants: Node) -> list[tuple[JID, Account | None]]:
    named = [jid for node in participants if node.tag == "participant" and (jid := node.jid("jid"))]
    return [(jid, server.directory.account(jid)) for jid in named]


def _leave(server: Registers, asker: Account, jid: JID | None) -> Node:
    group = server.groups.get(jid) if jid else None
    if group is None or asker not in group.members:
        return Node("group", {"id": jid or "", "error": "404"})
    remove(server, group, asker, asker)
    return Node("group", {"id": group.jid})


def _change(server: Registers, group: Group, asker: Account, iq: Node) -> list[Node] | None:
    """A new subject, or members who come and go; those for whom it makes no sense are named with an error."""
    subject, added, removed = iq.child("subject"), iq.child("add"), iq.child("remove")
    if subject is not None:
        rename(server, group, asker, subject.data().decode(errors="replace"))
        return []
    asked = added or removed
    if asked is None:
        return None
    told = []
    for jid, member in _accounts(server, asked):
        if member is None or (member in group.members) is (asked is added):
            told.append(Node("participant", {"jid": jid, "error": "409" if member and asked is added else "404"}))
            continue
        (add if asked is added else remove)(server, group, asker, member)
        told.append(Node("participant", {"jid": jid}))
    return [Node(asked.tag, {}, list(told))]


def message(server: Registers, sender: Device, node: Node) -> Node:
    """Pass a group message on: to each device its own enc, if it has one, and the one for all."""
    to = node.jid("to")
    group = server.groups.get(to) if to else None
    now = server.timestamp()
    ack = Node("ack", {"class": "message", "id": node.text("id"), "from": to or "", "t": now})
    if group is None or sender.account not in group.members:
        ack.attrs["error"] = "403" if group else "404"
        return ack
    own = {
        jid: enc for part in node.child("participants") or () if (jid := part.jid("jid")) and (enc := part.child("enc"))
    }
    shared = [child for child in node if child.tag == "enc"]
    identity = [child for child in node if child.tag == "device-identity"]
    again = node.jid("participant")  # a message sent again to the one device that asked for it
    for device in group.devices():
        if device is sender or (again and again not in (device.lid, device.jid)):
            continue
        mine = [enc for enc in (own.get(device.lid) or own.get(device.jid),) if enc]
        content = [*mine, *shared, *(identity if any(enc.text("type") == "pkmsg" for enc in [*mine, *shared]) else [])]
        attrs: dict[str, Value] = {
            "from": group.jid,
            "participant": sender.lid,
            "participant_pn": sender.jid,
            "addressing_mode": "lid",
            "t": now,
            "notify": sender.account.push_name,
            **{name: node.text(name) for name in ("id", "type", "edit")},
        }
        device.put(Node("message", attrs, list(content)))
    return ack


def receipt(server: Registers, sender: Device, node: Node) -> None:
    """Tell the author's devices; a request to send again concerns the one that wrote."""
    author, kind = node.jid("participant"), node.text("type")
    account = server.directory.told_by_receipt(sender, kind, author)
    if author is None or account is None:
        return
    attrs: dict[str, Value] = {
        "from": node.jid("to") or "",
        "participant": sender.lid,
        "id": node.text("id"),
        "type": kind,
        "t": server.timestamp(),
    }
    wrote = account.devices.get(author.device)
    for device in [wrote] if kind == "retry" and wrote else account.devices.values():
        if device is not sender:
            device.put(Node("receipt", dict(attrs), node.content))
