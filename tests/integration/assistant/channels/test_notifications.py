"""What Paddy says unasked reaches its user: also when the chat where it used to is gone, logged out or somebody's."""

from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from support.assistant.conversations import StageGateway, Story
from support.waiting import until

from exponential.assistant import approvals, briefing, chats, conversation, due_reminders
from exponential.assistant.channels import delivery
from exponential.assistant.channels.base import Place
from exponential.assistant.channels.registry import Channels
from exponential.assistant.conversation import Incoming
from exponential.assistant.due_reminders import ReminderPlace
from exponential.assistant.runtime import Runtime
from exponential.assistant.tables import Message
from exponential.assistant.turns import jobs
from exponential.core import clock
from exponential.core.database import Database
from exponential.workspace.reminders import Reminder, list_reminders

OWN = "4915110000001@s.whatsapp.net"
Told = tuple[str, str]  # (session, chat)


class Pills:
    """Alice takes pills on weekdays; she asked in session s1 to be reminded."""

    def __init__(self, story: Story, gateway: StageGateway, alice: UUID) -> None:
        self.story, self.gateway, self.alice = story, gateway, alice
        self._written = 0

    async def writes(self, text: str, session: str, chat: str) -> None:
        self._written += 1
        message = Incoming(self.alice, "whatsapp", text, account=session, address=chat, external_id=f"m{self._written}")
        (received,) = await self.story.say(message)
        await self.story.replies(received.chat_id, self._written)

    async def asked(self) -> None:
        await self.writes("remind me every weekday at 9 to take the pills", "s1", "alice@lid")
        await until(self.is_quiet)

    async def due(self) -> list[Told]:
        """The moment comes; where she was told, all in all."""
        async with self.story.database.transaction() as session:
            (reminder,) = await list_reminders(session, self.alice)
            reminder.at = moment = clock.now()

        async def told() -> bool:
            async with self.story.database.transaction() as session:
                known = await session.get_one(Reminder, reminder.id)
                return known.sent_at is not None and known.sent_at >= moment

        await until(told)
        await until(self.is_quiet)
        return self.told()

    def told(self, words: str = "⏰") -> list[Told]:
        return [(session, chat) for session, chat, text in self.gateway.sent.values() if words in text]

    async def last_said(self) -> Message:
        async with self.story.database.transaction() as session:
            chat = await chats.main_chat(session, self.alice)
            return (await conversation.history(session, chat.id))[-1]

    async def is_quiet(self) -> bool:
        """Nothing is on its way to the gateway."""
        async with self.story.database.transaction() as session:
            return not await session.scalar(jobs_waiting())


def jobs_waiting():  # type: ignore[no-untyped-def]
    from sqlalchemy import text

    return text(f"select count(*) from procrastinate_jobs where task_name = '{jobs.DELIVER}'")


@pytest.fixture
def pills(story: Story, gateway: StageGateway, alice: UUID) -> Pills:
    return Pills(story, gateway, alice)


@pytest.mark.parametrize("how", ["gone", "unlinked"])
async def test_reminders_go_on_in_the_session_that_was_linked_instead(
    connected: Runtime, gateway: StageGateway, pills: Pills, how: str
) -> None:
    await pills.asked()
    setattr(gateway, how, {"s1"})
    gateway.sessions.append("s2")
    await pills.writes("hello", "s2", "alice2@lid")
    assert await pills.due() == [("s2", "alice2@lid")]
    before = len(gateway.posts)
    assert await pills.due() == [("s2", "alice2@lid")] * 2
    assert [session for session, *_ in gateway.posts[before:]] == ["s2"]  # it is known by now
    said = await pills.last_said()
    assert said.place == Place("whatsapp", "s2", "alice2@lid")


async def test_before_a_word_was_written_in_it_they_come_in_its_own_chat(
    connected: Runtime, gateway: StageGateway, pills: Pills
) -> None:
    await pills.asked()
    gateway.gone.add("s1")
    gateway.sessions.append("s2")
    assert await pills.due() == [("s2", OWN)]
    assert await pills.due() == [("s2", OWN)] * 2


async def test_a_number_that_was_taken_back_is_told_nothing_more(
    connected: Runtime, gateway: StageGateway, pills: Pills
) -> None:
    gateway.proved["s1"] = ["old@lid", "new@lid"]
    await pills.asked()
    gateway.guests.add("alice@lid")  # "everyone" may write to this account, so it may be written to
    assert await pills.due() == [("s1", "new@lid")]
    assert await pills.due() == [("s1", "new@lid")] * 2


async def test_while_nothing_is_linked_they_stay_on_the_web_and_do_not_come_later(
    connected: Runtime, gateway: StageGateway, pills: Pills
) -> None:
    await pills.asked()
    gateway.unlinked.add("s1")
    assert await pills.due() == await pills.due() == []
    said = await pills.last_said()
    assert (said.channel, said.text) == ("web", "⏰ **take the pills**")
    gateway.unlinked.clear()  # linked again, with the same phone
    assert await pills.due() == [("s1", "alice@lid")]


async def test_a_process_that_died_meanwhile_repeats_nothing(
    connected: Runtime, gateway: StageGateway, channels: Channels, app_database: Database, pills: Pills
) -> None:
    await pills.asked()
    gateway.unlinked.add("s1")
    gateway.sessions.append("s2")
    assert await pills.due() == [("s2", OWN)]
    gateway.unlinked.clear()
    said = await pills.last_said()
    assert said.turn_id is not None
    await delivery.deliver(app_database, channels, said.turn_id)  # as if the first had not noted that it was done
    first, again = gateway.posts[-2:]
    assert first == again and first[0] == "s2"


async def test_briefings_and_questions_too(
    connected: Runtime, gateway: StageGateway, app_database: Database, story: Story, alice: UUID, pills: Pills
) -> None:
    await pills.writes("hello", "s1", "alice@lid")
    await until(pills.is_quiet)
    gateway.gone.add("s1")
    gateway.sessions.append("s2")
    async with app_database.transaction() as session:
        await approvals.require(session, alice, True)
        now = clock.now()
        await briefing.switch_on(session, alice, now.time())
        yesterday = now.date() - timedelta(days=1)
        at = (now - timedelta(minutes=1)).time()
        await session.execute(update(briefing.Briefing).values(at=at, said_on=yesterday))

    async def told(words: str) -> list[Told]:
        return pills.told(words)

    if now.hour or now.minute > 1:  # the minute before midnight belongs to yesterday
        assert await until(lambda: told("Nothing is due today")) == [("s2", OWN)]
    await story.say(Incoming(alice, "whatsapp", "hi", "guest", "s1", "bob@lid", "g1", "Bob"))
    assert await until(lambda: told("I want to answer")) == [("s2", OWN)]
    await pills.writes("yes", "s2", OWN)
    assert "Sent to **Bob" in (await pills.last_said()).text


async def test_an_answer_in_the_owners_conversation_goes_to_no_chat_that_became_somebody_elses(
    connected: Runtime, gateway: StageGateway, pills: Pills
) -> None:
    gateway.guests.add("alice@lid")
    await pills.writes("what are my tasks?", "s1", "alice@lid")
    await until(pills.is_quiet)
    assert gateway.sent == {} and [chat for _, chat, _ in gateway.posts] == ["alice@lid"]


async def test_only_what_was_said_in_the_chat_that_is_gone_moves(
    app_database: Database, alice: UUID, bob: UUID
) -> None:
    places = {}
    async with app_database.transaction() as session:
        for user, chat in ((alice, "alice@lid"), (alice, "other@lid"), (bob, "alice@lid")):
            moment = clock.now() + timedelta(days=1)
            reminder = Reminder(user_id=user, text="x", at=moment, began_at=moment)
            session.add(reminder)
            await session.flush()
            places[reminder.id] = Place("whatsapp", "s1", chat)
            session.add(ReminderPlace(reminder_id=reminder.id, **asdict(places[reminder.id])))
    there = Place("whatsapp", "s2", "alice2@lid")
    async with app_database.transaction() as session:
        await due_reminders.move(session, alice, Place("whatsapp", "s1", "alice@lid"), there)
    async with app_database.transaction() as session:
        found = {kept.reminder_id: kept.place for kept in await session.scalars(select(ReminderPlace))}
    first = next(iter(places))
    assert found == {**places, first: there}
