"""A short soak with a seed, through real clients: nothing lost or doubled, in order, nothing left behind.

The client itself breaks order where a connection ends while it handles a message, and says so in its log. whatsmeow
goes on with that message in the background ("Closing handler queue loop in the middle of handling …", client.go
handlerQueueLoop) while its next connection already brings it again, as nobody acknowledged it, and what follows. Both
use one Signal session: the program may hear the message late or twice, and what can't be decrypted meanwhile is asked
for again. On the wire all is in order. Everything else must be heard as it was written.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, cast

from websockets.asyncio.server import ServerConnection

from benchmarks.soak import Soak, everybody_online, leaks, left_behind
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.connection import Connection
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone

SEED, WARM, MESSAGES = 20, 30, 400
CUT_SHORT = re.compile(r'in the middle of handling <message [^>]*\bid="(\w+)"')
ASKED_AGAIN = re.compile(r"Error decrypting message (\w+) ")


async def listen(client: Any, heard: list[str]) -> None:
    while True:
        heard.append((await client.until("message", timeout=60)).split(" ", 2)[2])


async def test_a_short_soak(
    linked: Any, new_client: Callable[[str], Any], whatsapp: Loopback, alice: Phone, bob: Phone, phone: NewPhone
) -> None:
    bobs = new_client("bobs")
    await bobs.start()
    await bob.scan(await bobs.until("qr"))
    await bobs.until("connected")
    heard: dict[Phone, list[str]] = {alice: [], bob: []}
    listening = [asyncio.create_task(listen(linked, heard[alice])), asyncio.create_task(listen(bobs, heard[bob]))]
    soak = Soak(whatsapp, [alice, bob, phone("Carol", number="+4915110000003")], SEED)
    await soak.run(WARM)
    await everybody_online(whatsapp, 2)
    before = left_behind(whatsapp)
    await soak.run(MESSAGES)
    assert not soak.problems()
    for owner, client in ((alice, linked), (bob, bobs)):
        await complete(heard[owner], soak, owner)
        free = unordered(client, owner)
        for way, count in soak.expected(owner).items():
            written = [f"{way} {number}" for number in range(count)]
            came = [text for text in heard[owner] if text.startswith(f"{way} ")]
            assert set(came) == set(written)
            assert [text for text in came if text not in free] == [text for text in written if text not in free]
    await everybody_online(whatsapp, 2)
    assert await leaks(whatsapp, before) == []
    assert soak.done["drop"] and soak.done["end"] and soak.done["leave_or_return"], "the seed broke something"
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)


async def test_a_connection_of_another_server_is_not_left_behind(whatsapp: Loopback) -> None:
    before = left_behind(whatsapp)
    another = Connection(Loopback(), cast(ServerConnection, None))
    assert left_behind(whatsapp) == before
    assert another.server is not whatsapp


def unordered(client: Any, owner: Phone) -> set[str]:
    """The texts that a client may hear late or twice, by its own log."""
    log = "\n".join(client.warnings)
    cut_short, asked_again = set(CUT_SHORT.findall(log)), set(ASKED_AGAIN.findall(log))
    assert cut_short or not asked_again, "a message could not be decrypted, though no connection ended in the middle"
    return {line.text for chat in owner.chats.values() for line in chat if line.id in cut_short | asked_again}


async def complete(ears: list[str], soak: Soak, owner: Phone) -> None:
    """Wait until a client has told of everything that the server has been told it took. Raises TimeoutError."""
    async with asyncio.timeout(20):
        while len(set(ears)) < soak.expected(owner).total():
            await asyncio.sleep(0.01)
