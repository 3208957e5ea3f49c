"""A transcript is the same meeting whichever way it comes: uploaded, handed in by a program, or sent on WhatsApp."""

import asyncio
import json
from uuid import UUID

import pytest
from support.app.programs import bearer
from support.app.running_app import House
from support.sample_files import docx, pdf
from support.waiting import until

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.assistant.files.attachments import attachment
from exponential.auth.users import User
from exponential.core import clock, sandbox
from exponential.workspace.meetings import meetings

TALK = "Anna: Grüße aus Köln, we talk about pricing.\nAnna: We decided to wait.\nBob: I'll tell Tom by Friday."
SAID = [
    ("Anna", "Grüße aus Köln, we talk about pricing."),
    ("Anna", "We decided to wait."),
    ("Bob", "I'll tell Tom by Friday."),
]
JSON = json.dumps([{"speaker": speaker, "text": text} for speaker, text in SAID])
BROKEN = docx(*TALK.split("\n"))[:-40]
READ = {
    "UTF-8": (TALK.encode(), "talk.txt"),
    "Windows-1252": (TALK.encode("cp1252"), "talk.txt"),
    "UTF-16": (TALK.encode("utf-16"), "talk.txt"),
    "UTF-16LE without a mark": (TALK.encode("utf-16-le"), "talk.txt"),
    "UTF-16BE without a mark": (TALK.encode("utf-16-be"), "talk.txt"),
    "Word": (docx(*TALK.split("\n")), "talk.docx"),
    "JSON": (JSON.encode(), "talk.json"),
    "JSON with a mark": (b"\xef\xbb\xbf" + JSON.encode(), "talk.json"),
}
REFUSED = {
    "a Word file cut off": (BROKEN, "talk.docx"),
    "text named .docx": (TALK.encode(), "talk.docx"),
    "text named .pdf": (TALK.encode(), "talk.pdf"),
    "JSON cut off": (JSON[:-20].encode(), "talk.json"),
    "no JSON": (b"{oops", "talk.json"),
    "an endless number": (b'[{"speaker": "Anna", "text": "hello", "start": 1e999}]', "talk.json"),
    "a number that is none": (b'[{"speaker": "Anna", "text": "hello", "start": NaN}]', "talk.json"),
    "zeros": (b"\x00" * 200, "talk.txt"),
    "noise": (bytes(range(256)) * 4, "talk.txt"),
    "a scan": (pdf("")[:200], "talk.pdf"),
}


async def _kept(house: House, user: User) -> list[list[tuple[str | None, str]]]:
    """What was said in each of the user's meetings."""
    async with house.database.transaction() as session:
        found = await meetings.list_meetings(session, user.id)
        return [[(line.speaker, line.text) for line in await meetings.lines(session, one)] for one in found]


async def _upload(house: House, user: User, data: bytes, name: str) -> bool:
    async with house.signed_in(user) as page:
        return (await page.post("/meetings", files={"file": (name, data)})).status_code == 303


async def _hand_in(house: House, user: User, data: bytes, name: str) -> bool:
    async with house.client(**await bearer(house, user)) as recorder:
        answer = await recorder.post("/api/meetings", files={"file": (name, data)})
        assert answer.status_code < 500, answer.text
        return answer.status_code == 201


async def _send(house: House, user: User, data: bytes, name: str) -> bool:
    message = Incoming(
        user.id,
        "whatsapp",
        "transcript of our meeting",
        account="s",
        address="me@lid",
        external_id=str(clock.new_id()),
        attachments=(attachment(name, "application/octet-stream", data),),
    )
    async with house.database.transaction() as session:
        received = await conversation.receive(session, message)
    return "Kept the transcript" in await _reply(house, received.chat_id)


async def _reply(house: House, chat_id: UUID) -> str:
    async def said() -> str:
        async with house.database.transaction() as session:
            if await conversation.is_answering(session, chat_id):
                return ""
            return (await conversation.history(session, chat_id))[-1].text

    return str(await until(said))


@pytest.mark.parametrize("name", READ)
async def test_it_is_kept_whichever_way_it_comes(house: House, name: str) -> None:
    alice = await house.user()
    for way in (_upload, _hand_in, _send):
        assert await way(house, alice, *READ[name]), way.__name__
    assert await _kept(house, alice) == [SAID] * 3


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_whichever_way_it_comes(house: House, name: str) -> None:
    alice = await house.user()
    for way in (_upload, _hand_in, _send):
        assert not await way(house, alice, *REFUSED[name]), way.__name__
    assert await _kept(house, alice) == []


async def test_what_a_program_hands_in_waits_for_its_own_alone(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with sandbox.slot(sandbox.programs(alice.id)):  # as while another transcript of hers is read
        handing = asyncio.create_task(_hand_in(house, alice, *READ["UTF-8"]))
        assert await _upload(house, alice, *READ["UTF-8"])
        assert await _hand_in(house, bob, *READ["UTF-8"])
        assert not handing.done()
    assert await handing
