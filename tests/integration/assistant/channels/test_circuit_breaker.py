"""Another assistant in a contact's chat: after a few rounds Paddy pauses, says so once, and tells its owner."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from pydantic_ai.messages import TextPart
from support.assistant.conversations import Story

from exponential.assistant import approvals, chats, context, conversation
from exponential.assistant.channels.circuit_breaker import (
    FAST_ROUNDS,
    OWN_SAME_ROUNDS,
    SAID,
    SAID_TO_OWNER,
    SAME_ROUNDS,
)
from exponential.assistant.conversation import Incoming
from exponential.assistant.files import attachments
from exponential.assistant.files.attachments import Attachment
from exponential.assistant.runtime import Runtime
from exponential.core import clock

BOB, GROUP = "bob@lid", "12345@g.us"
THANKS = "Thank you for your message number {}! We are closed today and will come back to you as soon as we can."
LINES = (
    "Hi there",
    "it's Bob from the gym",
    "I wanted to ask about Thursday",
    "can we move the lesson?",
    "to five maybe",
    "or half past five",
    "whatever suits you best",
    "my phone is nearly empty",
    "so please write to Eve instead",
    "she has her phone with her",
    "thanks a lot!",
    "see you",
)


class Chat:
    """What somebody writes to Alice's Paddy, and hears, as time goes by."""

    def __init__(self, story: Story, alice: UUID, now: datetime) -> None:
        self.story, self.alice, self.now = story, alice, now
        self._count = 0

    async def says(self, *texts: str, after: float = 5, name: str = "Bob", jid: str = BOB, who: str = "") -> list[str]:
        """`after` seconds; all that Paddy has said in that chat, once it has nothing to answer."""
        self.now += timedelta(seconds=after)
        messages = []
        for text in texts:
            self._count += 1
            place = ("s1", jid, f"g{self._count}", name)
            sender = who or f"{name.lower()}@lid"
            message = Incoming(self.alice, "whatsapp", text, "guest", *place, sender=sender, is_group=jid == GROUP)
            messages.append(message)
        with clock.frozen(self.now):
            (received, *_) = await self.story.say(*messages)
            return await self.story.replies(received.chat_id, 0) or []

    async def owner_hears(self) -> list[str]:
        async with self.story.database.transaction() as session:
            chat = await chats.main_chat(session, self.alice)
            found = await conversation.history(session, chat.id)
        return [message.text for message in found if message.role == "assistant"]

    async def owner_says(self, text: str) -> str:
        with clock.frozen(self.now):
            (received,) = await self.story.say(Incoming(self.alice, "web", text))
            heard = len(await self.owner_hears())
            return (await self.story.replies(received.chat_id, heard))[-1]


@pytest.fixture
def chat(story: Story, alice: UUID) -> Chat:
    return Chat(story, alice, clock.now())


async def test_one_that_says_the_same_is_answered_a_few_times(connected: Runtime, chat: Chat, story: Story) -> None:
    for _ in range(3 * SAME_ROUNDS):
        said = await chat.says(THANKS.format(7), after=20)
    assert len(said) == SAME_ROUNDS and said.count(SAID) == 1 and said[-1] == SAID
    (notice,) = await chat.owner_hears()
    assert notice.startswith("Another assistant seems to answer me in the chat with **Bob (no number)**, so I pause ")
    async with story.database.transaction() as session:
        main = await chats.main_chat(session, chat.alice)
        told = await context.recent(session, main)
    words = [part.content for message in told for part in message.parts if isinstance(part, TextPart)]
    assert words == [
        "I told the user that I pause in a chat with somebody else, where another assistant seems to answer me."
    ]


async def test_a_count_or_a_time_in_it_makes_no_difference(connected: Runtime, chat: Chat) -> None:
    for number in range(2 * SAME_ROUNDS):
        said = await chat.says(THANKS.format(number), after=60)
    assert said[SAME_ROUNDS - 1 :] == [SAID]


@pytest.mark.parametrize("jid", [BOB, GROUP])
async def test_another_name_makes_no_difference(connected: Runtime, chat: Chat, jid: str) -> None:
    for number in range(2 * SAME_ROUNDS):
        said = await chat.says("hello there", after=20, name=f"Bob {number}", jid=jid, who=BOB)
    assert len(said) == SAME_ROUNDS and said[-1] == SAID


async def test_one_that_writes_faster_than_people_is_paused(connected: Runtime, chat: Chat) -> None:
    for number in range(2 * FAST_ROUNDS):
        said = await chat.says(f"{'abcdefghijklmnopqrstuvwxyz'[number]} is what I think of it, dear Paddy", after=2)
    assert said[FAST_ROUNDS:] == [SAID]


async def test_one_that_never_stops_is_paused(connected: Runtime, chat: Chat) -> None:
    for number in range(24):
        said = await chat.says(f"{'abcdefghijklmnopqrstuvwxyz'[number]} ok", after=8)
    assert said[19:] == [SAID]


async def test_a_person_in_a_hurry_is_always_answered(connected: Runtime, chat: Chat) -> None:
    for line in LINES:
        said = await chat.says(line, after=len(line) / 7)
    assert len(said) == len(LINES) and SAID not in said
    said = await chat.says(*LINES * 2, after=1)  # all at once
    assert len(said) == len(LINES) + 1 and SAID not in said
    for _ in range(SAME_ROUNDS - 1):
        said = await chat.says("hello??", after=6)
    assert SAID not in said and await chat.owner_hears() == []


async def test_it_closes_by_itself_and_stays_open_longer_the_next_time(connected: Runtime, chat: Chat) -> None:
    for _ in range(SAME_ROUNDS):
        await chat.says("Out of office", after=20)
    heard = await chat.says("Out of office", after=3000)
    assert heard[-1] == SAID
    assert len(await chat.says("Hi, it's me, Bob", after=700)) == len(heard) + 1
    for _ in range(SAME_ROUNDS):
        heard = await chat.says("Out of office", after=20)
    assert heard.count(SAID) == 2
    assert await chat.says("Anybody there?", after=20 * 3600) == heard
    assert len(await chat.says("Anybody there?", after=5 * 3600)) == len(heard) + 1


async def test_the_owner_lets_paddy_go_on(connected: Runtime, chat: Chat) -> None:
    for _ in range(SAME_ROUNDS + 2):
        heard = await chat.says("Out of office", after=20)
    assert len(heard) == SAME_ROUNDS
    assert await chat.says("/resume", after=20) == heard  # no guest, no program closes it
    assert "I answer again in one chat" in await chat.owner_says("/resume")
    assert len(await chat.says("Hi, it's me, Bob", after=20)) == SAME_ROUNDS + 1
    assert await chat.owner_says("/resume") == "I wasn't paused: I'm listening."


async def test_in_a_group_each_member_counts_alone(connected: Runtime, chat: Chat) -> None:
    for number in range(SAME_ROUNDS + 2):
        await chat.says(f"What does {LINES[number]} mean?", after=1, name="Eve", jid=GROUP)
        heard = await chat.says("Out of office", after=1, name="Bot", jid=GROUP)
    assert heard.count(SAID) == 1 and len(heard) == 2 * SAME_ROUNDS
    (notice,) = await chat.owner_hears()
    assert "in a group with **Bot (no number)**, so I pause there" in notice


async def test_the_owner_on_the_web_is_not_concerned(connected: Runtime, chat: Chat) -> None:
    for _ in range(SAME_ROUNDS + 2):
        assert await chat.owner_says("hello")


async def test_where_the_owner_approves_answers_they_alone_are_told(
    connected: Runtime, chat: Chat, story: Story, alice: UUID
) -> None:
    async with story.database.transaction() as session:
        await approvals.require(session, alice, True)
    for _ in range(SAME_ROUNDS + 5):
        proposed = await chat.says("Out of office", after=20)
    assert len(proposed) == SAME_ROUNDS - 1 and SAID not in proposed
    async with story.database.transaction() as session:
        assert len(await approvals.waiting(session, alice)) == SAME_ROUNDS - 1
    *_, notice = heard = await chat.owner_hears()
    assert notice.startswith("Another assistant seems to answer me in the chat with **Bob (no number)**")
    assert len(heard) == approvals.MAX_ASKED_PER_CONTACT + 1


async def test_on_the_owners_own_account_it_takes_the_same_words_many_times_at_once(
    connected: Runtime, chat: Chat
) -> None:
    async def says(text: str, after: float, *files: Attachment) -> list[str]:
        chat.now += timedelta(seconds=after)
        chat._count += 1
        with clock.frozen(chat.now):
            own = ("s1", "alice@lid", f"o{chat._count}")
            (received,) = await chat.story.say(Incoming(chat.alice, "whatsapp", text, "owner", *own, attachments=files))
            return await chat.story.replies(received.chat_id, 0) or []

    for text, after in (("what are my tasks?", 120), ("undo", 2), ("/tasks", 2)):  # people do that
        for _ in range(OWN_SAME_ROUNDS - 1 if text == "undo" else OWN_SAME_ROUNDS + 1):
            said = await says(text, after)
    for number in range(OWN_SAME_ROUNDS + 1):
        said = await says("", 2, Attachment("video", "video/mp4", f"{number}.mp4", b"moving"))
    assert SAID_TO_OWNER not in said
    for _ in range(OWN_SAME_ROUNDS + 5):
        said = await says("Sorry, I did not get that.", 2)
    assert said[-1] == SAID_TO_OWNER and said.count(SAID_TO_OWNER) == 1
    assert "no open tasks" in await chat.owner_says("what are my tasks?")  # on the web
    await says("/resume", 2)
    assert "no open tasks" in (await says("what are my tasks?", 2))[-1]


async def test_while_it_is_open_a_guests_files_are_not_read(connected: Runtime, chat: Chat, story: Story) -> None:
    for _ in range(SAME_ROUNDS):
        await chat.says(THANKS.format(7), after=20)
    letter = Attachment("document", "text/plain", "x.txt", b"The rent rises in May.")
    guest = Incoming(chat.alice, "whatsapp", "", "guest", "s1", BOB, "f1", "Bob", attachments=(letter,))
    with clock.frozen(chat.now):
        (received,) = await story.say(guest)
        await story.replies(received.chat_id, 0)
    async with story.database.transaction() as session:
        found = await attachments.of_messages(session, [received.message_id], understood=True)
    assert not found[received.message_id][0].read
