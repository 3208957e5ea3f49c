"""What a client asks about its account: privacy settings, blocked contacts, experiments, what the phone shares, bots.

Privacy settings are kept. Of the rest there is none, and changes are taken and forgotten.
"""

from exponential.loopback.server.directory import Device
from exponential.loopback.server.registers import Registers
from exponential.protocol.binary import Node, Value

# Names and values: whatsmeow types/user.go, PrivacySettingType.
PRIVACY = {
    **dict.fromkeys(("groupadd", "last", "status", "profile", "readreceipts", "online", "calladd", "messages"), "all"),
    "defense": "off",
    "stickers": "contacts",
}


def privacy(_: Registers, device: Device, iq: Node) -> list[Node] | None:
    """All settings, or changes to them (whatsmeow privacysettings.go). Contacts' tokens (tctoken.go) are forgotten."""
    kept = device.account.privacy
    if iq.text("type") == "set":
        changes = {category.text("name"): category.text("value") for category in iq.child("privacy") or ()}
        kept.update({name: value for name, value in changes.items() if name in PRIVACY})
        return []
    settings = (PRIVACY | kept).items()
    return [Node("privacy", {}, [Node("category", {"name": name, "value": value}) for name, value in settings])]


def blocklist(*_: object) -> list[Node]:
    """Nobody, also after a change (whatsmeow user.go, GetBlocklist and UpdateBlocklist)."""
    return [Node("list", {}, [])]


def experiments(*_: object) -> list[Node]:
    """No A/B properties (jlucaso1/whatsapp-rust, wacore/src/iq/props.rs)."""
    return [Node("props", {"protocol": "1", "hash": "loopback", "refresh": "86400", "refresh_id": "0"}, [])]


def app_state(_: Registers, device: Device, iq: Node) -> list[Node]:
    """Each collection at the version that the client has, without patches (whatsmeow appstate.go)."""
    collections = []
    for asked in iq.child("sync") or ():
        attrs: dict[str, Value] = {"name": asked.text("name"), "version": asked.text("version", "0")}
        collections.append(Node("collection", {**attrs, "has_more_patches": "false"}))
    return [Node("sync", {}, collections)]


def bots(*_: object) -> list[Node]:
    """None (whatsmeow user.go, GetBotListV2)."""
    return [Node("bot", {"v": "2"}, [])]


def business_profile(_: Registers, device: Device, iq: Node) -> list[Node] | None:
    """No account here is a business: the answer has no profile inside (Baileys chats.ts, getBusinessProfile)."""
    return [Node("business_profile", {}, [])] if iq.child("business_profile") else None
