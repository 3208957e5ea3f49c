"""The state folder: everything that a server knows comes back, what can't be read is said, nothing is forgotten."""

import asyncio
import json
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

from exponential.core.errors import ConfigurationError
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server import device_lists
from exponential.loopback.server.directory import Device
from exponential.loopback.server.server import Loopback
from exponential.loopback.state import folder, schema
from exponential.loopback.state.json_values import attributes, plain
from exponential.loopback.state.rows import kept
from exponential.loopback.testing import until
from exponential.protocol.binary import JID, Node

ALICE, BOB, CARLA = "+4915110000001", "+4915110000002", "+4915110000003"


def everything(server: Loopback) -> list[tuple[str, Any, Any]]:
    return [
        (part.name, key, attributes(value, part.kind) if isinstance(part.kind, dict) else plain(value))
        for part in schema.PARTS
        for key, value in part.rows(server)
    ]


def phones(server: Loopback) -> dict[str, Phone]:
    return {phone.number: phone for phone in server.phones}


async def test_everything_comes_back(tmp_path: Path) -> None:
    async with Loopback(tmp_path) as first:
        alice, bob, carla = (first.add_phone(number) for number in (ALICE, BOB, CARLA))
        alice.account.passkey = True
        group = alice.create_group("Alpha", [bob, carla])
        await asyncio.sleep(0)
        carla.go_offline()
        line = alice.send_text(bob, "hello \u202e<b>")
        await bob.wait_for("hello", chat=alice)
        bob.react(bob.messages(alice)[0], "👍")
        bob.send_image(alice, b"picture", "look")
        await alice.wait_for("look", chat=bob)
        alice.set_disappearing(bob, 86_400)
        alice.send_to_group(group, "all of you")
        await bob.wait_for("all of you", chat=group)
        await until(alice, lambda: alice.messages(group)[0].status == "delivered")
        carla_waits = list(carla.account.devices[0].waiting)
        before = everything(first)
    assert carla_waits
    assert {name for name, _, _ in before} == {part.name for part in schema.PARTS}
    async with Loopback(tmp_path) as again:
        assert everything(again) == before
        alice, bob, carla = (phones(again)[number] for number in (ALICE, BOB, CARLA))
        assert alice.messages(bob)[0].id == line.id
        assert alice.messages(bob)[0].reactions == {BOB: "👍"}
        assert alice.open_file(alice.messages(bob)[1]) == b"picture"
        carla.go_online()
        await carla.wait_for("all of you", chat=again.groups[group.jid])
        for text in ("after it", "and on"):
            bob.send_text(alice, text)
            await alice.wait_for(text, chat=bob)
            bob.send_to_group(again.groups[group.jid], text)
            await carla.wait_for(text, chat=again.groups[group.jid])


def on_file(server: Loopback) -> dict[tuple[str, str], Any]:
    assert server._state
    rows = server._state._file.execute("SELECT part, key, value FROM kept").fetchall()
    return {(part, key): json.loads(value) for part, key, value in rows}


async def saved(server: Loopback) -> None:
    """What a save has written of the changes is what a look at everything finds, when all that was sent has arrived."""
    for _ in range(5):
        await asyncio.sleep(0)
        server.save()
        now = {(part, json.dumps(key)): value for part, key, value in everything(server)}
        assert on_file(server) == now


async def test_each_change_is_saved(tmp_path: Path) -> None:
    """A save looks at what was marked as changed alone: whatever changes a row must mark it."""
    async with Loopback(tmp_path) as whatsapp:
        alice, bob, carla = (whatsapp.add_phone(number) for number in (ALICE, BOB, CARLA))
        group = alice.create_group("Alpha", [bob])
        await saved(whatsapp)
        line, voice = alice.send_text(bob, "hello"), alice.send_voice(bob, b"voice", seconds=1)
        await saved(whatsapp)
        read = {heard.id: heard for heard in bob.messages(alice)}
        steps: list[Callable[[], object]] = [
            lambda: bob.mark_read(alice),
            lambda: bob.mark_played(read[voice.id]),
            lambda: bob.react(read[line.id], "👍"),
            lambda: bob.react(read[line.id], ""),
            lambda: bob.reply(read[line.id], "hello again"),
            lambda: alice.edit(line, "hello you"),
            lambda: alice.revoke(line),
            lambda: alice.send_location(bob, 52.5, 13.4, "here"),
            lambda: alice.send_contact(bob, "Carla", CARLA),
            lambda: alice.send_document(bob, b"words", "words.txt"),
            lambda: alice.set_disappearing(bob, 86_400),
            lambda: alice.send_to_group(group, "one"),
            lambda: bob.send_to_group(group, "two"),
            lambda: bob.lose_sender_keys(group),
            lambda: alice.send_to_group(group, "asked for"),
            lambda: alice.add_to_group(group, carla),
            lambda: alice.miss_sender_key(group, carla.account.devices[0]),
            lambda: alice.send_to_group(group, "three"),
            carla.go_offline,
            lambda: alice.send_text(carla, "later"),
            lambda: alice.send_to_group(group, "later"),
            carla.go_online,
            lambda: alice.remove_from_group(group, carla),
            lambda: alice._book.forget(str(bob.account.devices[0].lid)),
            lambda: alice.send_text(bob, "a new session"),
            lambda: alice.rename("Alicia"),
            alice.appear,
            lambda: alice.appear(False),
        ]
        for step in steps:
            step()
            await saved(whatsapp)


async def test_an_unlinked_device_goes_with_all_that_was_its(tmp_path: Path) -> None:
    async with Loopback(tmp_path) as whatsapp:
        account = whatsapp.add_phone(ALICE).account
        for id in (1, 11):
            account.devices[id] = Device(account, id, b"", 1, 1, b"", b"")
            account.devices[id].one_time.update({1: b"one", 2: b"two"})
            account.devices[id].put(Node("message", {"id": "waits"}))
        await saved(whatsapp)
        device_lists.remove(whatsapp, account.devices[1])
        await saved(whatsapp)
        assert ("pre_key", json.dumps([ALICE[1:], 11, 1])) in on_file(whatsapp)


async def test_a_save_looks_at_what_has_changed_and_not_at_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    convert = folder._text
    monkeypatch.setattr(folder, "_text", lambda part, row: looked_at.append(part.name) or convert(part, row))

    async def look() -> list[str]:
        """What a save looks at after one message, which has arrived."""
        whatsapp.save()
        looked_at.clear()
        sent = alice.send_text(bob, "one more")
        await until(alice, lambda: sent.status == "delivered")
        whatsapp.save()
        return sorted(looked_at)

    async with Loopback(tmp_path) as whatsapp:
        alice, bob = whatsapp.add_phone(ALICE), whatsapp.add_phone(BOB)
        few = await look()
        for number in range(300):
            last = alice.send_text(bob, f"line {number}")
        await until(alice, lambda: last.status == "delivered")
        assert len(await look()) <= len(few)
    assert few.count("line") == 2, "hers and his"


async def test_what_has_gone_stays_away(tmp_path: Path) -> None:
    async with Loopback(tmp_path) as first:
        alice, bob = first.add_phone(ALICE), first.add_phone(BOB)
        bob.go_offline()
        alice.send_text(bob, "later")
        first.save()
        bob.go_online()
        await bob.wait_for("later", chat=alice)
        assert not bob.account.devices[0].waiting
    async with Loopback(tmp_path) as again:
        assert not phones(again)[BOB].account.devices[0].waiting
        assert [line.text for line in phones(again)[BOB].messages(ALICE)] == ["later"]


# What a phone and its parts have besides what is kept, and besides each other.
PASSING = {
    "Phone.number",  # the account's
    "Phone.presence",
    "ChatHistory.chats",  # the lines again
    "ChatHistory.typing",
    "ChatHistory.recording",
    "ChatHistory.news",
    "Encryption._asked_for",
}


async def test_each_attribute_of_a_phone_is_kept_or_said_to_pass() -> None:
    async with Loopback() as whatsapp:
        parts: list[Any] = [whatsapp.add_phone(ALICE)]
        tables = [
            id(rows) for part in schema.PARTS if isinstance(part, schema.Table) for _, rows in part.tables(whatsapp)
        ]
    passing = set()
    for part in parts:  # which grow meanwhile
        attributes = kept(type(part)) if is_dataclass(part) else {}
        assert not attributes or attributes in [row.kind for row in schema.PARTS]
        for name in vars(part).keys() - attributes.keys():
            value = getattr(part, name)
            room = type(value).__module__.removeprefix("exponential.loopback.").partition(".")[0]
            if room == "phones" and value not in parts:
                parts.append(value)
            elif room not in ("phones", "server") and id(value) not in tables:
                passing.add(f"{type(part).__name__}.{name}")
    assert {type(part).__name__ for part in parts} > {"Phone", "Keys", "SessionBook", "SenderKeyBook"}
    assert passing == PASSING, "say in its class that it is kept, or here that it passes"


async def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    async with Loopback(tmp_path) as whatsapp:
        whatsapp.add_phone(ALICE)
        whatsapp.save()
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    open_to_others = {name for name, mode in files.items() if mode & 0o077}
    assert open_to_others == {"ca.pem", "server.pem"}
    assert {"ca.key", "whatsapp.sqlite"} < set(files)


async def test_a_folder_is_used_by_one_at_a_time(tmp_path: Path) -> None:
    async with Loopback(tmp_path):
        with pytest.raises(ConfigurationError, match=r"can't be opened \(database is locked\). Stop what else uses"):
            Loopback(tmp_path)


async def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    async with Loopback(tmp_path) as whatsapp:
        whatsapp.add_phone(ALICE)
    with sqlite3.connect(tmp_path / folder.FILE) as file:
        file.execute("""UPDATE kept SET value = '{"identity": 7}' WHERE part = 'keys'""")
    file.close()
    with pytest.raises(ConfigurationError, match=r"can't be read .* Remove it to start anew"):
        await Loopback(tmp_path).__aenter__()
    (tmp_path / "other").mkdir()
    with sqlite3.connect(tmp_path / "other" / folder.FILE) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(ConfigurationError, match="of another version"):
        Loopback(tmp_path / "other")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / folder.FILE).write_text("not a database, " * 100, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="can't be opened"):
        Loopback(tmp_path / "text")


def test_what_has_no_plain_form_is_refused() -> None:
    assert plain(JID("1", device=2)) == "1:2@s.whatsapp.net"
    with pytest.raises(TypeError, match="object has no plain form"):
        plain(object())
