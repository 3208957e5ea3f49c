"""From phone to Paddy and back, through the real client, gateway and app: files, and answers that wait for a YES."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from filemaking import pdf, picture
from gateways import SECRET, Gateway, StartGateway, link
from listening import TranscriptionServer
from serving import serving

from exponential.app import service
from exponential.auth.users import User
from exponential.database import Database
from exponential.http.server import bind
from exponential.loopback.phone import Phone
from exponential.loopback.server import Loopback
from exponential.settings import AppSettings, read
from exponential.workspace import meetings, tasks

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
    with bind("127.0.0.1", 0) as taken:
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
                board = app.state.exponential.board
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


async def test_an_answer_to_a_friend_waits_for_the_owner(house: House) -> None:
    client, who = house.gateway.client, house.user.identity
    await client.change_access(who, house.session, mode="people", people=[house.bob.number])
    house.ada.send_text("me", "/approve on")
    await house.hears("I ask you before I answer")
    house.bob.send_text(house.ada, "are you coming?")
    await house.hears("I want to answer *Bob* (who wrote “are you coming?”)")
    assert [line.text for line in house.bob.messages(house.ada)] == ["are you coming?"]
    house.ada.send_text("me", "send: Yes, at eight.")
    await house.hears("Sent to *Bob*.")
    line = await house.bob.wait_for(lambda line: "at eight" in line.text, chat=house.ada)
    assert line.text.endswith("Yes, at eight.")
