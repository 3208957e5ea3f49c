"""What an earlier version left behind is read whole, goes on where it stopped, and is as good as new.

Each folder v*/ beside this file was recorded by that version (support/upgrade/record.py says how, and what is in it):
people's data, keys of its own, and work that a kill interrupted at every stage. A version that fails here loses
somebody's data.
"""

import base64
import io
import json
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.embedded_postgres import reachable_folder
from support.upgrade.installation import ADA, BEN, BENS_OTHER_PHONE, CARA, DAN, DATABASES, EVA, Installation, until

RECORDED = sorted(Path(__file__).parent.glob("v*"))
# Files of an export whose rows expire, and columns that change while an installation does nothing but run.
EXPIRING = {"invites.json", "sign_in_links.json", "web_sessions.json"}
GOES_ON = {
    "access_tokens.json": {"used_at"},
    "briefings.json": {"said_on"},
    "chats.json": {"summary", "summarised_until"},
    "reminders.json": {"at", "sent_at"},
}

# What columns were called before: a session's id and a JID, when WhatsApp was the only channel.
RENAMED = {"session_id": "account", "jid": "address"}


@dataclass
class Upgraded:
    """The recorded installation, run by today's version. `ada` and `ben` are signed-in browsers."""

    place: Installation
    folder: Path
    story: dict[str, Any]
    ada: httpx.Client
    ben: httpx.Client

    def tasks(self, browser: httpx.Client) -> list[str]:
        """The titles of all tasks, deleted ones excepted."""
        return [task["title"] for task in json.loads(export(browser).read("tasks.json"))]

    def until_connected(self) -> None:
        """Wait until both linked phones are online."""
        for_ada, for_ben = self.story["ada_session"], self.story["ben_session"]
        until(lambda: sessions(self.ada)[for_ada]["connected"] and sessions(self.ben)[for_ben]["connected"])


def sessions(browser: httpx.Client) -> dict[str, dict[str, Any]]:
    """The WhatsApp sessions of whoever is signed in, by their ids."""
    return {each["sessionId"]: each for each in browser.get("/api/whatsapp").json()["sessions"]}


def export(browser: httpx.Client) -> zipfile.ZipFile:
    """All that is kept of whoever is signed in."""
    return zipfile.ZipFile(io.BytesIO(browser.get("/settings/data/export").raise_for_status().content))


@pytest.fixture(scope="module", params=RECORDED, ids=lambda folder: folder.name)
def upgraded(request: pytest.FixtureRequest) -> Iterator[Upgraded]:
    folder: Path = request.param
    with reachable_folder() as work:
        shutil.copytree(folder / "data", work / "data")
        for secret in ("auth-secret", "encryption-key"):  # git forgets who may read a file
            (work / "data" / secret).chmod(0o600)
        story = json.loads((folder / "story.json").read_text(encoding="utf-8"))
        place = Installation(work / "data", work)
        try:
            for database in DATABASES:
                place.restore(database, folder / f"{database.removeprefix('exponential_')}.dump")
            place.start_gateway(WHATSAPP_PARK_AFTER="1000000")  # hours: what waits here gets older every day
            place.start_app()
            with place.browser() as ada, place.browser() as ben:
                for browser, name in ((ada, "ada"), (ben, "ben")):
                    form = {"email": f"{name}@example.org", "password": story[f"{name}_password"]}
                    assert browser.post("/sign-in", data=form).raise_for_status().url.path == "/chat"
                yield Upgraded(place, folder, story, ada, ben)
        finally:
            place.close()


@pytest.mark.parametrize("name", ["ada", "ben"])
def test_every_record_is_what_it_was(upgraded: Upgraded, name: str) -> None:
    browser = upgraded.ada if name == "ada" else upgraded.ben
    before = zipfile.ZipFile(upgraded.folder / f"{name}.zip")
    now = export(browser)
    waiting = {send["turn_id"] for send in json.loads(before.read("pending_sends.json")) if send["state"] == "waiting"}
    compared = 0
    for file in before.namelist():
        if file.startswith("files/"):
            assert now.read(file) == before.read(file)
        elif file.endswith(".json") and file not in EXPIRING | {"whatsapp.json"}:
            rows = [_lasting(file, row) for row in json.loads(now.read(file))]
            for row in json.loads(before.read(file)):
                if waiting & {row.get("id"), row.get("turn_id")}:
                    continue  # an answer that nobody approves in time is taken out of the conversation
                assert any(_lasting(file, row).items() <= each.items() for each in rows), f"{file}: {row}"
                compared += 1
    assert compared >= (200 if name == "ada" else 15)


def _lasting(file: str, row: dict[str, Any]) -> dict[str, str]:
    going_on = GOES_ON.get(file, set())
    return {RENAMED.get(key, key): json.dumps(value) for key, value in row.items() if key not in going_on}


def test_what_came_from_whatsapp_is_known_as_that(upgraded: Upgraded) -> None:
    kept = export(upgraded.ada)
    contacts = [chat for chat in json.loads(kept.read("chats.json")) if chat["kind"] == "contact"]
    assert CARA in {chat["handle"] for chat in contacts}
    for chat in contacts:
        number, _, server = chat["address"].partition("@")
        assert chat["channel"] == "whatsapp" and chat["is_group"] == (server == "g.us")
        assert chat["handle"] == (f"+{number}" if server == "s.whatsapp.net" else None)
    messages = json.loads(kept.read("messages.json"))
    heard = [message for message in messages if message["address"] and message["role"] == "user"]
    assert all(message["is_group"] == ("g.us" in message["address"]) for message in heard)
    assert CARA in {message["sender_handle"] for message in heard}
    assert {message["sender_handle"] for message in messages if message["role"] == "assistant"} == {None}
    assert {place["channel"] for place in json.loads(kept.read("reminder_places.json"))} == {"whatsapp"}


def test_what_was_kept_in_clear_is_gone_from_the_tables_and_their_files(upgraded: Upgraded) -> None:
    kept = ["pay rent", "buy milk", "pricing sync", "Alpha", "ada@example.org", "ben@example.org", "meeting recorder"]
    numbers = [number.lstrip("+") for number in (ADA, BEN, BENS_OTHER_PHONE, CARA, EVA)]
    for database in DATABASES:
        for table, stored in upgraded.place.stored(database).items():
            found = [word for word in kept + numbers if word.encode() in stored]
            assert not found, f"{table} holds {found}"


def test_linked_phones_come_back_without_a_scan(upgraded: Upgraded) -> None:
    story = upgraded.story
    upgraded.until_connected()
    adas = sessions(upgraded.ada)
    assert adas[story["ada_session"]]["phoneNumber"] == ADA
    assert sessions(upgraded.ben)[story["ben_session"]]["phoneNumber"] == BEN
    unlinked = adas[story["unlinked_session"]]
    assert (unlinked["phoneNumber"], unlinked["connected"], unlinked["statusCode"]) == (EVA, False, "logged_out")


def test_interrupted_work_is_finished_once(upgraded: Upgraded) -> None:
    phones = upgraded.place.phones
    for chat, number, words in [
        ("me", ADA, "Added water the plants"),
        ("me", ADA, "Added feed the cat"),
        (ADA, CARA, "The parcel has arrived."),
        (ADA, CARA, "It is heavy."),
    ]:
        phones.answer(number, words, chat=chat)
        assert sum(words in text.replace("*", "") for text in phones.answers(number, chat)) == 1
    assert upgraded.tasks(upgraded.ada).count("Order printer paper") == 1


def test_a_message_that_was_set_aside_can_still_be_handed_over(upgraded: Upgraded) -> None:
    assert upgraded.place.run("retry") == "1 message will be handed over again."
    upgraded.place.phones.answer(ADA, "Added call the bank")


def test_pages_show_what_was_kept(upgraded: Upgraded) -> None:
    ada, ben = upgraded.ada, upgraded.ben
    for browser, path, words in [
        (ada, "/chat", ["review budgets on Thursdays", "A model says hello."]),
        (ada, "/chats", ["Next steps", "Cara"]),
        (ada, "/chats?q=passport", ["renew the"]),
        (ada, "/tasks", ["call the landlord about the Alpha budget", "update the pricing page", "pay rent"]),
        (ada, "/tasks?view=done", ["buy milk"]),
        (ada, "/projects", ["Alpha"]),
        (ada, "/meetings", ["pricing sync", "offsite", "Hiring"]),
        (ada, "/meetings?q=starter+plan", ["too expensive for them"]),
        (ada, "/settings", ["ada@example.org", "Europe/Berlin"]),
        (ada, "/settings/paddy", ["I review budgets on Thursdays", "renew the passport", "write the journal"]),
        (ada, "/settings/programs", ["meeting recorder"]),
        (ada, "/settings/people", ["ben@example.org"]),
        (ada, "/settings/activity", ["throw the old phone away"]),
        (ada, f"/whatsapp/sessions/{upgraded.story['ada_session']}", [CARA]),
        (ben, "/tasks", ["paint the fence", "Order the paint"]),
        (ben, f"/whatsapp/sessions/{upgraded.story['ben_session']}", [BENS_OTHER_PHONE]),
    ]:
        page = browser.get(path).raise_for_status().text
        missing = [word for word in words if word not in page and word not in page.replace(" ", "")]
        assert not missing, f"{path} lacks {missing}"
    assert not set(upgraded.tasks(ada)) & set(upgraded.tasks(ben))


def test_a_programs_token_still_opens_the_audit_and_an_old_act_can_be_undone(upgraded: Upgraded) -> None:
    headers = {"Authorization": f"Bearer {upgraded.story['token']}"}
    with upgraded.place.browser() as program:
        acts = program.get("/api/audit", headers=headers).raise_for_status().json()["acts"]
        (deleted,) = [act for act in acts if act["name"] == "delete_task"]
        program.post(f"/api/audit/{deleted['id']}/undo", headers=headers).raise_for_status()
    assert "throw the old phone away" in upgraded.tasks(upgraded.ada)
    assert "may do everything in the API · never expires" in upgraded.ada.get("/settings/programs").text


def test_conversations_go_on(upgraded: Upgraded) -> None:
    phones = upgraded.place.phones
    phones.ask(ADA, "what do you know about budgets?", "I review budgets on Thursdays")
    phones.ask(ADA, "what did we decide about the price?", "lower the starter price to nine euros")
    phones.ask(ADA, "what are my reminders?", "renew the passport")
    phones.ask(BENS_OTHER_PHONE, "/resume", "", chat=BEN)
    phones.ask(BENS_OTHER_PHONE, "what are my tasks?", "paint the fence", chat=BEN)


def test_others_are_kept_out_as_before(upgraded: Upgraded) -> None:
    """Cara may write, what Paddy would say to her waits for Ada's yes; Dan gets nothing."""
    phones = upgraded.place.phones
    phones.send(DAN, ADA, "and now?")
    told = phones.answers(CARA, ADA)
    phones.ask(ADA, "/approve", "")
    phones.send(CARA, ADA, "are you coming on Monday?")
    phones.answer(ADA, "on Monday")
    chats = json.loads(export(upgraded.ada).read("chats.json"))
    assert [chat["handle"] for chat in chats].count(CARA) == 1  # it is the chat that she had
    assert phones.answers(CARA, ADA) == told
    assert not [text for text in phones.answers(DAN, ADA) if "busy" not in text]


def test_everything_is_encrypted_anew_under_another_key(upgraded: Upgraded) -> None:
    place, key = upgraded.place, upgraded.place.data / "encryption-key"
    new = base64.b64encode(secrets.token_bytes(32)).decode()
    key.write_text(f"{new},{key.read_text(encoding='utf-8')}", encoding="utf-8")
    _restart(upgraded)
    assert place.run("rotate-key").endswith("Nothing needs the older keys any more.")
    key.write_text(new, encoding="utf-8")
    _restart(upgraded)
    place.phones.ask(ADA, "what are my reminders?", "renew the passport")
    assert "pay rent" in upgraded.tasks(upgraded.ada)
    assert "too expensive for them" in upgraded.ada.get("/meetings?q=starter+plan").text
    with place.browser() as another:
        form = {"email": "ada@example.org", "password": upgraded.story["ada_password"]}
        assert another.post("/sign-in", data=form).raise_for_status().url.path == "/chat"


def _restart(upgraded: Upgraded) -> None:
    """Both services, until all linked phones are connected."""
    place = upgraded.place
    for service in ("app", "gateway"):
        place.stop(service)
    place.start_gateway()
    place.start_app()
    upgraded.until_connected()
