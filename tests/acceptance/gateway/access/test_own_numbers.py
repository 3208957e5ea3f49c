"""The owner proves a number by texting a code from it, while strangers get nothing, not even with a guess."""

import pytest
from support.gateway.linked_gateway import World
from support.waiting import until

from exponential.core import clock
from exponential.core.errors import BadInput
from exponential.gateway.access import own_numbers


async def numbers(world: World) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (await world.call("GET", "/proofs"))["numbers"]
    return found


async def test_a_number_is_proved_by_texting_the_code_and_taken_back(linked: World) -> None:
    code = (await linked.call("POST", "/proofs", 201))["code"]
    linked.bob.send_text(linked.ada, "hello, is this Paddy?")
    linked.mallory.send_text(linked.ada, "AAAA-AAAA")
    linked.bob.send_text(linked.ada, code)
    welcome = await linked.bob.wait_for("yours now", chat=linked.ada)
    assert not welcome.from_me
    [number] = await numbers(linked)
    assert number["phoneNumber"] == linked.bob.number
    assert (await linked.call("GET", "/proofs"))["openUntil"] is None

    linked.bob.send_text(linked.ada, "add buy milk")
    [message] = await linked.hears(1)
    assert (message["text"], message["role"], message["chat"]) == ("add buy milk", "owner", linked.bobs_chat)
    await linked.gateway.client.send(*linked.ids, linked.bobs_chat, "Noted.", key="1")
    await linked.bob.wait_for("Noted.", chat=linked.ada)

    linked.mallory.send_text(linked.ada, code)  # overheard, and too late
    linked.ada.send_text(linked.bob, "by hand, to myself: that pauses nothing")
    linked.bob.send_text(linked.ada, "what is on my list?")
    await linked.hears(2)
    assert len(await numbers(linked)) == 1
    assert linked.mallory.messages(linked.ada)[-1].text == code

    await linked.call("DELETE", f"/proofs/{number['id']}")
    assert await numbers(linked) == []
    linked.bob.send_text(linked.ada, "and now?")
    await linked.only_me_works("done")
    with pytest.raises(BadInput):
        await linked.gateway.client.send(*linked.ids, linked.bobs_chat, "no", key="2")
    await linked.call("DELETE", f"/proofs/{number['id']}", 404)


async def test_a_code_ends_and_a_new_one_voids_the_old(linked: World) -> None:
    old = (await linked.call("POST", "/proofs", 201))["code"]
    new = (await linked.call("POST", "/proofs", 201))["code"]
    linked.bob.send_text(linked.ada, old)
    await linked.only_me_works("heard")
    with clock.frozen(clock.now() - own_numbers.LIFE):
        over = (await linked.call("POST", "/proofs", 201))["code"]
    assert (await linked.call("GET", "/proofs"))["openUntil"] is None
    for code in (new, over):
        linked.bob.send_text(linked.ada, code)
    await linked.only_me_works("also heard")
    assert await numbers(linked) == []
    assert [line.from_me for line in linked.bob.messages(linked.ada)] == [True] * 3


async def test_guesses_run_out(linked: World) -> None:
    code = (await linked.call("POST", "/proofs", 201))["code"]
    for _ in range(own_numbers.TRIES_PER_SENDER):
        linked.mallory.send_text(linked.ada, "ABCD-EFGH")
    linked.mallory.send_text(linked.ada, code)
    linked.bob.send_text(linked.ada, code)
    await until(lambda: numbers(linked))
    assert [number["phoneNumber"] for number in await numbers(linked)] == [linked.bob.number]
    assert {stanza.tag for stanza in linked.tap.to(linked.mallory)} <= {"ack", "receipt"}


async def test_what_paddy_says_first_is_read_though_the_phone_has_not_written(linked: World) -> None:
    """To one's own account the client opens two sessions at once, with one bundle of keys: the second is refused."""
    for number in range(3):
        await linked.gateway.client.send(*linked.ids, linked.adas_chat, f"news {number}", key=str(number))
        await linked.ada.wait_for(f"news {number}", chat="me")
