"""Records what the version in this checkout writes, for later versions to be tested with (test_upgrade.py).

    PYTHONPATH=tests uv run python -m support.upgrade.record tests/upgrade/v0.2.0

Do this once, at a release. It runs an installation of two people with linked phones, has it do a bit of everything, and
then kills it while work is under way. What it leaves in the folder:

- `app.dump` and `gateway.dump`: both databases, in pg_dump's custom format;
- `data/`: the data folder, keys and the simulated WhatsApp included, without the embedded Postgres's own files;
- `ada.zip` and `ben.zip`: what this version exported of each person, as it was before the last minute;
- `story.json`: passwords, tokens and ids that the test needs.
"""

import argparse
import asyncio
import io
import json
import re
import secrets
import shutil
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from support.assistant.model_server import Hang, Say, call, serving_a_model
from support.embedded_postgres import reachable_folder
from support.http_server import serving
from support.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from support.sample_files import picture
from support.upgrade.installation import ADA, BEN, BENS_OTHER_PHONE, CARA, DAN, DATABASES, EVA, Installation, until

TRANSCRIPT = """Transcript of the pricing sync:
Anna: Welcome, today we talk about pricing for small teams.
Bob: Many customers told us that the starter plan is too expensive for them.
Anna: Okay, we decided to lower the starter price to nine euros.
Bob: I'll update the pricing page by Friday."""
SUBTITLES = b"WEBVTT\n\n00:01.000 --> 00:04.000\n<v Anna>We decided to move to Lisbon.\n"
MAY_BE_EMPTY = {"node_requests"}  # its rows live for a second


class Recorder:
    """The story. `told` becomes story.json."""

    def __init__(self, place: Installation, folder: Path) -> None:
        self._place = place
        self._folder = folder
        self.told = {name: secrets.token_urlsafe(12) for name in ("ada_password", "ben_password")}

    def record(self) -> None:
        place = self._place
        for number, name in [
            *((ADA, "Ada"), (BEN, "Ben"), (BENS_OTHER_PHONE, "Ben")),
            *((CARA, "Cara"), (DAN, "Dan"), (EVA, "Ada")),
        ]:
            place.phones.add(number, name)
        place.start_gateway()
        place.start_app()
        with place.browser() as ada, place.browser() as ben:
            self._ada_moves_in(ada)
            self._ada_talks(ada)
            self._others_write(ada)
            self._ben_moves_in(ada, ben)
            self._programs()
            self._single_sign_on()
            self._language_model()
            self._export(ada, "ada")
            self._export(ben, "ben")
        self._dies_at_work()
        self._keep()

    def _ada_moves_in(self, ada: httpx.Client) -> None:
        ada.post(self._place.run("link")).raise_for_status()
        _submit(ada, "/settings", name="Ada", email="ada@example.org")
        _submit(ada, "/settings/timezone", timezone="Europe/Berlin")
        password = self.told["ada_password"]
        _submit(ada, "/settings/password", password=password, again=password)
        _accept_warning(ada)
        self.told["ada_session"] = self._scan(ada, ADA)
        self.told["unlinked_session"] = self._scan(ada, EVA)
        self._place.phones.unlink(EVA)
        until(lambda: not _status(ada, self.told["unlinked_session"])["connected"])
        _begin_linking(ada)  # nobody scans its code

    def _scan(self, browser: httpx.Client, number: str) -> str:
        session = _begin_linking(browser)

        def code() -> bytes:
            answer = browser.get(f"/api/whatsapp/login/{session}/qr")
            return answer.content if answer.is_success else b""

        self._place.phones.photograph(number, until(code))
        until(lambda: _status(browser, session)["connected"])
        return session

    def _ada_talks(self, ada: httpx.Client) -> None:
        phones = self._place.phones
        for text, answer in [
            ("create project Alpha, review on 1 june 2035", "Started project"),
            ("status update for Alpha: the prototype works", "Alpha"),
            ("Add a task: call the landlord about the Alpha budget on 5 March 2035 at 15:00", "call the landlord"),
            ("make it high priority", "high"),
            ("add buy milk", "buy milk"),
            ("add pay rent by 31 december 2034", "pay rent"),
            ("buy milk is done", "Done"),
            ("add throw the old phone away", "old phone"),
            ("delete throw the old phone away", "Deleted"),
            ("add learn to juggle", "learn to juggle"),
            ("undo", "Undone"),
            ("remind me on 3 April 2035 at 9:00 to renew the passport", "renew the passport"),
            ("remind me every weekday at 8:30 to write the journal", "every weekday"),
            ("remember that I review budgets on Thursdays", "I'll remember"),
            (TRANSCRIPT, "Kept the transcript"),
            ("make the first one a task", "update the pricing page"),
            ("remind me on 4 April 2035 at 9:00 to water the office plants", "water the office plants"),
            ("cancel the reminder about the office plants", "water the office plants"),
            ("/briefing 7:30", "07:30"),
            ("/briefing now", "Good morning"),
        ]:
            phones.ask(ADA, text, answer)
        phones.send_file(ADA, "me", "document", ("offsite.vtt", SUBTITLES, "text/vtt"))
        phones.answer(ADA, "offsite")
        phones.send_file(ADA, "me", "image", ("bill.jpg", picture(form="JPEG"), "image/jpeg"), "add pay this bill")
        phones.answer(ADA, "pay this bill")
        topic = _submit(ada, "/chats").url.path
        ada.post(f"{topic}/messages", data={"text": "which projects have no next step?"}).raise_for_status()
        until(lambda: "without a next step" in ada.get(topic).text)
        message = re.search(r'name="message" value="([^"]+)"', ada.get(topic).text)
        assert message
        _submit(ada, f"{topic}/retry", message=message[1])
        _submit(ada, f"{topic}/rename", title="Next steps")
        _submit(ada, f"{topic}/messages", text="/pause")
        until(lambda: "/resume" in ada.get(topic).text)

    def _others_write(self, ada: httpx.Client) -> None:
        phones = self._place.phones
        _submit(
            ada,
            f"/whatsapp/sessions/{self.told['ada_session']}/access",
            **{"mode": "people", "people": CARA, "groups": "true", "receipts": "true", "reactions": "true"},
        )
        phones.ask(CARA, "hello, can you help me?", "guest", chat=ADA)
        phones.ask(CARA, "leave a note: the parcel is at the neighbour's", "", chat=ADA)
        group = phones.create_group(CARA, "Garden", [ADA])
        phones.ask(CARA, "hello Paddy", "", chat=group, mentions=[ADA])
        phones.send(DAN, ADA, "do you know me?")
        phones.ask(ADA, "/approve on", "I ask you before I answer")
        phones.send(CARA, ADA, "are you coming on Saturday?")
        phones.answer(ADA, "on Saturday")
        phones.ask(ADA, "send: Yes, on Saturday.", "Sent to Cara")
        phones.answer(CARA, "Yes, on Saturday.", chat=ADA)
        phones.read(CARA, ADA)
        phones.send(CARA, ADA, "are you coming on Sunday?")
        phones.answer(ADA, "on Sunday")
        phones.send(ADA, DAN, "I am busy, Dan.")  # by hand

    def _ben_moves_in(self, ada: httpx.Client, ben: httpx.Client) -> None:
        phones = self._place.phones
        for email in ("ben@example.org", "fay@example.org"):
            page = _submit(ada, "/settings/people/invites", email=email).text
            invite = re.search(r"/invite/[\w-]+", page)
            assert invite, page
            if email.startswith("ben"):
                password = self.told["ben_password"]
                _submit(ben, invite[0], email=email, name="Ben", password=password, again=password)
        _accept_warning(ben)
        session = _begin_linking(ben)
        until(lambda: _status(ben, session)["qrAvailable"])
        phones.enter(BEN, _shown_code(_submit(ben, f"/whatsapp/link/{session}/code", phone=BEN)))
        until(lambda: _status(ben, session)["connected"])
        self.told["ben_session"] = session
        proof = _shown_code(_submit(ben, f"/whatsapp/sessions/{session}/proof"))
        phones.send(BENS_OTHER_PHONE, BEN, proof)
        until(lambda: BENS_OTHER_PHONE in ben.get(f"/whatsapp/sessions/{session}").text.replace(" ", ""))
        phones.ask(BENS_OTHER_PHONE, "add paint the fence", "Added paint the fence", chat=BEN)
        _submit(ben, "/tasks", title="Order the paint !high")
        phones.ask(BEN, "/new", "")
        phones.ask(BEN, "/pause 365d", "I am silent here")
        with self._place.browser() as stranger:
            refused = stranger.post("/sign-in", data={"email": "ben@example.org", "password": "not Ben's password"})
            assert refused.is_client_error

    def _programs(self) -> None:
        self._place.run("link")  # nobody opens it
        token = self._place.run("tokens", "make", "meeting recorder").splitlines()[-1]
        self.told["token"] = token
        meeting = {
            "externalId": "recorder-1",
            "title": "Hiring",
            "transcript": "Anna: We decided to hire two people.\nBob: I'll write the advert.",
        }
        with self._place.browser() as program:
            answer = program.post("/api/meetings", json=meeting, headers={"Authorization": f"Bearer {token}"})
            assert answer.is_success, answer.text

    def _single_sign_on(self) -> None:
        provider = Provider({"sub": "ada-at-work", "email": "ada@example.org", "email_verified": True, "name": "Ada"})
        with _served(provider) as url:
            self._restart_app(
                EXPONENTIAL_OIDC_ISSUER=url,
                EXPONENTIAL_OIDC_CLIENT_ID=CLIENT_ID,
                EXPONENTIAL_OIDC_CLIENT_SECRET=CLIENT_SECRET,
            )
            with self._place.browser() as browser:
                assert "Paddy" in browser.get("/oidc/start").raise_for_status().text

    def _language_model(self) -> None:
        with serving_a_model() as model:
            model.script = [Say("A model says hello.")]
            self._restart_app(
                EXPONENTIAL_MODEL=model.model, EXPONENTIAL_MODEL_PRICES="2.50/10", EXPONENTIAL_DAILY_TOKENS="100"
            )
            self._place.phones.ask(ADA, "who are you?", "A model says hello.")
            self._place.phones.ask(ADA, "what are my tasks?", "tokens")
        self._restart_app()

    def _restart_app(self, **settings: str) -> None:
        self._place.stop("app")
        self._place.start_app(**settings)

    def _export(self, browser: httpx.Client, name: str) -> None:
        answer = browser.get("/settings/data/export").raise_for_status()
        assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
        (self._folder / f"{name}.zip").write_bytes(answer.content)

    def _dies_at_work(self) -> None:
        """Leave work at every stage of a message's way, then kill everything."""
        place, phones = self._place, self._place.phones
        with serving_a_model() as model:
            model.script = [call("create_task", title="Order printer paper"), Hang()]
            self._restart_app(EXPONENTIAL_MODEL=model.model)
            # A turn in the middle: the task is there, the answer is not.
            phones.send(ADA, "me", "please order printer paper")
            until(lambda: self._count("exponential_app", "turns where state = 'running' and runs > 0"))
            until(lambda: len(model.requests) == 2)
            place.kill("app")
        place.stop("gateway")
        place.start_gateway(WHATSAPP_PARK_AFTER="0.0005")
        phones.send(ADA, "me", "add call the bank")  # a message set aside, as the app wasn't there for too long
        until(lambda: self._count("exponential_gateway", "inbox where state = 'parked'"))
        place.stop("gateway")
        place.start_gateway(WHATSAPP_SEND_PER_MINUTE="1")
        phones.send(ADA, "me", "add water the plants")  # a message that waits for the app
        until(lambda: self._count("exponential_gateway", "inbox where state = 'waiting'"))
        self._write_to_cara("The parcel has arrived.", "It is heavy.")  # the second one has to wait for its minute
        until(lambda: "The parcel has arrived." in phones.answers(CARA, ADA))
        place.freeze("gateway")
        phones.send(ADA, "me", "add feed the cat")  # a message that the gateway has in its spool only
        until(lambda: any(file.stat().st_size for file in place.data.rglob("spool")))
        place.kill("gateway")
        place.stop("loopback")

    def _write_to_cara(self, *texts: str) -> None:
        with self._place.browser() as ada, zipfile.ZipFile(self._folder / "ada.zip") as export:
            (user,) = json.loads(export.read("users.json"))
            chats = [row for row in json.loads(export.read("chats.json")) if row["kind"] == "contact"]
            chat = next(row["address"] for row in chats if not row["is_group"])
            headers = {"Authorization": f"Bearer {self._place.run('token', '--user', user['id'])}"}
            for text in texts:
                answer = ada.post(
                    f"{self._place.gateway_url}/sessions/{self.told['ada_session']}/messages",
                    json={"chat": chat, "text": text},
                    headers={**headers, "Idempotency-Key": text},
                )
                assert answer.is_success, answer.text

    def _count(self, database: str, rows: str) -> int:
        return int(self._value(database, f"select count(*) from {rows}"))

    def _value(self, database: str, query: str) -> Any:
        with self._place.connect(database) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row
            return row[0]

    def _keep(self) -> None:
        unwritten = [table for database in DATABASES for table in self._unwritten(database)]
        assert not unwritten, f"nothing was written to {', '.join(unwritten)}"
        for database in DATABASES:
            self._place.dump(database, self._folder / f"{database.removeprefix('exponential_')}.dump")
        shutil.copytree(self._place.data, self._folder / "data", ignore=shutil.ignore_patterns("postgres"))
        (self._folder / "story.json").write_text(json.dumps(self.told, indent=2) + "\n", encoding="utf-8")

    def _unwritten(self, database: str) -> Iterator[str]:
        """Tables that should have rows and have none. Columns for which no row has a value are printed."""
        tables = """select table_name, array_agg(column_name::text) from information_schema.columns
            where table_schema = 'public' and table_name !~ '^(procrastinate_|alembic_)' group by 1 order by 1"""
        with self._place.connect(database) as connection:
            for table, columns in connection.execute(tables).fetchall():
                rows = self._count(database, table)
                if not rows and table not in MAY_BE_EMPTY:
                    yield table
                empty = [name for name in columns if not self._count(database, f'{table} where "{name}" is not null')]
                print(f"{table}: {rows} rows", f"none with {', '.join(empty)}" if rows and empty else "")


def _submit(browser: httpx.Client, path: str, **form: str) -> httpx.Response:
    answer = browser.post(path, data=form)
    assert answer.is_success, f"{path}: {answer.status_code} {re.findall('notice-sentence.*', answer.text)}"
    return answer


def _accept_warning(browser: httpx.Client) -> None:
    version = browser.get("/api/whatsapp").json()["consent"]["version"]
    browser.post("/api/whatsapp/consent", json={"version": version}).raise_for_status()


def _begin_linking(browser: httpx.Client) -> str:
    """The id of a new session."""
    return str(browser.post("/api/whatsapp/login").raise_for_status().json()["sessionId"])


def _shown_code(page: httpx.Response) -> str:
    """The code that a page shows in large letters."""
    code = re.search(r'class="big-code"[^>]*>([^<]+)<', page.text)
    assert code, page.text
    return code[1]


def _status(browser: httpx.Client, session: str) -> dict[str, Any]:
    return dict(browser.get(f"/api/whatsapp/login/{session}/status").raise_for_status().json())


@contextmanager
def _served(provider: Provider) -> Iterator[str]:
    """An OpenID Connect provider in a thread of its own; yields its URL."""
    started, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(provider.app()) as provider.url:
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    started.wait()
    try:
        yield provider.url
    finally:
        ended.set()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder for what is recorded")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True)
    with reachable_folder() as work:
        place = Installation(work / "data", work)
        try:
            Recorder(place, folder).record()
        except BaseException:
            print(f"Logs are in {work}")
            raise
        finally:
            place.close()


if __name__ == "__main__":
    main()
