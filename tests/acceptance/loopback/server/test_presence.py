"""Who is there, through the real client: available and last seen, typing and recording."""

import time
from typing import Any

from support.loopback.real_client import do

from exponential.loopback.phones.phone import Phone, Seen
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until


async def test_the_client_sees_a_contact_come_and_go(named: Any, alice: Phone, bob: Phone) -> None:
    lid = str(bob.account.lid)
    await do(named, "appear", "AVAILABLE")
    await named.say(f"watch {lid}")
    assert await named.until("presence") == f"{lid} False 0", "Bob has not been seen yet"
    bob.appear()
    assert await named.until("presence") == f"{lid} True 0"
    gone = int(time.time())
    bob.appear(False)
    chat, available, last = (await named.until("presence")).split(" ")
    assert (chat, available) == (lid, "False")
    assert gone <= int(last) <= time.time()
    bob.appear()
    assert await named.until("presence") == f"{lid} True 0"
    bob.go_offline()
    assert (await named.until("presence")).startswith(f"{lid} False ")


async def test_a_client_that_is_not_there_itself_is_not_told(named: Any, alice: Phone, bob: Phone) -> None:
    lid, number = str(bob.account.lid), str(bob.account.jid)
    bob.appear()
    bob.watch(alice)
    await do(named, "watch", number)
    await do(named, "appear", "AVAILABLE")
    await until(bob, lambda: bob.presence.get(alice.number) == Seen(True))
    await do(named, "appear", "UNAVAILABLE")
    await until(bob, lambda: not bob.presence[alice.number].available)
    bob.appear(False)
    bob.appear()
    await do(named, "appear", "AVAILABLE")
    await named.say(f"watch {lid}")
    assert await named.until("presence") == f"{lid} True 0", "nothing was told before"


async def test_a_phone_sees_the_client_come_and_go(named: Any, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    bob.appear()
    bob.watch(alice)
    await until(bob, lambda: bob.presence.get(alice.number) == Seen(False))
    await do(named, "appear", "AVAILABLE")
    await until(bob, lambda: bob.presence[alice.number] == Seen(True))
    alice.appear()
    await do(named, "appear", "UNAVAILABLE")
    assert bob.presence[alice.number].available, "Alice's phone is still there"
    alice.appear(False)
    seen = await until(bob, lambda: None if bob.presence[alice.number].available else bob.presence[alice.number])
    assert seen.last and time.time() - 10 < seen.last <= time.time()
    await do(named, "appear", "AVAILABLE")
    await until(bob, lambda: bob.presence[alice.number].available)
    whatsapp.faults.drop()
    await until(bob, lambda: not bob.presence[alice.number].available)


async def test_a_phone_sees_the_client_record(linked: Any, alice: Phone, bob: Phone) -> None:
    lid = str(bob.account.lid)
    await do(linked, "type", lid, "COMPOSING", "AUDIO")
    await until(bob, lambda: bob.recording == {alice.number})
    await do(linked, "type", lid, "COMPOSING")
    await until(bob, lambda: bob.typing == {alice.number} and not bob.recording)
    await do(linked, "type", lid, "PAUSED")
    await until(bob, lambda: not bob.typing)
