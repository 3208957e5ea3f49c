"""Slash commands: the same on WhatsApp, on the web and in the terminal, before any model, once."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from support.assistant.conversations import StageGateway, Story
from support.assistant.model_server import ModelServer, Say, Talking
from support.waiting import until

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.assistant.tables import Chat, Message
from exponential.assistant.turns import store
from exponential.core import clock
from exponential.core.database import Database


def from_phone(user: UUID, text: str, message: str) -> Incoming:
    return Incoming(user, "whatsapp", text, account="s1", address="alice@lid", external_id=message)


async def test_the_same_on_every_channel(connected: Runtime, gateway: StageGateway, story: Story, alice: UUID) -> None:
    await connected.ask(alice, "add buy milk")
    channels: tuple[str, ...] = ("web", "terminal")
    replies = [(await connected.ask(alice, "/tasks", channel=channel)).reply for channel in channels]
    await story.say(from_phone(alice, "/tasks", "m1"))

    async def posted() -> int:
        return len(gateway.sent)

    assert await until(posted) == 1
    assert replies == ["You have 1 open task:\n\n1. **buy milk**"] * 2
    assert next(iter(gateway.sent.values()))[2].endswith("You have 1 open task:\n\n1. *buy milk*")


async def test_no_model_is_asked(talking: Talking, model: ModelServer, alice: UUID) -> None:
    async with talking() as runtime:
        for command in ("/help", "/status", "/tasks", "/forget", "/new", "/pause", "/resume", "/briefing", "/coffee"):
            assert (await runtime.ask(alice, command)).reply
    assert model.requests == []


async def test_a_list_is_in_mind_afterwards(runtime: Runtime, story: Story, alice: UUID) -> None:
    await runtime.ask(alice, "add buy milk and call mom")
    await runtime.ask(alice, "/tasks")
    assert "Done: **call mom**" in (await runtime.ask(alice, "done 2")).reply


async def test_new_starts_over(talking: Talking, model: ModelServer, app_database: Database, alice: UUID) -> None:
    model.default = Say("Fine.")
    async with talking() as runtime:
        await runtime.ask(alice, "my secret is 4711")
        async with app_database.transaction() as session:
            await session.execute(update(Chat).values(summary="They told me 4711."))
        assert "no longer have in mind" in (await runtime.ask(alice, "/new")).reply
        await runtime.ask(alice, "what is my secret?")
    assert "4711" not in str(model.requests[-1]["messages"])


async def test_status_tells_what_is_known(runtime: Runtime, alice: UUID, bob: UUID) -> None:
    for said in ("add buy milk", "add pay rent by yesterday", "remind me tomorrow at 9 to call mom", "/briefing 7:30"):
        await runtime.ask(alice, said)
    await runtime.ask(alice, "remember that I like tea")
    status = (await runtime.ask(alice, "/status")).reply
    assert "built-in rules" in status and "Reminders: 1, the next one tomorrow at 09:00: **call mom**" in status
    assert "Briefing: every day at 07:30" in status and "asked me to remember: 1" in status
    assert "Open tasks: 0" in (await runtime.ask(bob, "/status")).reply


async def test_forget_shows_first_and_can_be_undone(runtime: Runtime, alice: UUID, bob: UUID) -> None:
    for fact in ("I like tea", "my cat is called Mino", "I review budgets on Thursdays"):
        await runtime.ask(alice, f"remember that {fact}")
    await runtime.ask(bob, "remember that I like coffee")
    assert "1. I like tea\n2. my cat is called Mino\n3. I review" in (await runtime.ask(alice, "/forget")).reply
    assert (await runtime.ask(alice, "/forget 2")).reply == "Forgotten: my cat is called Mino. *Undo* brings it back."
    assert "There is no number 9" in (await runtime.ask(alice, "/forget 9")).reply
    assert "Forgotten: I like tea" in (await runtime.ask(alice, "/forget like tea")).reply
    await runtime.ask(alice, "undo")
    assert "Forgotten: all 2." in (await runtime.ask(alice, "/forget all")).reply
    assert "remember nothing" in (await runtime.ask(alice, "/forget")).reply
    await runtime.ask(alice, "undo")
    assert "I review budgets" in (await runtime.ask(alice, "/forget")).reply
    assert "I like coffee" in (await runtime.ask(bob, "/forget")).reply


async def test_pause_silences_one_chat_until_resume(
    connected: Runtime, gateway: StageGateway, app_database: Database, story: Story, alice: UUID, bob: UUID
) -> None:
    assert "silent here until you write */resume*" in (await connected.ask(alice, "/pause")).reply
    (received,) = await story.say(from_phone(alice, "add buy milk", "m1"))

    async def quiet() -> bool:
        async with app_database.transaction() as session:
            return not await conversation.is_answering(session, received.chat_id)

    await until(quiet)
    assert len(await story.replies(received.chat_id, 1)) == 1  # that of /pause
    assert await story.titles(alice) == [] and gateway.sent == {} and gateway.typing == []
    assert (await connected.ask(alice, "add call mom")).reply.startswith("I am silent here")  # the terminal must say so
    assert len(await story.replies(received.chat_id, 1)) == 1
    assert "Added" in (await connected.ask(bob, "add buy bread")).reply
    assert (await connected.ask(alice, "/resume")).reply == "I'm back."
    assert "Added **call dad**" in (await connected.ask(alice, "add call dad")).reply
    assert await story.titles(alice) == ["call dad"]
    async with app_database.transaction() as session:
        assert await store.orphans(session) == []


async def test_a_pause_ends_by_itself(runtime: Runtime, app_database: Database, alice: UUID) -> None:
    assert "I am silent here until to" in (await runtime.ask(alice, "/pause 1m")).reply  # today or tomorrow
    async with app_database.transaction() as session:
        await session.execute(update(Chat).values(paused_until=clock.now() - timedelta(seconds=1)))
    assert "Added" in (await runtime.ask(alice, "add buy milk")).reply


async def test_a_pause_that_is_not_understood_pauses_nothing(runtime: Runtime, alice: UUID) -> None:
    assert "I don't understand for how long" in (await runtime.ask(alice, "/pause a while")).reply
    assert "Added" in (await runtime.ask(alice, "add buy milk")).reply


async def test_guests_can_pause_their_own_chat_alone(runtime: Runtime, story: Story, alice: UUID) -> None:
    def guest(text: str, message: str) -> Incoming:
        return Incoming(alice, "whatsapp", text, "guest", "s1", "carol@lid", message)

    (received,) = await story.say(guest("/tasks", "m1"))
    assert "can't see or do anything for guests" in (await story.replies(received.chat_id))[0]
    await story.say(guest("/pause", "m2"))
    assert (await story.replies(received.chat_id, 2))[1] == "🤫 I am silent here until you write */resume*."
    assert "Added" in (await runtime.ask(alice, "add buy milk")).reply
    await story.say(guest("/help", "m3"))
    assert "leave a note" in (await story.replies(received.chat_id, 3))[2]


async def test_commands_and_requests_in_one_burst_keep_their_order(
    runtime: Runtime, app_database: Database, story: Story, alice: UUID
) -> None:
    said = ("add buy milk", "/tasks", "add call mom", "/pause", "add call dad", "/resume", "what are my tasks?")
    first, *_ = await story.say(*(Incoming(alice, "web", text) for text in said))
    replies = await story.replies(first.chat_id, 6)
    assert [reply.split("\n")[0] for reply in replies] == [
        "Added **buy milk**.",
        "You have 1 open task:",
        "Added **call mom**.",
        "🤫 I am silent here until you write */resume*. Reminders and briefings still come.",
        "I'm back.",
        "You have 2 open tasks:",
    ]


async def test_a_command_is_carried_out_once(
    app_database: Database, runtime: Runtime, story: Story, alice: UUID
) -> None:
    """Its effect and its reply are one transaction: a run that was overtaken leaves nothing behind."""
    await runtime.ask(alice, "remember that I like tea")
    (received,) = await story.say(Incoming(alice, "web", "/forget 1"))
    await story.replies(received.chat_id, 2)
    async with app_database.transaction() as session:
        message = await session.get_one(Message, received.message_id)
        assert message.turn_id is not None
        assert await store.claim(session, received.chat_id) is None


async def test_a_pause_in_a_group_has_an_end_and_the_owner_can_end_it(
    connected: Runtime, story: Story, alice: UUID
) -> None:
    def member(text: str, message: str, chat: str = "12345@g.us") -> Incoming:
        return Incoming(alice, "whatsapp", text, "guest", "s1", chat, message, "Bob", is_group=chat.endswith("@g.us"))

    for number, words in enumerate(("/pause", "/pause 3d")):
        (received,) = await story.say(member(words, f"g{number}"))
        assert "I am silent here until tomorrow at" in (await story.replies(received.chat_id, number + 1))[-1]
    (bobs,) = await story.say(member("/pause", "b1", "bob@lid"))
    await story.replies(bobs.chat_id, 1)
    assert "I answer again in one group that had paused me." in (await connected.ask(alice, "/resume")).reply
    await story.say(member("hello", "g8"), member("hello", "b2", "bob@lid"))
    assert len(await story.replies(received.chat_id, 3)) == 3
    assert len(await story.replies(bobs.chat_id, 1)) == 1  # Bob's own chat is his to pause
