"""The morning briefing comes once a day, at its time in the user's zone, after a restart too; and what it says."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update
from support.assistant.conversations import StageGateway, Story
from support.waiting import until
from support.workspace.transcripts import import_transcript

from exponential.assistant import briefing, chats, conversation
from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import Database
from exponential.workspace import projects, reminders, tasks

WEDNESDAY = datetime(2026, 5, 6, 4, 0, tzinfo=UTC)  # 6 in the morning in Berlin
BERLIN, AUCKLAND = "Europe/Berlin", "Pacific/Auckland"
TRANSCRIPT = "Anna: So that was the pricing.\nBob: I'll update the pricing page by Friday.\nAnna: Thanks, Bob."


async def lives_in(database: Database, user: UUID, zone: str) -> None:
    async with database.transaction() as session:
        await session.execute(update(User).where(User.id == user).values(timezone=zone))


async def wants(database: Database, user: UUID, at: str = "07:30", days: briefing.Days = "daily") -> None:
    async with database.transaction() as session:
        await briefing.switch_on(session, user, time.fromisoformat(at), days)


async def said(database: Database, user: UUID) -> list[str]:
    async with database.transaction() as session:
        chat = await chats.main_chat(session, user)
        return [message.text for message in await conversation.history(session, chat.id)]


async def count_at(database: Database, user: UUID, *moments: datetime) -> list[int]:
    """How many briefings there have been after a look at each of these moments."""
    counts = []
    for moment in moments:
        with clock.frozen(moment):
            await briefing.send_due(database)
        counts.append(len(await said(database, user)))
    return counts


async def test_it_says_what_the_day_brings(app_database: Database, alice: UUID, bob: UUID) -> None:
    await lives_in(app_database, alice, BERLIN)
    today = date(2026, 5, 6)
    with clock.frozen(WEDNESDAY):
        async with app_database.transaction() as session:
            await projects.create_project(session, alice, "Alpha")
            await projects.create_project(session, alice, "Beta")
            await tasks.create_task(session, alice, "send the deck", datetime(2026, 5, 6, 15), project="Beta")
            await tasks.create_task(session, alice, "pay rent", today - timedelta(days=2))
            await tasks.create_task(session, alice, "plan Q3", today + timedelta(days=9))
            await import_transcript(session, alice, TRANSCRIPT, "Pricing", today - timedelta(days=1))
            await reminders.remind(session, alice, "call mom", datetime(2026, 5, 6, 9))
            await reminders.remind(session, alice, "not today", datetime(2026, 5, 7, 9))
            await tasks.create_task(session, bob, "a secret of Bob's", today)
        await wants(app_database, alice)
    with clock.frozen(WEDNESDAY + timedelta(hours=1, minutes=30)):
        await briefing.send_due(app_database)
    assert await said(app_database, alice) == [
        "☀️ Good morning! It is Wednesday, 6 May.\n\n"
        "**Due today**\n\n- **send the deck**, due today at 15:00, in Beta\n\n"
        "**⚠️ Overdue**\n\n- **pay rent**, due Monday, 4 May\n\n"
        "**Projects at risk**\n\n- **Alpha**: It has no next step.\n\n"
        "**Open action items of meetings**\n\n- Bob: update the pricing page, due Friday, 8 May (Pricing)\n\n"
        "**Reminders**\n\n- 09:00 **call mom**"
    ]
    assert await said(app_database, bob) == []


async def test_once_a_day_on_the_users_clock(app_database: Database, alice: UUID, bob: UUID) -> None:
    await lives_in(app_database, alice, BERLIN)
    await lives_in(app_database, bob, AUCKLAND)
    with clock.frozen(WEDNESDAY):
        await wants(app_database, alice)
        await wants(app_database, bob)  # it is 16:00 there: the next one is tomorrow's
    half_past_seven = datetime(2026, 5, 6, 5, 30, tzinfo=UTC)
    second, hour, day = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
    moments = (half_past_seven - second, half_past_seven, half_past_seven + second, half_past_seven + hour)
    assert await count_at(app_database, alice, *moments) == [0, 1, 1, 1]
    aucklands = datetime(2026, 5, 6, 19, 30, tzinfo=UTC)  # half past seven on Thursday
    assert await count_at(app_database, bob, aucklands - second, aucklands) == [0, 1]
    assert await count_at(app_database, alice, half_past_seven + day - second, half_past_seven + day) == [1, 2]


async def test_after_a_restart_it_is_said_late_but_not_in_the_evening(app_database: Database, alice: UUID) -> None:
    with clock.frozen(WEDNESDAY):
        await wants(app_database, alice)
    due = datetime(2026, 5, 6, 7, 30, tzinfo=UTC)
    assert await count_at(app_database, alice, due + timedelta(hours=3)) == [1]
    assert await count_at(app_database, alice, due + timedelta(days=1, hours=7)) == [1]
    assert await count_at(app_database, alice, due + timedelta(days=2)) == [2]


async def test_weekdays_only(app_database: Database, alice: UUID) -> None:
    with clock.frozen(WEDNESDAY):
        await wants(app_database, alice, days="weekdays")
    due = [datetime(2026, 5, day, 8, tzinfo=UTC) for day in (7, 8, 9, 10, 11)]
    assert await count_at(app_database, alice, *due) == [1, 2, 2, 2, 3]


async def test_several_processes_say_it_once(app_database: Database, alice: UUID) -> None:
    with clock.frozen(WEDNESDAY):
        await wants(app_database, alice)
    with clock.frozen(datetime(2026, 5, 6, 8, tzinfo=UTC)):
        await asyncio.gather(*(briefing.send_due(app_database) for _ in range(5)))
    assert len(await said(app_database, alice)) == 1


async def test_moving_it_later_on_the_same_day_says_it_again(app_database: Database, alice: UUID) -> None:
    with clock.frozen(WEDNESDAY):
        await wants(app_database, alice, "05:00")
    assert await count_at(app_database, alice, WEDNESDAY + timedelta(hours=1)) == [1]
    with clock.frozen(WEDNESDAY + timedelta(hours=2)):
        await wants(app_database, alice, "09:00")
    assert await count_at(app_database, alice, WEDNESDAY + timedelta(hours=5)) == [2]


async def test_it_is_set_and_ended_in_words_and_goes_where_the_owner_last_wrote(
    connected: Runtime, gateway: StageGateway, app_database: Database, story: Story, alice: UUID
) -> None:
    def phone(text: str, message: str, session: str, jid: str) -> Incoming:
        return Incoming(
            alice,
            "whatsapp",
            text,
            account=session,
            address=jid,
            external_id=message,
            is_group=jid.endswith("@g.us"),
        )

    await story.say(phone("hi", "m1", "s1", "alice@lid"))
    await story.say(phone("send me a briefing every day at 7:30", "m2", "s2", "alice2@lid"))
    await story.say(phone("hello", "m3", "s2", "team@g.us"))  # a group: others read there
    await connected.ask(alice, "thanks", channel="web")

    async def posted() -> bool:
        return len(gateway.sent) >= 2

    await until(posted)
    texts = [text for *_, text in gateway.sent.values()]
    assert any("You get your briefing every day at 07:30" in text for text in texts)
    async with app_database.transaction() as session:
        now = clock.now()
        await session.execute(
            update(briefing.Briefing).values(at=(now - timedelta(minutes=1)).time(), said_on=now.date() - timedelta(2))
        )

    async def briefed() -> list[tuple[str, str]]:
        return [(place, chat) for place, chat, text in gateway.sent.values() if "Nothing is due today" in text]

    if now.hour or now.minute > 1:  # the minute before midnight belongs to yesterday
        assert await until(briefed) == [("s2", "alice2@lid")]
    assert (await connected.ask(alice, "stop the briefing")).reply == "No more briefings."
    assert (await connected.ask(alice, "stop the briefing")).reply == "There was no briefing to end."


async def test_by_command_too(runtime: Runtime, app_database: Database, alice: UUID) -> None:
    assert "every weekday at 06:45" in (await runtime.ask(alice, "/briefing 6:45 weekdays")).reply
    assert "every weekday at 06:45" in (await runtime.ask(alice, "/briefing")).reply
    assert "Nothing is due today" in (await runtime.ask(alice, "/briefing now")).reply
    assert "I don't understand that time" in (await runtime.ask(alice, "/briefing soon")).reply
    assert (await runtime.ask(alice, "/briefing off")).reply == "No more briefings."
    assert "Your briefing: none" in (await runtime.ask(alice, "/briefing")).reply


@pytest.mark.parametrize("failing", ["alice", "bob"])
async def test_one_that_fails_does_not_hold_up_the_others(
    app_database: Database, alice: UUID, bob: UUID, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock.frozen(WEDNESDAY):
        await wants(app_database, alice)
        await wants(app_database, bob)
    write = briefing.write

    async def fail(session: object, user: User) -> str:
        if user.name == failing:
            raise RuntimeError
        return await write(session, user)  # type: ignore[arg-type]

    monkeypatch.setattr(briefing, "write", fail)
    with clock.frozen(datetime(2026, 5, 6, 8, tzinfo=UTC)):
        await briefing.send_due(app_database)
    other = bob if failing == "alice" else alice
    assert len(await said(app_database, other)) == 1
