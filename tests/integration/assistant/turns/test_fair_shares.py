"""However much one user or a crowd of guests has for Paddy to do, somebody else is answered soon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from sqlalchemy import text
from support.assistant.conversations import StageGateway, Story
from support.assistant.transcription_server import TranscriptionServer
from support.waiting import until

from exponential.assistant import chats
from exponential.assistant.conversation import Incoming
from exponential.assistant.files.attachments import Attachment
from exponential.assistant.runtime import Runtime
from exponential.assistant.timing import Timing
from exponential.core.database import Database
from exponential.core.settings import AppSettings

CROWD = 24  # more than a process does at once


class SlowModel:
    """Thinks until it is `released` about what says "slow"."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.asked = 0

    async def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if "slow" in str(messages[-1]):
            self.asked += 1
            await self.released.wait()
        return ModelResponse([TextPart("ok")])


@pytest.fixture
async def slow(app_database: Database, app_settings: AppSettings, timing: Timing) -> AsyncIterator[SlowModel]:
    """The model of a Paddy at work."""
    model = SlowModel()
    async with Runtime(app_database, app_settings, model=FunctionModel(model), timing=timing):
        yield model
        model.released.set()


def from_guest(user_id: UUID, number: int, text: str, *files: Attachment) -> Incoming:
    jid = f"{number}@lid"
    return Incoming(user_id, "whatsapp", text, "guest", "s1", jid, f"m{number}", sender=jid, attachments=files)


async def in_topics(story: Story, user_id: UUID, text: str, *files: Attachment) -> list[UUID]:
    """The same said in as many chats of the user's own as there are in a crowd."""
    topics = []
    for _ in range(CROWD):
        async with story.database.transaction() as session:
            topic = (await chats.open_topic(session, user_id)).id
        await story.say(Incoming(user_id, "web", text, chat_id=topic, attachments=files))
        topics.append(topic)
    return topics


async def is_answered(story: Story, user_id: UUID, *files: Attachment) -> None:
    (received,) = await story.say(Incoming(user_id, "web", "hello", attachments=files))
    assert await story.replies(received.chat_id, seconds=5)


async def test_one_users_slow_turns_hold_up_nobody_else(slow: SlowModel, story: Story, alice: UUID, bob: UUID) -> None:
    topics = await in_topics(story, alice, "slow")
    await until(lambda: asyncio.sleep(0, slow.asked))
    await is_answered(story, bob)
    await is_answered(story, alice)  # in her main chat
    slow.released.set()
    for topic in topics:
        assert await story.replies(topic) == ["ok"]


async def test_a_crowd_of_guests_holds_up_no_owner(slow: SlowModel, story: Story, alice: UUID, bob: UUID) -> None:
    crowd = await story.say(*(from_guest(alice, number, "slow") for number in range(CROWD)))
    await until(lambda: asyncio.sleep(0, slow.asked))
    await is_answered(story, alice)
    (guest,) = await story.say(from_guest(bob, CROWD, "hello"))
    assert await story.replies(guest.chat_id, seconds=5) == ["ok"]
    slow.released.set()
    for received in crowd:
        assert await story.replies(received.chat_id) == ["ok"]


@asynccontextmanager
async def hearing(database: Database, ears: TranscriptionServer) -> AsyncIterator[Runtime]:
    settings = AppSettings(_env_file=None, model="", transcription_url=f"{ears.url}#whisper")
    async with Runtime(database, settings) as runtime:
        yield runtime


@pytest.mark.parametrize(("members", "guests"), [(1, 0), (0, CROWD), (3, CROWD)])
async def test_slow_files_hold_up_nobody_elses(
    app_database: Database, story: Story, alice: UUID, bob: UUID, members: int, guests: int
) -> None:
    ears = TranscriptionServer()
    ears.delay = 60.0
    note = Attachment("voice", "audio/ogg", "", b"OggS hello")
    letter = Attachment("document", "text/plain", "letter.txt", b"The rent rises in May.")
    for number in range(members):
        await in_topics(story, alice if number == 0 else await story.account(f"Member {number}"), "", note)
    await story.say(*(from_guest(alice, number, "", note) for number in range(guests)))
    async with hearing(app_database, ears):
        await until(lambda: asyncio.sleep(0, len(ears.heard) >= members + 2 * bool(guests)))
        await is_answered(story, bob)
        await is_answered(story, bob, letter)
        await is_answered(story, alice)  # what has no file
        await is_answered(story, alice, letter)  # in her main chat
        (guest,) = await story.say(from_guest(alice, CROWD, "hello"))
        assert await story.replies(guest.chat_id, seconds=5)
    ears.stop()


async def test_replies_that_the_gateway_is_slow_to_take_hold_up_no_turn(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    gateway.holds.clear()
    await story.say(*(from_guest(alice, number, "hello") for number in range(CROWD)))
    await until(lambda: asyncio.sleep(0, len(gateway.posts) >= 8), 30)
    await is_answered(story, alice)
    gateway.holds.set()
    await until(lambda: asyncio.sleep(0, len(gateway.sent) == CROWD), 30)


@pytest.mark.parametrize("timing", [Timing(sweep=0.05)])
async def test_a_process_takes_no_turn_over_that_it_runs_itself(
    app_database: Database, story: Story, alice: UUID, slow: SlowModel
) -> None:
    """As when all of it is so busy that its own heartbeat is late."""
    (received,) = await story.say(Incoming(alice, "web", "slow"))
    await until(lambda: asyncio.sleep(0, slow.asked))
    for _ in range(20):
        async with app_database.transaction() as session:
            await session.execute(text("update procrastinate_workers set last_heartbeat = now() - interval '1 hour'"))
        await asyncio.sleep(0.1)
    slow.released.set()
    assert await story.replies(received.chat_id) == ["ok"]
    assert slow.asked == 1
    async with app_database.transaction() as session:
        assert (await session.scalars(text("select runs from turns"))).all() == [1]
