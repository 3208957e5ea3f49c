"""A server whose clock is wrong: the real client takes its dates over, messages flow, a clock far off is refused."""

import time
from typing import Any

import pytest
from support.loopback.real_client import do

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until

HOUR = 3600
TOLERANCE = 30  # seconds that a test may take on a busy machine
WEEK = 7 * 24 * HOUR * 1000  # milliseconds
OFFSET = 3 * 24 * HOUR * 1000  # whatsmeow client.go, unifiedOffset


def client_clock(session_id: str) -> float:
    """How far ahead the client thinks the server is, in seconds: whatsmeow client.go, getUnifiedSessionID."""
    ahead = (int(session_id) - OFFSET - time.time() * 1000) % WEEK
    return (ahead if ahead < WEEK / 2 else ahead - WEEK) / 1000


@pytest.mark.parametrize("ahead", [30 * 60, -5 * 60, -20 * HOUR])
async def test_messages_flow_and_are_dated_by_the_server(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone, ahead: float
) -> None:
    whatsapp.faults.set_clock(ahead)
    whatsapp.faults.drop()
    sent = bob.send_text(alice, "ping across time")
    assert abs(int(await linked.until("dated")) - ahead - time.time()) < TOLERANCE
    answer = await bob.wait_for("pong across time", chat=alice)
    await until(bob, lambda: sent.status == "delivered")
    assert abs(answer.at - time.time()) < TOLERANCE, "a phone shows its own time"


@pytest.mark.parametrize(("ahead", "said"), [(2 * HOUR, "not valid yet"), (-26 * HOUR, "certificate expired")])
async def test_a_clock_far_off_is_refused_until_it_is_right(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone, ahead: float, said: str
) -> None:
    whatsapp.faults.set_clock(ahead)
    whatsapp.faults.drop()
    bob.send_text(alice, "ping when it's right")
    while said not in await linked.until("log"):
        pass
    assert whatsapp.connections == {}
    whatsapp.faults.clear()
    await bob.wait_for("pong when it's right", chat=alice)


@pytest.fixture
def past(whatsapp: Loopback) -> None:
    whatsapp.faults.set_clock(-20 * HOUR)


async def test_linking_to_a_server_in_the_past(
    past: None, named: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    """The client tells its clock when it appears. After linking it does, too, unless the line's end is faster."""
    await do(named, "appear", "AVAILABLE")
    told = await whatsapp.wire.until("in", "ib", lambda stanza: stanza.child("unified_session") is not None)
    assert abs(client_clock(told.child("unified_session").text("id")) + 20 * HOUR) < TOLERANCE
    bob.send_text(alice, "ping")
    await bob.wait_for("pong", chat=alice)
