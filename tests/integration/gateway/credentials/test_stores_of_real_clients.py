"""Credential stores of real clients: sealed on disk, at home in Postgres, and where they are when something breaks."""

import asyncio
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.gateway import earlier_stores
from support.gateways import ADA, App, Gateway, StartGateway, is_status, link, workers
from support.waiting import until

from exponential.core import encryption
from exponential.core.postgres import programs
from exponential.gateway.credentials import sealed_pages
from exponential.gateway.credentials.credential_store import CredentialStore
from exponential.gateway.credentials.sealed_pages import PageCipher
from exponential.gateway.timing import Timing
from exponential.gateway.worker.workarounds import memory_database
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback

OLD, NEW = b"o" * 32, b"n" * 32
KILLS = int(os.environ.get("EXPONENTIAL_TEST_KILLS", "6"))
BURST = 12
WORD = 8  # bytes
Folder = Callable[[str], Path]


@pytest.fixture
def phone(whatsapp: Loopback) -> Phone:
    return whatsapp.add_phone("+4915112345678", "Ada")


@pytest.fixture
def ring_key() -> bytes:
    return OLD


@pytest.fixture
def start(start_real_gateway: StartGateway) -> StartGateway:
    """A gateway whose ring is OLD, unless told otherwise."""

    def begin(ring: tuple[bytes, ...] = (OLD,), **settings: Any) -> Any:
        encryption.use_keys(ring)
        return start_real_gateway(encryption_keys=ring, **settings)

    return begin


class Home:
    """The gateway's database, seen past the gateway. It answers also when no gateway runs."""

    def __init__(self, gateway: Gateway) -> None:
        self.url = gateway.operations.database.libpq

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            answer = connection.execute(sql, parameters)  # type: ignore[call-overload]
            return answer.fetchall() if answer.description else []

    def content(self, session: str, master: bytes = OLD) -> bytes:
        """What SQLite sees of a session's store, every page and its generation checked."""
        with psycopg.connect(self.url) as connection:  # both of one moment
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            stored = connection.execute("select number, data from store_pages where session_id = %s", (session,))
            sealed = {number: bytes(data) for number, data in stored}
            row = connection.execute("select manifest, generation from stores where session_id = %s", (session,))
            [(manifest, generation)] = row.fetchall()
        cipher = PageCipher(master, session)
        content = cipher.open_pages(cipher.open_manifest(manifest), sealed)
        assert memory_database.change_counter(content) == generation
        return content

    def tables(self, session: str, master: bytes = OLD) -> dict[str, list[tuple[Any, ...]]]:
        """The store's tables. Fails unless the store is whole."""
        with closing(sqlite3.connect(":memory:")) as db:
            db.deserialize(self.content(session, master))
            assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
            names = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
            return {name: db.execute(f"select * from {name}").fetchall() for name in names}

    def secrets(self, session: str, master: bytes = OLD) -> set[bytes]:
        """All that must not be readable: every binary value of 32 bytes and more, cut to its first 32."""
        rows = (row for rows in self.tables(session, master).values() for row in rows)
        return {cell[:32] for row in rows for cell in row if isinstance(cell, bytes) and len(cell) >= 32}

    def dumped(self) -> bytes:
        """A dump of the database, and the server's own files of it."""
        dump = subprocess.run([programs.find("pg_dump"), self.url], capture_output=True, check=True).stdout
        self.query("checkpoint")
        [(folder, oid)] = self.query(
            "select current_setting('data_directory'), oid from pg_database where datname = current_database()"
        )
        files = (Path(folder) / "base" / str(oid)).iterdir()
        return dump + b"".join(path.read_bytes() for path in files)


def found(secrets: set[bytes], place: bytes) -> set[bytes]:
    """Those that are there as they are, or as hex: each of them would fill some word of the place with a part of it."""
    words = set(memoryview(place[: len(place) // WORD * WORD]).cast("Q"))
    suspected = set()
    for secret in secrets:
        for form in (secret, secret.hex().encode()):
            parts = (form[at : at + WORD] for at in range(len(form) - WORD + 1))
            if any(int.from_bytes(part, sys.byteorder) in words for part in parts):
                suspected.add(secret)
    return {secret for secret in suspected if secret in place or secret.hex().encode() in place}


def files(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def talk(gateway: Gateway, phone: Phone, app: App, text: str) -> None:
    """The session lives: it is connected, and decrypts."""
    phone.send_text("me", text)
    await until(lambda: text in app.texts)
    assert app.texts.count(text) == 1


async def test_no_key_is_readable_on_disk_or_in_the_database(
    start: StartGateway, phone: Phone, app: App, tmp_path: Path
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        await talk(gateway, phone, app, "hello")
        home = Home(gateway)
        secrets = home.secrets(session)
        assert len(secrets) > 800  # of the device, its pre-keys and its ratchets
        assert found(secrets, files(tmp_path)) == set()
        assert found(secrets, home.dumped()) == set()
    assert found(home.secrets(session), files(tmp_path)) == set()

    (tmp_path / "plain.db").write_bytes(home.content(session))  # the same scan finds them where they are
    home.query("create table plain as select %s::bytea as store", home.content(session))
    assert found(secrets, files(tmp_path)) == secrets
    assert len(found(secrets, home.dumped())) > len(secrets) / 2  # compressed or cut in pieces, some of them


async def test_another_node_continues_without_a_scan(
    start: StartGateway, phone: Phone, app: App, tmp_path: Path, session_folder: Folder
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        await talk(gateway, phone, app, "on the first node")
    shutil.rmtree(session_folder(session))
    for number in range(3):
        async with start(data_dir=tmp_path / f"node {number}") as gateway:
            await talk(gateway, phone, app, f"on node {number}")
            await until(lambda: is_status(gateway, session, "connected"))
    assert len(phone.linked_devices) == 1


async def test_without_the_key_one_sentence_says_so_and_nothing_is_damaged(
    start: StartGateway, phone: Phone, app: App
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        home = Home(gateway)
    whole = home.query("select * from store_pages order by number")
    [(key_id,)] = home.query("select key_id from stores")
    home.query("update stores set key_id = 'gone'")
    async with start() as gateway:
        await until(lambda: is_status(gateway, session, "error"))
        reason = (await gateway.client.login_status(ADA, session)).status_reason
        assert "the key they were encrypted with is missing in EXPONENTIAL_ENCRYPTION_KEY" in reason
    assert home.query("select * from store_pages order by number") == whole

    home.query("update stores set key_id = %s", key_id)
    async with start() as gateway:
        await gateway.client.restart(ADA, session)
        await until(lambda: is_status(gateway, session, "connected"))
        await talk(gateway, phone, app, "as if nothing had been")
    assert len(phone.linked_devices) == 1


async def test_a_plain_store_from_before_is_sealed_and_removed_and_nobody_scans_again(
    start: StartGateway, phone: Phone, app: App, tmp_path: Path, session_folder: Folder
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        home = Home(gateway)
    plain = session_folder(session) / "store.db"
    plain.write_bytes(home.content(session))
    secrets = home.secrets(session)
    home.query("delete from stores")
    assert found(secrets, files(tmp_path)) == secrets
    async with start() as gateway:
        await talk(gateway, phone, app, "after the upgrade")
        assert not plain.exists()
        assert found(secrets, files(tmp_path)) == set()
    assert len(phone.linked_devices) == 1


async def test_what_0_1_0_sealed_is_moved_and_nobody_scans_again(
    start: StartGateway, phone: Phone, app: App, tmp_path: Path, session_folder: Folder
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        await talk(gateway, phone, app, "before the upgrade")
        home = Home(gateway)
    content = home.content(session)
    home.query("update stores set manifest = null, generation = 0")
    for number, unit in earlier_stores.sealed(OLD, session, content).items():
        home.query("update store_pages set data = %s where number = %s", unit, number)
    (session_folder(session) / "store-0.db").write_bytes(b"its sealed local copy")
    async with start() as gateway:
        await talk(gateway, phone, app, "after the upgrade")
        assert len(home.secrets(session)) > 800
        assert list(session_folder(session).glob("store*")) == []
    assert len(phone.linked_devices) == 1


async def test_a_store_that_somebody_changed_is_not_used_and_the_page_says_so(
    start: StartGateway, phone: Phone, app: App
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        home = Home(gateway)
        [(old,)] = home.query("select data from store_pages where number = 0")
        await talk(gateway, phone, app, "something new")
    [(new,)] = home.query("select data from store_pages where number = 0")
    home.query("update store_pages set data = %s where number = 0", old)
    async with start() as gateway:
        await until(lambda: is_status(gateway, session, "error"))
        status = await gateway.client.login_status(ADA, session)
        assert "were damaged, or somebody changed them" in status.status_reason
        home.query("update store_pages set data = %s where number = 0", new)
        await gateway.client.restart(ADA, session)
        await talk(gateway, phone, app, "and it is back")
    assert len(phone.linked_devices) == 1


async def test_workers_leave_no_core_dump(start: StartGateway, phone: Phone, app: App) -> None:
    async with start() as gateway:
        await link(gateway, phone)
        for worker in workers():
            limits = Path(f"/proc/{worker}/limits").read_text(encoding="utf-8")
            [soft] = re.findall(r"Max core file size +(\S+)", limits)
            assert soft == "0"


async def test_a_new_key_takes_over_when_the_gateway_starts_with_it(
    start: StartGateway, phone: Phone, app: App
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        home = Home(gateway)
    async with start((NEW, OLD)) as gateway:
        await talk(gateway, phone, app, "sealed anew")
        assert len(home.secrets(session, NEW)) > 800
        with pytest.raises(sealed_pages.PagesDamaged):
            home.tables(session, OLD)
    assert len(phone.linked_devices) == 1


async def test_after_an_unlink_nothing_is_left(
    start: StartGateway, phone: Phone, app: App, session_folder: Folder
) -> None:
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        home = Home(gateway)
        assert home.query("select count(*) from store_pages")[0][0] > 50
        await gateway.client.disconnect(ADA, session)
        await until(lambda: not session_folder(session).exists())
        assert home.query("select count(*) from store_pages") == [(0,)]


async def test_while_the_database_is_away_nothing_is_acknowledged_and_then_all_arrives(
    start: StartGateway, phone: Phone, app: App
) -> None:
    async with start() as gateway:
        await link(gateway, phone)
        await talk(gateway, phone, app, "before")
        with psycopg.connect(Home(gateway).url) as blocker:
            blocker.execute("lock table store_pages in access exclusive mode")
            sent = [phone.send_text("me", f"meanwhile {number}") for number in range(5)]
            await until(lambda: len(app.texts) >= 6)  # kept and delivered, and yet
            await until(lambda: is_waited_for(blocker))
            assert {line.status for line in phone.messages("me") if line.id in {one.id for one in sent}} == {"sent"}
            blocker.rollback()
        await until(lambda: all(line.status != "sent" for line in phone.messages("me")))
        assert app.texts == ["before", *(f"meanwhile {number}" for number in range(5))]


def is_waited_for(blocker: psycopg.Connection[Any]) -> bool:
    """Whether somebody waits for a lock that this connection holds."""
    waiting = "select exists (select from pg_locks where pg_backend_pid() = any(pg_blocking_pids(pid)))"
    return blocker.execute(waiting).fetchall() == [(True,)]


@pytest.mark.parametrize("timing", [Timing(max_worker_pause=0.2)])  # it dies more often than it should be started for
async def test_workers_killed_in_mid_burst_leave_every_store_whole_and_nothing_on_the_disk(
    start: StartGateway, phone: Phone, app: App, tmp_path: Path
) -> None:
    chance = random.Random(200)
    async with start() as gateway:
        session, _ = await link(gateway, phone)
        home = Home(gateway)
        for kill in range(KILLS):
            expected = (kill + 1) * BURST
            for number in range(BURST):
                phone.send_text("me", f"{kill}/{number}")
            reached = kill * BURST + chance.randrange(BURST)
            await until(lambda reached=reached: len(app.texts) >= reached, within=60)
            await asyncio.sleep(chance.random() / 50)  # to any point of what comes next
            for worker in workers():
                os.kill(worker, signal.SIGKILL)
            home.tables(session)
            assert found(home.secrets(session), files(tmp_path)) == set()
            await until(lambda expected=expected: len(app.texts) >= expected, within=60)
    assert app.texts == [f"{kill}/{number}" for kill in range(KILLS) for number in range(BURST)]
    assert len(phone.linked_devices) == 1


async def test_a_change_that_could_not_be_kept_starts_the_client_anew_from_what_was(
    start: StartGateway, phone: Phone, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, failures = CredentialStore.keep, iter([OverflowError])

    async def fail_once(*arguments: Any) -> None:
        for failure in failures:
            raise failure
        await keep(*arguments)

    async with start() as gateway:
        session, _ = await link(gateway, phone)
        await talk(gateway, phone, app, "before")
        monkeypatch.setattr(CredentialStore, "keep", fail_once)
        for number in range(3):
            await talk(gateway, phone, app, f"after {number}")
        await until(lambda: is_status(gateway, session, "connected"))
        assert next(failures, None) is None
    assert len(phone.linked_devices) == 1
