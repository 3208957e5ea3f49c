"""Reminders are said when their moment has come: once, where they were asked for, also after a restart."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import text, update
from support.assistant.conversations import StageGateway, Story
from support.waiting import until

from exponential.assistant import chats, conversation, due_reminders
from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.core import clock
from exponential.core.database import Database
from exponential.core.settings import AppSettings
from exponential.gateway.reply_prefix import REPLY_PREFIX
from exponential.workspace.reminders import Reminder, Repeat, list_reminders, remind

MORNING = datetime(2026, 5, 7, 6, tzinfo=UTC)


async def asked(story: Story, user: UUID, at: datetime, repeat: Repeat | None = None, words: str = "call mom") -> UUID:
    async with story.database.transaction() as session:
        return (await remind(session, user, words, at, repeat)).id


async def said(story: Story, user: UUID) -> list[str]:
    async with story.database.transaction() as session:
        chat = await chats.main_chat(session, user)
        return [message.text for message in await conversation.history(session, chat.id)]


async def to_come(story: Story, user: UUID) -> list[datetime]:
    async with story.database.transaction() as session:
        return [reminder.at for reminder in await list_reminders(session, user)]


async def test_a_reminder_is_said_in_time_and_ends(runtime: Runtime, story: Story, alice: UUID, bob: UUID) -> None:
    at = clock.now() + timedelta(seconds=1.5)
    await asked(story, alice, at)

    async def messages() -> list[str]:
        return await said(story, alice)

    assert await until(messages) == ["⏰ **call mom**"]
    assert timedelta(0) <= clock.now() - at < timedelta(seconds=5)
    assert await to_come(story, alice) == []
    assert await said(story, bob) == []


async def test_it_goes_to_the_whatsapp_chat_that_it_was_asked_for_in(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    words = "remind me tomorrow at 9 to call mom"
    await story.say(Incoming(alice, "whatsapp", words, account="s1", address="alice@lid", external_id="m1"))

    async def posted(count: int) -> bool:
        return len(gateway.sent) >= count

    await until(lambda: posted(1))
    async with story.database.transaction() as session:
        (reminder,) = await list_reminders(session, alice)
        assert reminder.at > clock.now()
        reminder.at = at = clock.now()
    await until(lambda: posted(2))
    (key, last) = list(gateway.sent.items())[-1]
    assert last == ("s1", "alice@lid", f"{REPLY_PREFIX}⏰ *call mom*")
    assert key == f"{uuid5(reminder.id, at.isoformat())}:0"
    async with story.database.transaction() as session:
        ended = await session.get_one(Reminder, reminder.id)
    assert ended.sent_at == ended.ended_at and ended.sent_at is not None
    assert (await said(story, alice))[-1] == "⏰ **call mom**"  # the web shows the same conversation


async def test_one_that_was_asked_for_on_the_web_comes_on_whatsapp_too(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    group = Incoming(alice, "whatsapp", "hello", account="s1", address="1@g.us", external_id="m2", is_group=True)
    await story.say(Incoming(alice, "whatsapp", "hello", account="s1", address="alice@lid", external_id="m1"))

    async def posted() -> list[tuple[str, str, str]]:
        return list(gateway.sent.values())

    await until(posted)
    await story.say(group)
    await asked(story, alice, clock.now() + timedelta(seconds=1))

    async def reminded() -> list[tuple[str, str, str]]:
        return [post for post in await posted() if "call mom" in post[2]]

    assert await until(reminded) == [("s1", "alice@lid", f"{REPLY_PREFIX}⏰ *call mom*")]


async def test_what_came_while_the_app_was_down_is_said_at_its_start(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    with clock.frozen(MORNING):
        await asked(story, alice, MORNING + timedelta(hours=1))
        await asked(story, alice, MORNING + timedelta(hours=2), "daily", "take the pills")
    with clock.frozen(MORNING + timedelta(days=1, hours=1.5)):
        for _ in range(2):  # a restart says nothing twice
            async with Runtime(app_database, app_settings):
                await until(lambda: _said_all(story, alice, 2))
        await due_reminders.send_due(app_database)
    assert await said(story, alice) == [
        "⏰ **call mom** (this was for yesterday at 07:00; I couldn't say it then)",
        "⏰ **take the pills** (this was for yesterday at 08:00; I couldn't say it then)",
    ]
    assert await to_come(story, alice) == [MORNING + timedelta(days=1, hours=2)]


async def _said_all(story: Story, user: UUID, count: int) -> bool:
    return len(await said(story, user)) >= count


async def test_several_processes_at_once_say_each_one_once(app_database: Database, story: Story, alice: UUID) -> None:
    with clock.frozen(MORNING):
        for number in range(20):
            await asked(story, alice, MORNING + timedelta(minutes=1), "weekdays" if number % 2 else None, str(number))
    others = [Database(app_database.url.render_as_string(hide_password=False)) for _ in range(2)]
    with clock.frozen(MORNING + timedelta(minutes=1)):
        await asyncio.gather(*(due_reminders.send_due(database) for database in (app_database, *others)))
        await due_reminders.send_due(app_database)
    for other in others:
        await other.close()
    assert sorted(await said(story, alice)) == sorted(f"⏰ **{number}**" for number in range(20))
    assert await to_come(story, alice) == [MORNING + timedelta(days=1, minutes=1)] * 10


async def test_one_that_cannot_be_read_holds_up_no_other(app_database: Database, story: Story, alice: UUID) -> None:
    with clock.frozen(MORNING):
        broken = await asked(story, alice, MORNING + timedelta(minutes=1))
        await asked(story, alice, MORNING + timedelta(minutes=2), words="buy milk")
    async with story.database.transaction() as session:
        await session.execute(text("update reminders set text = 'garbled' where id = :id").bindparams(id=broken))
    with clock.frozen(MORNING + timedelta(minutes=2)):
        await due_reminders.send_due(app_database)
    assert await said(story, alice) == ["⏰ **buy milk**"]


async def test_done_and_snooze_are_understood_right_after_it(runtime: Runtime, story: Story, alice: UUID) -> None:
    async def comes() -> None:
        before = len(await said(story, alice))
        async with story.database.transaction() as session:
            await session.execute(update(Reminder).values(at=clock.now(), ended_at=None))
        await until(lambda: _said_all(story, alice, before + 1))

    await asked(story, alice, clock.now() + timedelta(days=1))
    await comes()
    began = clock.now()
    snoozed = await runtime.ask(alice, "snooze 10 minutes")
    assert [call["name"] for call in snoozed.tools] == ["snooze_reminder"] and "call mom" in snoozed.reply
    (at,) = await to_come(story, alice)
    assert timedelta(minutes=8) < at - began < timedelta(minutes=11)
    await comes()
    assert (await runtime.ask(alice, "done")).reply == "👍 **call mom**: done."
    assert await to_come(story, alice) == []


async def test_one_that_is_moved_keeps_its_hour_or_its_day(runtime: Runtime, story: Story, alice: UUID) -> None:
    await runtime.ask(alice, "remind me on 2099-01-02 at 17:00 to call the bank")
    (first,) = await to_come(story, alice)
    await runtime.ask(alice, "move the bank reminder to 2099-01-05")
    assert await to_come(story, alice) == [first + timedelta(days=3)]
    await runtime.ask(alice, "change the bank reminder to 16:00")
    assert await to_come(story, alice) == [first + timedelta(days=3, hours=-1)]
