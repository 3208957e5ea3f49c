"""What language models use is kept per user, turn and day; a daily limit is told of once, and the rules answer then."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text, update
from support.assistant.conversations import Story
from support.assistant.model_server import Break, Call, Fail, Hang, ModelServer, Say, Talking, call
from support.waiting import until

from exponential.assistant.conversation import Incoming
from exponential.assistant.llm import summaries, usage
from exponential.assistant.llm.usage import ModelUsage, UsageSummary
from exponential.assistant.runtime import Runtime
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import Database

ALICES_EVENING = datetime(2026, 5, 6, 22, 30, tzinfo=UTC)  # half past midnight in Berlin


async def summary(database: Database, user: UUID, since: datetime | None = None) -> UsageSummary:
    async with database.transaction() as session:
        return await usage.summary(session, user, since)


async def test_each_request_of_a_turn_is_kept(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID, bob: UUID
) -> None:
    model.script = [call("create_task", title="buy milk"), Say("Added.", usage=(200, 7)), Say("Hi.", usage=(50, 2))]
    async with talking(model_prices="2/10") as runtime:
        await runtime.ask(alice, "add buy milk")
        await runtime.ask(bob, "hello")
    spent = (await summary(app_database, alice)).total
    assert (spent.requests, spent.input_tokens, spent.output_tokens, spent.tokens) == (2, 300, 17, 317)
    assert spent.cost == Decimal(300) * 2 / 1_000_000 + Decimal(17) * 10 / 1_000_000
    assert (spent.unpriced, spent.estimated) == (0, 0)
    assert (await summary(app_database, bob)).total.tokens == 52


async def test_the_built_in_rules_cost_nothing(runtime: Runtime, app_database: Database, alice: UUID) -> None:
    await runtime.ask(alice, "add buy milk")
    assert await summary(app_database, alice) == UsageSummary()


async def test_prices_of_well_known_models_are_known(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID, bob: UUID
) -> None:
    model.script = [Say("Hi.", usage=(1_000_000, 0))]
    async with talking() as runtime:
        await runtime.ask(alice, "hello")
        async with app_database.transaction() as session:
            known = usage.ModelResponse(
                parts=[], model_name="gpt-4o", provider_name="openai", usage=usage.RequestUsage(input_tokens=1_000_000)
            )
            await usage.record(session, bob, None, [known])
    spent = (await summary(app_database, alice)).total
    assert (spent.cost, spent.unpriced) == (0, 1)  # nobody knows what "some-model" costs
    assert (await summary(app_database, bob)).total.cost == Decimal("2.5")


async def test_what_a_provider_does_not_count_is_estimated(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.script = [Say("x" * 4_000, usage=None)]
    async with talking() as runtime:
        await runtime.ask(alice, "hello")
    spent = (await summary(app_database, alice)).total
    assert spent.estimated == 1 and spent.output_tokens >= 1_000 and spent.input_tokens > 100


async def test_answers_that_break_off_are_counted(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.script = [Break("half an answer"), Say("A whole one."), Hang("and then nothing")]
    async with talking(model_timeout=5) as runtime:
        await runtime.ask(alice, "hello")
        await runtime.ask(alice, "hello")
    spent = (await summary(app_database, alice)).total
    assert (spent.requests, spent.estimated) == (3, 2)


async def test_what_made_no_sense_is_counted_and_a_refusal_is_not(
    talking: Talking, model: ModelServer, app_database: Database, alice: UUID
) -> None:
    model.script = [Fail(500), Call((("create_task", "{"),)), Say("Sorry.")]
    async with talking() as runtime:
        await runtime.ask(alice, "hello")
    assert (await summary(app_database, alice)).total.requests == 2


async def test_days_are_those_of_the_user(app_database: Database, story: Story, alice: UUID) -> None:
    async with app_database.transaction() as session:
        await session.execute(update(User).where(User.id == alice).values(timezone="Europe/Berlin"))
        for hours in (-1, 0, 24):
            at = ALICES_EVENING + timedelta(hours=hours)
            session.add(ModelUsage(user_id=alice, model="m", input_tokens=10, output_tokens=1, created_at=at))
    found = await summary(app_database, alice)
    assert {day.isoformat(): spent.tokens for day, spent in found.days.items()} == {
        "2026-05-06": 11,
        "2026-05-07": 11,
        "2026-05-08": 11,
    }
    assert (await summary(app_database, alice, ALICES_EVENING)).total.tokens == 22
    with clock.frozen(ALICES_EVENING + timedelta(minutes=5)):
        async with app_database.transaction() as session:
            user = await session.get_one(User, alice)
            assert (await usage.today(session, user)).tokens == 11
            assert await usage.is_used_up(session, user, 11) and not await usage.is_used_up(session, user, 12)
            assert not await usage.is_used_up(session, user, 0)


async def test_over_the_daily_limit_the_rules_answer_and_it_is_told_once(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID, bob: UUID
) -> None:
    model.script = [Say("Hello.", usage=(900, 100)), Say("Hello, Bob.")]
    async with talking(daily_tokens=1_000) as runtime:
        assert (await runtime.ask(alice, "hello")).reply == "Hello."
        assert (await runtime.ask(alice, "add buy milk")).reply == (
            "⚠️ Today's 1,000 tokens are used up. Until midnight I answer with my built-in rules.\n\nAdded **buy milk**."
        )
        assert (await runtime.ask(alice, "add call mom")).reply == "Added **call mom**."
        assert (await runtime.ask(bob, "hello")).reply == "Hello, Bob."
        assert "Tokens today: 1,000 of 1,000" in (await runtime.ask(alice, "/status")).reply
        # The next day it goes on.
        async with app_database.transaction() as session:
            await session.execute(text("update model_usage set created_at = created_at - interval '1 day'"))
        model.script = [Say("Good morning.")]
        assert (await runtime.ask(alice, "hello")).reply == "Good morning."
    assert await story.titles(alice) == ["buy milk", "call mom"]


async def test_guests_use_the_owners_tokens_and_hear_nothing_of_the_limit(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID
) -> None:
    model.script = [Say("Hi Carol.", usage=(1_000, 0))]
    async with talking(daily_tokens=1_000) as runtime:
        carol = Incoming(alice, "whatsapp", "hi", "guest", "s1", "carol@lid", "m1")
        (received,) = await story.say(carol)
        await story.replies(received.chat_id)
        await story.say(Incoming(alice, "whatsapp", "please leave a note: hi", "guest", "s1", "carol@lid", "m2"))
        assert (await story.replies(received.chat_id, 2))[1] == "I'll pass that on."
        assert (
            "are used up" in (await runtime.ask(alice, "add buy milk")).reply
        )  # the owner is told when it's their turn


async def test_guests_get_a_third_of_the_days_tokens(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID
) -> None:
    model.script = [Say("Hi Carol.", usage=(330, 4)), Say("Added."), Say("Hello.")]
    async with talking(daily_tokens=1_000) as runtime:
        (received,) = await story.say(Incoming(alice, "whatsapp", "hi", "guest", "s1", "carol@lid", "m1"))
        assert await story.replies(received.chat_id) == ["Hi Carol."]
        for who in ("carol", "dave"):
            note = Incoming(alice, "whatsapp", "please leave a note: hi", "guest", "s1", f"{who}@lid", f"{who}2")
            (received,) = await story.say(note)
            assert (await story.replies(received.chat_id))[-1] == "I'll pass that on."
        assert (await runtime.ask(alice, "add buy milk")).reply == "Added."
        async with app_database.transaction() as session:
            user = await session.get_one(User, alice)
            assert await usage.is_used_up(session, user, 1_000, guest=True)
            assert not await usage.is_used_up(session, user, 1_005, guest=True)
        assert (await runtime.ask(alice, "hello")).reply == "Hello."


async def test_a_summary_of_what_a_guest_said_counts_as_theirs(
    talking: Talking, model: ModelServer, app_database: Database, story: Story, alice: UUID
) -> None:
    model.script = [Say("Hi Carol.", usage=(100, 0))] * summaries.DUE_TURNS + [Say("Carol says hi.", usage=(50, 0))]
    async with talking() as runtime:
        for number in range(summaries.DUE_TURNS):
            said = Incoming(alice, "whatsapp", f"hi {number * 'o'}", "guest", "s1", "carol@lid", f"m{number}")
            with clock.frozen(clock.now().replace(hour=12, minute=number)):
                (received,) = await story.say(said)
                await story.replies(received.chat_id, number + 1)

        async def used() -> int:
            async with runtime.database.transaction() as session:
                return (await usage.today(session, await session.get_one(User, alice), guests=True)).tokens

        async def summarised() -> bool:
            return await used() == 100 * summaries.DUE_TURNS + 50

        await until(summarised)
