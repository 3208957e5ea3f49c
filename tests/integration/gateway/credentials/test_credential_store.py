"""The vault: whole commits in order, the newest copy alone, and what versions before it left behind."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text
from support.gateway import earlier_stores

from exponential.core import clock, encryption
from exponential.core.database import Database
from exponential.gateway.credentials import earlier_formats, sealed_pages
from exponential.gateway.credentials.credential_store import (
    Checkout,
    CheckoutLost,
    CredentialStore,
    StoreDamaged,
    StoreLocked,
    StorePage,
    StoreRow,
)
from exponential.gateway.credentials.sealed_pages import PAGE_BYTES
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.workarounds import memory_database

KEY = b"k" * 32


@pytest.fixture
async def session(gateway_database: Database) -> UUID:
    now = clock.now()
    made = Session(
        id=clock.new_id(), owner="ada", status=sessions.CONNECTED, reason="", since=now, created_at=now, linked=True
    )
    async with gateway_database.transaction() as db:
        db.add(made)
    return made.id


@pytest.fixture
def vault(gateway_database: Database) -> CredentialStore:
    return CredentialStore(gateway_database, [KEY])


def store(generation: int, *marks: int, tail: int = 0) -> bytes:
    """A store of whole pages with these marks, and a shorter last one; its change counter is the generation."""
    pages = b"".join(bytes([mark]) * PAGE_BYTES for mark in marks) + b"t" * tail
    return b"SQLite format 3\0".ljust(24, b"\0") + generation.to_bytes(4, "big") + pages[28:]


class Worker:
    """What a worker does with a copy: it brings home what has changed."""

    def __init__(self, vault: CredentialStore, checked_out: tuple[Checkout, bytes]) -> None:
        self.vault = vault
        self.copy, self.content = checked_out

    async def keep(self, content: bytes) -> None:
        numbers, whole = sealed_pages.changed(self.content, content), sealed_pages.split(content)
        changed = {number: whole[number] for number in numbers}
        await self.vault.keep(self.copy, memory_database.change_counter(content), len(content), changed)
        self.content = content


async def checked_out(vault: CredentialStore, session: UUID, folder: Path, **how: Any) -> Worker:
    return Worker(vault, await vault.check_out(session, folder, **how))


async def test_a_copy_holds_what_was_kept_and_no_more(vault: CredentialStore, session: UUID, tmp_path: Path) -> None:
    worker = await checked_out(vault, session, tmp_path)
    assert worker.content == b""
    for content in (store(1, 1, 2, 3), store(2, 1, 9, 3), store(3, 7, 9), store(4, 7, 9, 4, tail=512)):
        await worker.keep(content)
        assert (await vault.check_out(session, tmp_path, name=worker.copy.name))[1] == content
    assert list(tmp_path.iterdir()) == []


async def test_the_newest_copy_alone_counts(vault: CredentialStore, session: UUID, tmp_path: Path) -> None:
    ours = await checked_out(vault, session, tmp_path)
    await ours.keep(store(1, 1))
    theirs = await checked_out(vault, session, tmp_path)
    with pytest.raises(CheckoutLost):
        await ours.keep(store(2, 2))
    with pytest.raises(CheckoutLost):
        await vault.check_out(session, tmp_path, after=ours.copy.name)
    assert theirs.content == store(1, 1)
    await theirs.keep(store(2, 3))
    name = clock.new_id()
    for _ in range(2):  # the second time as if the first one's answer had been lost
        newest = await checked_out(vault, session, tmp_path, name=name, after=theirs.copy.name)
        assert newest.copy.name == name
    with pytest.raises(CheckoutLost):
        await theirs.keep(store(3, 4))
    assert newest.content == store(2, 3)


async def test_what_was_kept_without_an_answer_is_kept_again(
    vault: CredentialStore, session: UUID, tmp_path: Path
) -> None:
    worker = await checked_out(vault, session, tmp_path)
    await worker.keep(store(1, 1, 2))
    before, digests = worker.content, worker.copy.digests
    await worker.keep(store(2, 1, 5, 6))
    worker.content, worker.copy.digests = before, digests  # as if nobody had heard
    await worker.keep(store(2, 1, 5, 6))
    assert (await vault.check_out(session, tmp_path))[1] == store(2, 1, 5, 6)


async def test_of_many_that_take_it_at_once_one_can_write(
    vault: CredentialStore, session: UUID, tmp_path: Path
) -> None:
    workers = await asyncio.gather(*(checked_out(vault, session, tmp_path) for _ in range(12)))
    attempts = (worker.keep(store(1, 1)) for worker in workers)
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CheckoutLost"] * 11 + ["NoneType"]


async def test_what_is_forgotten_is_gone_and_stays_gone(
    vault: CredentialStore, gateway_database: Database, session: UUID, tmp_path: Path
) -> None:
    worker = await checked_out(vault, session, tmp_path)
    await worker.keep(store(1, 1))
    await vault.forget(session)
    with pytest.raises(CheckoutLost):
        await worker.keep(store(2, 2))
    assert (await vault.check_out(session, tmp_path))[1] == b""
    async with gateway_database.transaction() as db:
        await db.execute(text("delete from sessions"))
    with pytest.raises(CheckoutLost):
        await vault.check_out(session, tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        "update store_pages set data = set_byte(data, 40, get_byte(data, 40) # 1) where number = 1",
        "update store_pages set data = (select data from store_pages where number = 0) where number = 1",
        "delete from store_pages where number = 2",
        "delete from store_pages",
        "update stores set generation = 1",
        "update stores set manifest = set_byte(manifest, 20, get_byte(manifest, 20) # 1)",
        "update store_pages set data = old.data from old where number = 1 and old.what = 'page'",
        "update stores set manifest = old.data, generation = 1 from old where old.what = 'manifest'",
    ],
)
async def test_what_somebody_changed_in_the_database_is_noticed(
    vault: CredentialStore, gateway_database: Database, session: UUID, tmp_path: Path, damage: str
) -> None:
    worker = await checked_out(vault, session, tmp_path)
    await worker.keep(store(1, 1, 2, 3))
    async with gateway_database.transaction() as db:
        await db.execute(text("create table old as select 'page' as what, data from store_pages where number = 1"))
        await db.execute(text("insert into old select 'manifest', manifest from stores"))
    await worker.keep(store(2, 1, 5, 3))
    async with gateway_database.transaction() as db:
        await db.execute(text(damage))
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            await vault.check_out(session, tmp_path)
    with pytest.raises(StoreDamaged):
        await CredentialStore(gateway_database, [b"n" * 32, KEY]).reseal(session)


async def test_what_0_1_0_sealed_is_read_once_and_moved(
    vault: CredentialStore, gateway_database: Database, session: UUID, tmp_path: Path
) -> None:
    content = store(4, 1, 0, 3, tail=512)
    (tmp_path / "store-of-0.1.0.db").write_bytes(b"its sealed local copy")
    (tmp_path / "store-of-0.1.0.db-changes").write_bytes(b"what it told of last")
    rows = [
        {"session_id": session, "number": number, "data": data}
        for number, data in earlier_stores.sealed(KEY, str(session), content).items()
        if number != 1  # all zeros: a hole has no row
    ]
    async with gateway_database.transaction() as db:
        db.add(StoreRow(session_id=session, copy=clock.new_id(), key_id=encryption.key_id(KEY), size=len(content)))
        await db.flush()
        await db.execute(insert(StorePage), rows)
    with pytest.raises(StoreLocked):
        await CredentialStore(gateway_database, [b"x" * 32]).check_out(session, tmp_path)
    for _ in range(2):
        worker = await checked_out(vault, session, tmp_path)
        assert worker.content == content
        assert list(tmp_path.iterdir()) == []
    await worker.keep(store(5, 1, 2, 3))
    assert (await vault.check_out(session, tmp_path))[1] == store(5, 1, 2, 3)


async def test_a_wrong_key_for_what_0_1_0_sealed_changes_nothing(
    vault: CredentialStore, gateway_database: Database, session: UUID, tmp_path: Path
) -> None:
    units = earlier_stores.sealed(b"o" * 32, str(session), store(4, 1, 2))
    async with gateway_database.transaction() as db:  # under the name of a key that it wasn't sealed with
        db.add(StoreRow(session_id=session, copy=clock.new_id(), key_id=encryption.key_id(KEY), size=2 * PAGE_BYTES))
        await db.flush()
        for number, data in units.items():
            db.add(StorePage(session_id=session, number=number, data=data))
    with pytest.raises(StoreLocked):
        await vault.check_out(session, tmp_path)
    async with gateway_database.transaction() as db:
        stored = await db.execute(select(StorePage.number, StorePage.data))
        assert {number: bytes(data) for number, data in stored} == units


async def test_it_can_be_forgotten_while_a_change_is_being_kept(
    gateway_database: Database, vault: CredentialStore, session: UUID, tmp_path: Path
) -> None:
    await (await checked_out(vault, session, tmp_path)).keep(store(1, 1))
    async with gateway_database.transaction() as db:  # as `keep` does it: the store, then its pages
        await db.execute(text("update stores set size = size"))
        forgetting = asyncio.create_task(vault.forget(session))
        while not await db.scalar(text("select count(*) from pg_locks where not granted")):
            await asyncio.sleep(0.05)
        await db.execute(text("update store_pages set data = data"))
    await forgetting
    async with gateway_database.transaction() as db:
        assert await db.scalar(text("select count(*) from store_pages")) == 0


def test_a_plain_store_whose_owner_was_killed_in_a_commit_is_read_as_it_was_before(tmp_path: Path) -> None:
    path = tmp_path / earlier_formats.PLAIN
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("pragma cache_size = 1")
        db.execute("create table t (x)")
        db.execute("insert into t values ('old'), (randomblob(90000))")
        db.execute("begin")
        db.execute("update t set x = 'new' where x = 'old'")
        db.execute("update t set x = randomblob(90000) where x != 'new'")
        half, journal = path.read_bytes(), Path(f"{path}-journal").read_bytes()
        db.execute("rollback")
    db.close()
    path.write_bytes(half)
    Path(f"{path}-journal").write_bytes(journal)
    copy = sqlite3.connect(":memory:")
    copy.deserialize(earlier_formats.read(tmp_path))
    assert copy.execute("select x from t limit 1").fetchall() == [("old",)]
    assert copy.execute("pragma integrity_check").fetchall() == [("ok",)]
    copy.close()


def test_what_is_no_store_is_refused_and_kept(tmp_path: Path) -> None:
    assert earlier_formats.read(tmp_path) == b""
    (tmp_path / earlier_formats.PLAIN).write_bytes(b"something else " * 1000)
    with pytest.raises(ValueError, match="no SQLite file"):
        earlier_formats.read(tmp_path)
    assert (tmp_path / earlier_formats.PLAIN).exists()
