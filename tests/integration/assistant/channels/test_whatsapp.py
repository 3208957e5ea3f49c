from uuid import UUID

import pytest
from support.assistant.conversations import StageGateway, Story
from support.waiting import until

from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.assistant.timing import Timing
from exponential.gateway.reply_prefix import REPLY_PREFIX
from exponential.workspace import tasks


def from_phone(user: UUID, text: str, message: str, session: str = "s1", jid: str = "alice@lid") -> Incoming:
    return Incoming(user, "whatsapp", text, account=session, address=jid, external_id=message)


async def sent(gateway: StageGateway, count: int) -> list[tuple[str, str, str]]:
    async def enough() -> bool:
        return len(gateway.sent) >= count

    await until(enough)
    return list(gateway.sent.values())


async def test_the_reply_goes_where_the_message_came_from(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    await story.say(from_phone(alice, "Add a task: buy milk tomorrow", "m1"))
    assert await sent(gateway, 1) == [("s1", "alice@lid", f"{REPLY_PREFIX}Added *buy milk*, due tomorrow.")]
    assert gateway.typing[-1] == ("alice@lid", False)


async def test_what_is_said_on_the_web_stays_there(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    await connected.ask(alice, "add buy milk", channel="web")
    (received,) = await story.say(from_phone(alice, "what are my tasks?", "m1"))
    assert "buy milk" in (await sent(gateway, 1))[0][2]  # the same conversation, one reply on WhatsApp
    assert len(await story.replies(received.chat_id, 2)) == 2
    assert len(gateway.sent) == 1


async def test_two_phones_in_one_burst_both_get_the_reply(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    await story.say(from_phone(alice, "hi", "m1"), from_phone(alice, "hello", "m2", "s2", "alice2@lid"))
    assert {(session, chat) for session, chat, _ in await sent(gateway, 2)} == {
        ("s1", "alice@lid"),
        ("s2", "alice2@lid"),
    }


@pytest.mark.parametrize("timing", [Timing(max_retry=1)])
async def test_a_gateway_that_is_down_gets_the_replies_later_in_order_and_once(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    gateway.stop()
    (received,) = await story.say(from_phone(alice, "add buy milk", "m1"))
    await story.replies(received.chat_id, 1)
    await story.say(from_phone(alice, "what are my tasks?", "m2"))
    await story.replies(received.chat_id, 2)
    gateway.refusals = [503, 401]
    gateway.start()
    texts = [text for _, _, text in await sent(gateway, 2)]
    assert "Added" in texts[0] and "You have 1 open task" in texts[1]
    first = next(iter(gateway.sent))
    assert [key for _, _, key in gateway.posts] == [first, first, *gateway.sent]  # two refusals, one key


@pytest.mark.parametrize("how", ["gone", "unlinked"])
async def test_a_session_that_is_gone_is_given_up_and_holds_nobody_up(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID, how: str
) -> None:
    setattr(gateway, how, {"s1"})
    await story.say(from_phone(alice, "hi", "m1"))
    await story.say(from_phone(alice, "help", "m2", "s2"))
    ((session, _, _),) = await sent(gateway, 1)
    assert session == "s2"


async def test_a_long_reply_comes_in_parts(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    async with story.database.transaction() as session:
        for number in range(40):
            await tasks.create_task(session, alice, f"{number} {'x' * 200}")
    await story.say(from_phone(alice, "what are my tasks?", "m1"))
    parts = [text for _, _, text in await sent(gateway, 3)]
    assert parts[0].startswith(REPLY_PREFIX) and all(len(part) < 4096 for part in parts)
    keys = list(gateway.sent)
    assert [key.split(":")[1] for key in keys] == [str(number) for number in range(len(keys))]
