"""A channel is one module: here one that prints to files. What Paddy says, shows or keeps there goes through it."""

import asyncio
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from support.app.running_app import House, MakeHouse
from support.waiting import until

from exponential.assistant import approvals, conversation
from exponential.assistant.channels import registry
from exponential.assistant.channels.base import OWN_CHAT, Channel, Place, Reply, Sent
from exponential.assistant.conversation import Incoming
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import Database
from exponential.core.errors import Unavailable
from exponential.workspace.reminders import Reminder


class Printer(Channel):
    """Prints what goes to an account's chats to the file of that name, a line each."""

    name = "printer"
    label = "Printer"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.has_paper = True
        self.refused = 0
        self.scanned: asyncio.Queue[str] = asyncio.Queue()
        self.printed: set[str] = set()  # keys

    def lines(self, account: str = "hall") -> list[list[Any]]:
        file = self.folder / account
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def said(self, address: str) -> list[str]:
        return [words for where, what, words in self.lines() if (where, what) == (address, "said")]

    def _print(self, place: Place, what: str, words: Any) -> None:
        with (self.folder / place.account).open("a") as file:
            file.write(json.dumps([place.address, what, words]) + "\n")

    async def run(self, database: Database) -> None:
        """What is scanned was written by the one user, at the scanner."""
        while True:
            text, place = await self.scanned.get(), {"account": "hall", "address": "scanner"}
            async with database.transaction() as session:
                user = (await session.scalars(select(User))).one()
                message_id = str(clock.new_id())
                await conversation.receive(session, Incoming(user.id, self.name, text, external_id=message_id, **place))

    def render(self, markdown: str) -> list[str]:
        return [part.upper() for part in markdown.split("\n\n")]

    async def send(self, reply: Reply) -> Sent | None:
        if not self.has_paper:
            self.refused += 1
            raise Unavailable("There is no paper.")
        if reply.place.account == "jammed":
            raise Unavailable("The paper is stuck.")
        if reply.place.account == "burnt":
            return None
        for text, key in zip(reply.texts, reply.keys, strict=True):
            if key not in self.printed:
                self._print(reply.place, "said", f"{reply.quoted}> {text}" if reply.quoted else text)
                self.printed.add(key)
        return Sent(reply.keys[-1], clock.now())

    async def typing(self, user: User, place: Place, on: bool) -> None:
        self._print(place, "typing", on)

    async def read(self, user: User, place: Place, message_ids: Sequence[str]) -> None:
        self._print(place, "read", list(message_ids))

    async def react(self, user: User, place: Place, message_id: str, emoji: str) -> bool:
        self._print(place, "reacted", [message_id, emoji])
        return True

    async def accounts(self, user: User) -> Sequence[str]:
        return ["hall"]

    async def export(self, user: User) -> Sequence[Any]:
        return self.lines()

    async def erase(self, user: User) -> None:
        (self.folder / "hall").unlink()


@pytest.fixture
def printer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Printer:
    made = Printer(tmp_path)
    monkeypatch.setattr(registry, "CHANNELS", (*registry.CHANNELS, lambda settings: made))
    return made


@pytest.fixture
async def printing(printer: Printer, make_house: MakeHouse) -> AsyncIterator[House]:
    async with make_house() as house:
        yield house


class Writer:
    """Somebody who writes to Alice's Paddy by the printer."""

    def __init__(self, house: House, printer: Printer, alice: User) -> None:
        self.house, self.printer, self.alice, self._count = house, printer, alice, 0

    async def writes(self, text: str, address: str = "desk", account: str = "hall", **more: Any) -> None:
        self._count += 1
        place = {"account": account, "address": address, "external_id": f"m{self._count}"}
        async with self.house.database.transaction() as session:
            await conversation.receive(session, Incoming(self.alice.id, Printer.name, text, **place, **more))

    async def hears(self, words: str, address: str = "desk") -> None:
        await until(lambda: self._has_heard(words, address))

    async def _has_heard(self, words: str, address: str) -> bool:
        return any(words in text for text in self.printer.said(address))


@pytest.fixture
async def writer(printing: House, printer: Printer) -> Writer:
    return Writer(printing, printer, await printing.user())


async def test_an_answer_is_rendered_and_sent_and_so_is_what_is_seen_before_it(
    writer: Writer, printer: Printer
) -> None:
    await writer.writes("add buy milk tomorrow")
    await writer.hears("ADDED **BUY MILK**, DUE TOMORROW.")

    async def is_over() -> bool:
        return ["desk", "reacted", ["m1", ""]] in printer.lines()

    await until(is_over)
    assert [line for line in printer.lines() if line[1] != "said"] == [
        ["desk", "typing", True],
        ["desk", "read", ["m1"]],
        ["desk", "reacted", ["m1", "👀"]],
        ["desk", "typing", False],
        ["desk", "reacted", ["m1", ""]],
    ]


async def test_in_a_group_the_answer_quotes(writer: Writer) -> None:
    await writer.writes("hello", "canteen", role="guest", sender_name="Bob", is_group=True)
    await writer.hears("m1> HI! I'M PADDY", "canteen")


async def test_what_could_not_be_sent_is_sent_later_and_once(writer: Writer, printer: Printer) -> None:
    printer.has_paper = False
    await writer.writes("add buy milk")

    async def was_refused() -> bool:
        return printer.refused > 0

    await until(was_refused)
    await writer.writes("add buy bread")
    printer.has_paper = True
    await writer.hears("BREAD")
    assert [words.split("**")[1] for words in printer.said("desk")] == ["BUY MILK", "BUY BREAD"]


async def test_where_it_cannot_be_sent_now_holds_up_no_other_place(writer: Writer) -> None:
    async with writer.house.database.transaction() as session:
        for number, account in enumerate(("jammed", "hall")):
            place = {"account": account, "address": "desk", "external_id": f"b{number}"}
            await conversation.receive(session, Incoming(writer.alice.id, Printer.name, "add buy milk", **place))
    await writer.hears("MILK")


async def test_it_takes_messages_in_by_itself(writer: Writer, printer: Printer) -> None:
    printer.scanned.put_nowait("add buy milk")
    await writer.hears("MILK", "scanner")


async def test_pages_name_it(writer: Writer) -> None:
    await writer.writes("add buy milk")
    await writer.hears("MILK")
    await writer.writes("hello", "bobs", role="guest", sender_handle="ext. 12")
    await writer.hears("HI!", "bobs")
    async with writer.house.signed_in(writer.alice) as client:
        assert "Printer" in (await client.get("/chat")).text
        assert "from Printer" in (await client.get("/settings/activity")).text
        chats = (await client.get("/chats")).text
        assert "ext. 12" in chats
        (guests,) = set(re.findall(r'href="(/chat/[^"]+)"', chats))
        assert "Guest on Printer, read-only" in (await client.get(guests)).text


async def test_a_reminder_is_said_where_it_was_asked_for_or_where_its_user_can_be_reached(writer: Writer) -> None:
    await writer.writes("remind me tomorrow at 9 to call mom")
    await writer.hears("CALL MOM")
    await writer.writes("remind me tomorrow at 9 to call dad", account="burnt")
    await until(lambda: _count(writer.house, 2))
    async with writer.house.database.transaction() as session:
        await session.execute(update(Reminder).values(at=clock.now() - timedelta(seconds=1)))
    await writer.hears("⏰ **CALL MOM**")
    await writer.hears("⏰ **CALL DAD**")


async def _count(house: House, count: int) -> bool:
    async with house.database.transaction() as session:
        return len((await session.scalars(Reminder.__table__.select())).all()) == count


async def test_the_owner_is_asked_there_before_others_are_answered(writer: Writer, printer: Printer) -> None:
    async with writer.house.database.transaction() as session:
        await approvals.require(session, writer.alice.id, True)
    await writer.writes("are you coming?", "bobs", role="guest", sender_name="Bob", sender_handle="ext. 12")
    await writer.hears("I WANT TO ANSWER **BOB (EXT. 12)**", OWN_CHAT)
    assert printer.said("bobs") == []
    await writer.writes("yes", OWN_CHAT)
    await writer.hears("HI! I'M PADDY", "bobs")


async def test_it_exports_and_erases(writer: Writer, printer: Printer) -> None:
    await writer.writes("hello")
    await writer.hears("HI")
    async with writer.house.signed_in(writer.alice) as client:
        export = zipfile.ZipFile(io.BytesIO((await client.get("/settings/data/export")).content))
        assert ["desk", "typing", True] in json.loads(export.read("printer.json"))
        erased = await client.post("/settings/data/erase", data={"confirm": writer.alice.email})
        assert erased.headers["location"] == "/erased"
    assert printer.lines() == []
