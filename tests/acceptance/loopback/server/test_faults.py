"""Each fault through the real client: it reconnects or reports the right event, and nothing unacknowledged is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from support.loopback.real_client import send, shown

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.routing import OLD_COUNTER
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until


async def heard(client: Any, count: int) -> list[str]:
    return [(await client.until("message")).split(" ", 2)[2] for _ in range(count)]


def unacknowledged(phone: Phone) -> list[Any]:
    (device,) = phone.linked_devices
    return [key for key in device.waiting if key[0] == "message"]


async def test_a_dropped_connection_comes_back_and_nothing_is_lost(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    (device,) = alice.linked_devices
    whatsapp.faults.drop(device)
    bob.send_text(alice, "ping while it falls")
    await linked.until("disconnected")
    await bob.wait_for("pong while it falls", chat=alice)
    await linked.say("logout")
    await linked.until("logout-done")
    with pytest.raises(LookupError, match="not connected"):
        whatsapp.faults.drop(device)


async def test_a_stalled_connection_is_late_and_whole(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    whatsapp.faults.stall(600, alice.linked_devices[0])
    said = ["say 0", "say 1", "ping 2"]
    for text in said:
        bob.send_text(alice, text)
    with pytest.raises(TimeoutError):
        await linked.until("message", timeout=0.5)
    assert len(unacknowledged(alice)) == 3
    whatsapp.faults.clear()
    assert await heard(linked, 3) == said
    await bob.wait_for("pong 2", chat=alice)


async def test_a_stall_ends_by_itself(linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    whatsapp.faults.stall(0.3)
    bob.send_text(alice, "ping")
    await bob.wait_for("pong", chat=alice)


async def test_a_deaf_connection_takes_messages_and_acknowledges_none(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    bob.send_text(alice, "ping 1")
    await bob.wait_for("pong 1", chat=alice)
    (device,) = alice.linked_devices
    whatsapp.faults.deafen(device)
    bob.send_text(alice, "ping unheard")
    with pytest.raises(TimeoutError):
        await linked.until("disconnected", timeout=1)
    assert unacknowledged(alice)
    whatsapp.faults.clear()
    await bob.wait_for("pong unheard", chat=alice)


async def test_late_double_and_backwards(linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    bob.send_text(alice, "ping 0")
    await bob.wait_for("pong 0", chat=alice)
    await heard(linked, 1)
    whatsapp.faults.disturb(alice.linked_devices[0], delay=0.2, copies=2, backwards=3)
    for number in range(1, 4):
        bob.send_text(alice, f"say {number}")
    assert await heard(linked, 3) == ["say 3", "say 2", "say 1"], "once each, though sent twice"
    whatsapp.faults.clear()
    bob.send_text(alice, "ping last")
    assert await heard(linked, 1) == ["ping last"]
    await until(bob, lambda: not unacknowledged(alice))


def refused(whatsapp: Loopback, phone: Phone) -> set[str]:
    """The ids of the messages that came to `phone` under a key that another message had used."""
    return {
        entry.stanza.text("id")
        for entry in whatsapp.wire
        if entry.device == str(phone.account.jid) and entry.stanza.text("error") == str(OLD_COUNTER)
    }


async def test_what_a_client_seals_with_a_used_key_is_lost_and_not_confirmed(
    linked: Any, new_client: Callable[[str], Any], whatsapp: Loopback, alice: Phone, bob: Phone, tmp_path: Path
) -> None:
    """The client forgets that it sent a message, as when its store is an older one: the next one takes the same key."""

    def confirmed() -> set[str]:
        return {stanza.text("id") for stanza in whatsapp.stanzas("out", "receipt")}

    bob.send_text(alice, "ping")
    await bob.wait_for("pong", chat=alice)
    await until(bob, lambda: not unacknowledged(alice))
    await linked.kill()
    older = {path: path.read_bytes() for path in tmp_path.glob("linked*")}
    second = new_client("linked")
    await second.start()
    await second.until("connected")
    first = await send(second, bob, Message(conversation="the first"))
    await shown(bob, alice, first)
    await until(bob, lambda: first in confirmed())
    await second.kill()
    for path in tmp_path.glob("linked*"):
        path.unlink()
    for path, content in older.items():
        path.write_bytes(content)
    third = new_client("linked")
    await third.start()
    await third.until("connected")
    lost = await send(third, bob, Message(conversation="the lost one"))
    after = await send(third, bob, Message(conversation="after it"))
    await shown(bob, alice, after)
    await until(bob, lambda: after in confirmed())
    assert refused(whatsapp, bob) == refused(whatsapp, alice) == {lost}
    assert lost not in confirmed()
    assert [line.text for line in bob.messages(alice)] == ["ping", "pong", "the first", "after it"]


async def test_each_answer_of_a_burst_is_shown_or_refused(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    """whatsmeow may seal two messages with one key while it also receives (its pull requests 1168 and 1248)."""
    whatsapp.faults.disturb(alice.linked_devices[0], copies=2, backwards=3)
    for number in range(6):
        bob.send_text(alice, f"ping {number}")

    def answers() -> list[str]:
        return [line.id for line in bob.messages(alice) if line.text.startswith("pong")]

    await until(bob, lambda: len(answers()) + len(refused(whatsapp, bob)) == 6)
    assert not refused(whatsapp, bob) & set(answers())


async def test_stream_errors_after_which_the_client_comes_back(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    for code in (503, 515):
        whatsapp.faults.stream_error(code, alice.linked_devices[0])
        bob.send_text(alice, f"ping in between, {code}")
        await linked.until("connected")
        await bob.wait_for(f"pong in between, {code}", chat=alice)


async def test_stream_errors_that_are_reported_by_number(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    for code in (403, 405, 500, 516):
        whatsapp.faults.stream_error(code, alice.linked_devices[0])
        bob.send_text(alice, f"ping in between, {code}")
        assert await linked.until("stream-error") == str(code)
        await bob.wait_for(f"pong in between, {code}", chat=alice)


@pytest.mark.parametrize(("code", "word"), [(401, "logged-out"), (409, "replaced"), (440, "replaced")])
async def test_stream_errors_that_end_it(linked: Any, whatsapp: Loopback, alice: Phone, code: int, word: str) -> None:
    whatsapp.faults.stream_error(code, alice.linked_devices[0])
    await linked.until(word)
    with pytest.raises(TimeoutError):
        await linked.until("connected", timeout=4)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (401, "logged-out"),
        (402, "banned 1 3600"),
        (403, "logged-out"),
        (405, "outdated"),
        (406, "logged-out"),
        (409, "refused 7"),
    ],
)
async def test_logins_that_are_refused(linked: Any, whatsapp: Loopback, alice: Phone, reason: int, line: str) -> None:
    (device,) = alice.linked_devices
    whatsapp.faults.refuse(reason, device, **({"code": "101", "expire": "3600"} if reason == 402 else {}))
    whatsapp.faults.drop(device)
    word, _, rest = line.partition(" ")
    assert await linked.until(word) == rest, "neonize numbers reasons in an order of its own"
    assert whatsapp.connection(device) is None


async def test_a_server_that_is_down_is_tried_again(linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    for reason in (500, 503):
        whatsapp.faults.refuse(reason)
        whatsapp.faults.drop()
        bob.send_text(alice, f"ping after {reason}")
        await bob.wait_for(f"pong after {reason}", chat=alice)


async def test_an_outdated_client_is_told_so_before_it_shows_a_code(
    whatsapp: Loopback, new_client: Callable[[str], Any]
) -> None:
    whatsapp.faults.refuse(405)
    client = new_client("new")
    await client.start()
    assert await client.until("Login") == "event: err-client-outdated"


async def test_an_expired_certificate_is_not_accepted(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    whatsapp.faults.expired_certificate = True
    whatsapp.faults.drop()
    bob.send_text(alice, "ping when it's renewed")
    while "certificate expired" not in await linked.until("log"):
        pass
    assert whatsapp.connection(alice.linked_devices[0]) is None
    whatsapp.faults.clear()
    await bob.wait_for("pong when it's renewed", chat=alice)


async def test_garbage_is_skipped(linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    whatsapp.faults.garbage(alice.linked_devices[0])
    assert "decode" in await linked.until("log")
    assert "decrypt" in await linked.until("log")
    bob.send_text(alice, "ping after it")
    await bob.wait_for("pong after it", chat=alice)


async def test_what_only_the_phone_has_is_asked_from_it(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    bob.send_text(alice, "ping before")
    await bob.wait_for("pong before", chat=alice)
    whatsapp.faults.withhold(alice.linked_devices[0], times=2)
    bob.send_text(alice, "ping one")
    bob.send_text(alice, "ping two")
    await bob.wait_for("pong one", chat=alice)
    await bob.wait_for("pong two", chat=alice)
    assert len([stanza for stanza in whatsapp.stanzas("out", "message") if stanza.child("unavailable")]) == 2
    bob.send_text(alice, "ping after")
    await bob.wait_for("pong after", chat=alice)
