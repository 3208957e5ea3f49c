"""The device lists of accounts, and who is told of changes: the account's other devices and whoever asked for its list.

Notifications and hashes as whatsmeow reads them: notification.go (handleDeviceNotification and
handleOwnDevicesNotification), send.go (participantListHashV2), types/jid.go (ADString).
"""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterable
from typing import Literal

from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.registers import Registers
from exponential.loopback.server.stream_errors import stream_error
from exponential.protocol.binary import JID, USER_SERVER, Node, Value

Change = Literal["add", "remove"]


def hash_of(devices: Iterable[JID]) -> str:
    """The hash by which client and server see whether they know the same devices."""
    named = sorted(f"{jid.user}.0:{jid.device}@{jid.server}" for jid in devices)
    digest = hashlib.sha256("".join(named).encode()).digest()
    return f"2:{b64encode(digest[:6]).decode()}"


def asked(asker: Device, address: JID, account: Account) -> None:
    """Remember that `asker` knows the devices of `account`, by this address."""
    account.askers.add((asker.lid, address.bare))


def add(server: Registers, device: Device) -> None:
    """Link: the account has this device from now on."""
    device.account.devices[device.id] = device
    _changed(server, device, "add")


def remove(server: Registers, device: Device) -> None:
    """Unlink: the account forgets the device, and the device is told now or when it next connects."""
    device.account.devices.pop(device.id, None)
    _changed(server, device, "remove")
    connection = server.connection(device)
    if connection:
        connection.end(stream_error(401))


def _changed(server: Registers, device: Device, change: Change) -> None:
    """Tell everybody who knows the list, after the account's devices have changed by `device`."""
    account = device.account
    for other in account.linked():
        if other is not device:
            other.put(_to_own(server, account))
    by_asker: dict[JID, set[str]] = {}
    for asker, address in account.askers:
        by_asker.setdefault(asker, set()).add(address.server)
    for jid, servers in by_asker.items():
        told = server.directory.device(jid)
        if told and told.account is not account:
            told.put(_to_other(server, device, change, by_number=USER_SERVER in servers))


def _to_own(server: Registers, account: Account) -> Node:
    devices = [Node("device", {"jid": device.jid}) for device in account.devices.values()]
    listed = Node("devices", {"dhash": hash_of(device.jid for device in account.devices.values())}, list(devices))
    return _notification(server, "account_sync", account.jid, {}, [listed])


def _to_other(server: Registers, device: Device, change: Change, *, by_number: bool) -> Node:
    """whatsmeow looks for the list under `from`: it is the address by which the list was asked for."""
    account = device.account
    hashes = [hash_of(d.jid for d in account.devices.values()), hash_of(d.lid for d in account.devices.values())]
    if not by_number:
        content = Node(change, {"device_hash": hashes[1]}, [Node("device", {"jid": device.lid})])
        return _notification(server, "devices", account.lid, {}, [content])
    attrs: dict[str, Value] = {"device_hash": hashes[0], "device_lid_hash": hashes[1]}
    content = Node(change, attrs, [Node("device", {"jid": device.jid, "lid": device.lid})])
    return _notification(server, "devices", account.jid, {"lid": account.lid}, [content])


def _notification(server: Registers, kind: str, source: JID, more: dict[str, Value], content: list[Node]) -> Node:
    attrs: dict[str, Value] = {"type": kind, "from": source, "id": secrets.token_hex(8), "t": server.timestamp()}
    return Node("notification", {**attrs, **more}, content)
