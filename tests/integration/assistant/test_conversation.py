from uuid import UUID, uuid4

import psycopg
import pytest
from support.assistant.conversations import Story

from exponential.assistant import conversation
from exponential.assistant.chats import main_chat
from exponential.assistant.conversation import Incoming, history, receive
from exponential.core.database import Database
from exponential.core.errors import BadInput, NotFound


async def test_one_conversation_over_all_channels(story: Story, alice: UUID) -> None:
    web, phone, terminal = await story.say(
        Incoming(alice, "web", " from the web "),
        Incoming(alice, "whatsapp", "from the phone", account="s1", address="alice@lid", external_id="m1"),
        Incoming(alice, "terminal", "from the terminal"),
    )
    assert web.chat_id == phone.chat_id == terminal.chat_id
    found = await story.messages(web.chat_id)
    assert [(message.channel, message.text) for message in found] == [
        ("web", "from the web"),
        ("whatsapp", "from the phone"),
        ("terminal", "from the terminal"),
    ]
    assert [message.id for message in found] == [web.message_id, phone.message_id, terminal.message_id]


async def test_the_last_messages_oldest_first(story: Story, alice: UUID) -> None:
    (*_, last) = await story.say(*(Incoming(alice, "web", str(number)) for number in range(7)))
    async with story.database.transaction() as session:
        assert [message.text for message in await history(session, last.chat_id, limit=3)] == ["4", "5", "6"]


async def test_the_same_whatsapp_message_twice_is_one(story: Story, alice: UUID) -> None:
    message = Incoming(alice, "whatsapp", "hi", account="s1", address="alice@lid", external_id="m1")
    (first,) = await story.say(message)
    (again,) = await story.say(message)
    assert (again.message_id, again.chat_id, again.duplicate) == (first.message_id, first.chat_id, True)
    assert not first.duplicate
    assert len(await story.messages(first.chat_id)) == 1
    assert await jobs(story.database) == 1
    (other,) = await story.say(Incoming(alice, "whatsapp", "hi", account="s2", address="alice@lid", external_id="m1"))
    assert not other.duplicate


async def test_message_and_job_are_stored_together_or_not_at_all(story: Story, alice: UUID) -> None:
    class PowerCut(Exception):
        pass

    with pytest.raises(PowerCut):
        async with story.database.transaction() as session:
            chat_id = (await main_chat(session, alice)).id
            await receive(session, Incoming(alice, "web", "hi"))
            raise PowerCut
    assert await jobs(story.database) == 0
    assert await story.messages(chat_id) == []


async def test_a_contact_has_a_chat_of_their_own(story: Story, alice: UUID, bob: UUID) -> None:
    def guest(user: UUID, session_id: str, jid: str, external_id: str) -> Incoming:
        return Incoming(user, "whatsapp", "hi", "guest", session_id, jid, external_id, sender_name="Carol")

    received = await story.say(
        Incoming(alice, "web", "hi"),
        guest(alice, "s1", "carol@lid", "m1"),
        guest(alice, "s1", "carol@lid", "m2"),
        guest(alice, "s1", "dave@lid", "m3"),
        guest(bob, "s2", "carol@lid", "m4"),
    )
    chats = [message.chat_id for message in received]
    assert chats[1] == chats[2] and len(set(chats)) == 4


@pytest.mark.parametrize(
    ("incoming", "sentence"),
    [
        ({"text": ""}, "empty"),
        ({"text": " \n"}, "empty"),
        ({"text": "x" * 65_537}, r"65,537 characters; Paddy reads up to 65,536"),
        ({"channel": "whatsapp", "account": "s1"}, "needs its account"),
        ({"role": "guest"}, "needs its account"),
    ],
)
async def test_what_cannot_be_received(story: Story, alice: UUID, incoming: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        await story.say(Incoming(**{"user_id": alice, "channel": "web", "text": "hi"} | incoming))  # type: ignore[arg-type]


async def test_the_longest_message_fits(story: Story, alice: UUID) -> None:
    (received,) = await story.say(Incoming(alice, "web", "ä" * 65_536))
    assert (await story.messages(received.chat_id))[0].text == "ä" * 65_536


async def test_nobody_without_an_account(story: Story) -> None:
    with pytest.raises(NotFound):
        await story.say(Incoming(uuid4(), "web", "hi"))


async def test_pages_hear_of_a_message(story: Story, alice: UUID) -> None:
    async with story.database.listen(conversation.CHANNEL) as notices:
        (received,) = await story.say(Incoming(alice, "web", "hi"))
        assert await anext(notices) == ("chat", str(received.chat_id))


async def test_the_database_holds_ciphertext_only(story: Story, alice: UUID) -> None:
    await story.say(
        Incoming(alice, "whatsapp", "the secret plan", "guest", "s1", "carol@lid", "m1", sender_name="Carol Secret")
    )
    async with await psycopg.AsyncConnection.connect(story.database.libpq) as connection:
        rows = await (await connection.execute("select * from messages")).fetchall()
        jobs = await (await connection.execute("select * from procrastinate_jobs")).fetchall()
    assert rows and jobs
    assert "secret" not in repr(rows).lower() + repr(jobs).lower()


async def jobs(database: Database) -> int:
    async with await psycopg.AsyncConnection.connect(database.libpq) as connection:
        row = await (await connection.execute("select count(*) from procrastinate_jobs")).fetchone()
    assert row is not None
    return int(row[0])
