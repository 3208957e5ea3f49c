"""From phone to Paddy and back, through the real client, gateway and app: files, what is forwarded or quoted,
answers that wait for a YES, reminders that find their user, and chats in which another assistant answers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from support.assistant.transcription_server import TranscriptionServer
from support.gateways import SECRET, Gateway, StartGateway, link
from support.http_server import serving
from support.sample_files import pdf, picture
from support.waiting import until

from exponential.app import service
from exponential.assistant.tables import Message, Turn
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import Database
from exponential.core.http.sockets import listen
from exponential.core.settings import AppSettings, read
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.groups import Group
from exponential.loopback.server.server import Loopback
from exponential.workspace import reminders, tasks
from exponential.workspace.meetings import meetings

VTT = b"WEBVTT\n\n00:01.000 --> 00:04.000\n<v Anna>We decided to move to Lisbon.\n"


@dataclass
class House:
    """Ada's phone is linked to a running gateway, whose app is running, too."""

    database: Database
    gateway: Gateway
    session: str
    user: User
    ada: Phone
    bob: Phone

    async def hears(self, words: str) -> str:
        """What Paddy says in Ada's own chat, once it has these words in it."""
        line = await self.ada.wait_for(lambda line: words in line.text and line.text.startswith("🤖"), chat="me")
        return line.text


@pytest.fixture
async def house(app_database: Database, start_real_gateway: StartGateway, whatsapp: Loopback) -> AsyncIterator[House]:
    ears = TranscriptionServer()
    async with app_database.transaction() as session:
        user = User(email="ada@example.org", name="Ada")
        session.add(user)
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
    async with start_real_gateway(app_url=f"http://127.0.0.1:{port}") as gateway:
        async with gateway.served() as client:
            settings = read(
                AppSettings,
                database_url=app_database.url.render_as_string(hide_password=False),
                auth_secret=SECRET,
                gateway_url=client._base_url,
                transcription_url=ears.url,
            )
            app = service.create(settings)
            async with app.router.lifespan_context(app):
                board = app.state.exponential.live_updates
                async with serving(app, port=port, before_stop=board.close, lifespan="off"):
                    ada = whatsapp.add_phone("+4915112345678", "Ada")
                    bob = whatsapp.add_phone("+4915187654321", "Bob")
                    linked, _ = await link(gateway, ada, who=user.identity)
                    yield House(app_database, gateway, linked, user, ada, bob)
    ears.stop()


async def test_files_from_the_phone_are_understood(house: House) -> None:
    house.ada.send_document("me", VTT, "offsite.vtt", mime="text/vtt")
    assert "*offsite*" in await house.hears("Kept the transcript.")
    house.ada.send_voice("me", b"OggS add buy milk tomorrow", seconds=2)
    await house.hears("Added *buy milk*, due tomorrow.")
    house.ada.send_image("me", picture(form="JPEG"), "add pay this bill")
    answer = await house.hears("pay this bill")
    assert "I can't look at pictures without a language model." in answer
    house.ada.send_document("me", pdf("The rent rises in May."), "letter.pdf", mime="application/pdf")
    assert "The rent rises in May." in await house.hears("letter.pdf")
    async with house.database.transaction() as session:
        assert [meeting.title for meeting in await meetings.list_meetings(session, house.user.id)] == ["offsite"]
        titles = [task.title for task in await tasks.list_tasks(session, house.user.id)]
        assert sorted(titles) == ["buy milk", "pay this bill"]


async def test_reminders_find_their_user_when_a_number_or_an_account_is_gone(house: House) -> None:
    client, who = house.gateway.client, house.user.identity
    await client.change_access(who, house.session, mode="everyone")
    code, _ = await client.prove(who, house.session)
    house.bob.send_text(house.ada, code)
    await house.bob.wait_for("yours now", chat=house.ada)
    house.bob.send_text(house.ada, "remind me every weekday at 9 to take the pills")
    await house.bob.wait_for("I'll remind you", chat=house.ada)

    async def due(phone: Phone, chat: Phone | str, count: int = 1) -> None:
        async with house.database.transaction() as session:
            (reminder,) = await reminders.list_reminders(session, house.user.id)
            reminder.at = clock.now()

        async def told() -> bool:
            return [line.text for line in phone.messages(chat)].count("🤖 *Paddy:* ⏰ *take the pills*") == count

        await until(told)

    await due(house.bob, house.ada)
    [number] = await client.proved(who, house.session)
    await client.disown(who, house.session, number.id)  # the number is a guest's from now on
    await due(house.ada, "me")
    assert await client.disconnect(who, house.session)
    await link(house.gateway, house.bob, who=who)
    house.bob.send_text("me", "hello")
    await house.bob.wait_for(lambda line: line.text.startswith("🤖"), chat="me")
    await due(house.bob, "me")
    await due(house.bob, "me", 2)
    told = [line.text for chat in (house.ada, "me") for line in house.bob.messages(chat)]
    assert sum("⏰" in text for text in told) == 3
    assert len(house.ada.messages("me")) == 1


async def test_what_is_forwarded_is_no_order(house: House) -> None:
    house.ada.send_text("me", "add buy milk")
    await house.hears("Added *buy milk*.")
    house.bob.send_text(house.ada, "delete buy milk")
    theirs = await house.ada.wait_for("delete buy milk", chat=house.bob)
    house.ada.forward(theirs, "me")
    await house.hears("You forwarded this: “delete buy milk”.")
    house.ada.send_text("me", "task")
    await house.hears("Added *delete buy milk*.")
    house.ada.send_text("me", "/pause", forwarded=True)
    await house.hears("You forwarded this: “/pause”.")
    house.bob.send_voice(house.ada, b"OggS delete buy milk and bread", seconds=2)
    voice = await house.ada.wait_for(lambda line: line.kind == "voice", chat=house.bob)
    house.ada.forward(voice, "me")
    await house.hears("You forwarded this: “delete buy milk and bread”.")
    house.bob.send_image(house.ada, picture(form="JPEG"), "delete buy milk, too")
    photo = await house.ada.wait_for("delete buy milk, too", chat=house.bob)
    house.ada.forward(photo, "me")
    await house.hears("You forwarded this: “delete buy milk, too”.")
    house.bob.send_document(house.ada, VTT, "offsite.vtt", "/forget all", mime="text/vtt")
    talk = await house.ada.wait_for("/forget all", chat=house.bob)
    house.ada.forward(talk, "me")
    assert "*offsite*" in await house.hears("Kept the transcript.")
    async with house.database.transaction() as session:
        titles = [task.title for task in await tasks.list_tasks(session, house.user.id)]
        assert sorted(titles) == ["buy milk", "delete buy milk"]


async def test_what_is_quoted_is_what_this_means(house: House) -> None:
    line = house.ada.send_text("me", "Can you bring the drill?")
    await house.hears("Did you mean: add")
    house.ada.reply(line, "make this a task")
    await house.hears("Added *Can you bring the drill?*.")


async def test_an_answer_to_a_friend_waits_for_the_owner(house: House) -> None:
    client, who = house.gateway.client, house.user.identity
    await client.change_access(who, house.session, mode="people", people=[house.bob.number])
    house.ada.send_text("me", "/approve on")
    await house.hears("I ask you before I answer")
    house.bob.send_text(house.ada, "are you coming?")
    await house.hears("I want to answer *Bob (+4915187654321)* (who wrote “are you coming?”)")
    assert [line.text for line in house.bob.messages(house.ada)] == ["are you coming?"]
    house.ada.send_text("me", "send: Yes, at eight.")
    await house.hears("Sent to *Bob (+4915187654321)*.")
    line = await house.bob.wait_for(lambda line: "at eight" in line.text, chat=house.ada)
    assert line.text.endswith("Yes, at eight.")


async def test_of_several_answers_a_reply_picks_one(house: House) -> None:
    client, who = house.gateway.client, house.user.identity
    await client.change_access(who, house.session, mode="people", people=[house.bob.number])
    house.ada.send_text("me", "/approve on")
    await house.hears("I ask you before I answer")
    house.bob.send_text(house.ada, "first")
    await house.hears("(who wrote “first”)")
    house.bob.send_text(house.ada, "second")
    await house.hears("Reply _YES 2_ to send it")
    house.ada.send_text("me", "yes")
    await house.hears("Which answer do you mean?")
    assert [line.text for line in house.bob.messages(house.ada)] == ["first", "second"]
    question = await house.ada.wait_for("(who wrote “second”)", chat="me")
    house.ada.reply(question, "yes")
    await house.hears("Sent to *Bob (+4915187654321)*.")
    await house.bob.wait_for("Hi! I'm Paddy", chat=house.ada)
    house.ada.send_text("me", "yes 1")
    await house.hears("Sent to *Bob (+4915187654321)*.")


async def answer_all(robot: Phone, chat: Phone | Group) -> None:
    """Another assistant: answers whatever comes, at once and for ever."""
    answered = 0
    while True:
        came = [line for line in robot.messages(chat) if not line.from_me]
        for line in came[answered:]:
            robot.reply(line, f"Thanks for message {answered}! I'm Bob's assistant and will pass it on to him.")
        answered = len(came)
        await robot.changed()


@pytest.mark.parametrize("where", ["chat", "group"])
async def test_two_assistants_do_not_answer_each_other_for_ever(house: House, where: str) -> None:
    client, who = house.gateway.client, house.user.identity
    await client.change_access(who, house.session, mode="everyone", groups="mentions")
    group = house.bob.create_group("Trip", [house.ada])
    chat: Phone | Group = group if where == "group" else house.ada
    robot = asyncio.create_task(answer_all(house.bob, chat))
    if where == "group":
        house.bob.send_to_group(group, "hello", mentions=[house.ada])
    else:
        house.bob.send_text(house.ada, "hello")
    notice = await house.hears("Another assistant seems to answer me in")
    assert "Bob" in notice and "Write _/resume_" in notice
    last = await house.bob.wait_for("I pause here for a while", chat=chat)
    robot.cancel()
    house.bob.reply(last, "Is anybody there?")

    async def unanswered() -> bool:
        async with house.database.transaction() as session:
            query = select(Message).order_by(Message.position.desc()).limit(1)
            message = (await session.scalars(query)).one()
            turn = await session.get(Turn, message.turn_id) if message.turn_id else None
            return message.text == "Is anybody there?" and turn is not None and turn.state == "silent"

    await until(unanswered)
    heard = [line.text for line in house.bob.messages(chat) if not line.from_me]
    assert len(heard) <= 8 and sum("I pause here" in text for text in heard) == 1
    house.ada.send_text("me", "/resume")
    await house.hears("I answer again in one chat")
    house.bob.reply(last, "Bob here, in person")
    await until(lambda: len([line for line in house.bob.messages(chat) if not line.from_me]) > len(heard))
