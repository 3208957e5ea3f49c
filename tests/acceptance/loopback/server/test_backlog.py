"""More messages than the client's queue holds, waiting for it: each arrives once and in order."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until

BACKLOG = 4_200  # messages: each half is more than the 2,048 that whatsmeow queues (client.go, handlerQueueSize)


async def heard(client: Any, count: int) -> list[str]:
    return [(await client.until("message")).split(" ", 2)[2] for _ in range(count)]


async def test_more_waiting_messages_than_the_client_holds_arrive_in_order(
    linked: Any, new_client: Callable[[str], Any], whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    """The client is away while they are sent; half of the way through them the connection drops."""
    await linked.kill()
    (device,) = alice.linked_devices
    await until_gone(whatsapp, alice)
    for number in range(BACKLOG):
        bob.send_text(alice, f"say {number}")
        if not number % 100:
            await asyncio.sleep(0)
    assert len(device.waiting) == BACKLOG
    again = new_client("linked")
    begun = time.monotonic()
    await again.start()
    first = await heard(again, BACKLOG // 2)
    whatsapp.faults.drop(device)
    arrived = first + await heard(again, BACKLOG - len(first))
    print(f"{BACKLOG / (time.monotonic() - begun):.0f} messages/s")
    assert arrived == [f"say {number}" for number in range(BACKLOG)]
    await until(bob, lambda: not device.waiting, timeout=30)
    bob.send_text(alice, "say goodbye")
    assert await heard(again, 1) == ["say goodbye"], "none came twice"


async def until_gone(whatsapp: Loopback, phone: Phone) -> None:
    (device,) = phone.linked_devices
    async with asyncio.timeout(10):
        while whatsapp.connection(device):
            await asyncio.sleep(0.01)
