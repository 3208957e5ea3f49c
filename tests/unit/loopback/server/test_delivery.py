from exponential.loopback.server.delivery import MAX_UNDER_WAY_STANZAS, Delivery
from exponential.loopback.server.directory import Account, Device
from exponential.protocol.binary import Node


def linked_device() -> Device:
    return Device(Account("1", "2", "A"), 1, b"", 1, 1, b"", b"")


def test_at_most_a_window_is_under_way_and_all_of_it_in_order() -> None:
    device, sent = linked_device(), list[Node]()
    for number in range(MAX_UNDER_WAY_STANZAS + 10):
        device.put(Node("message", {"id": str(number)}))
    delivery = Delivery(device, sent.append)
    device.deliver, device.progress = delivery.put, delivery.acknowledged
    device.put(Node("message", {"id": "live"}))
    assert len(sent) == MAX_UNDER_WAY_STANZAS
    device.acknowledged(("message", "7"))
    device.acknowledged(("message", "7"))
    assert len(sent) == MAX_UNDER_WAY_STANZAS + 1, "an acknowledgement that comes twice makes room once"
    for number in range(MAX_UNDER_WAY_STANZAS + 10):
        device.acknowledged(("message", str(number)))
    assert [stanza.text("id") for stanza in sent] == [*map(str, range(MAX_UNDER_WAY_STANZAS + 10)), "live"]
    assert [stanza.text("id") for stanza in sent if "offline" not in stanza.attrs] == ["live"]


def test_what_nobody_acknowledges_takes_no_room() -> None:
    device, sent = linked_device(), list[Node]()
    delivery = Delivery(device, sent.append)
    for _ in range(2 * MAX_UNDER_WAY_STANZAS):
        delivery.put(Node("chatstate", {"from": "2@lid"}))
    assert len(sent) == 2 * MAX_UNDER_WAY_STANZAS


def test_what_is_acknowledged_late_is_not_sent_again() -> None:
    device, sent = linked_device(), list[Node]()
    for number in range(MAX_UNDER_WAY_STANZAS + 1):
        device.put(Node("message", {"id": str(number)}))
    delivery = Delivery(device, sent.append)
    device.progress = delivery.acknowledged
    device.acknowledged(("message", str(MAX_UNDER_WAY_STANZAS)))
    device.acknowledged(("message", "0"))
    assert len(sent) == MAX_UNDER_WAY_STANZAS
