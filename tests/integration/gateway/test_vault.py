"""The vault: whole commits in order, the newest copy alone, and what versions before it left behind."""

import asyncio
import sqlite3
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from exponential import clock
from exponential.database import Database
from exponential.gateway import earlier, pages, sessions
from exponential.gateway.pages import UNIT
from exponential.gateway.sessions import Session
from exponential.gateway.vault import Copy, Lost, Vault

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
def vault(gateway_database: Database) -> Vault:
    return Vault(gateway_database, [KEY])


def sealed(copy: Copy, *units: bytes, first: int = 0) -> bytes:
    return pages.PageCipher(pages.file_key(copy.key, "")).seal(first * UNIT, b"".join(units))


def unit(mark: int) -> bytes:
    return b"SQLite format 3\0" + bytes([mark]) * (UNIT - 16)


def read(copy: Copy) -> bytes:
    return pages.PageCipher(pages.file_key(copy.key, "")).open(0, copy.path.read_bytes())


async def test_a_copy_holds_what_was_kept_and_no_more(vault: Vault, session: UUID, tmp_path: Path) -> None:
    copy = await vault.check_out(session, tmp_path)
    assert copy.path.read_bytes() == b""
    await vault.keep(session, copy.name, [0, 1, 2], sealed(copy, unit(1), unit(2), unit(3)), 3 * UNIT)
    await vault.keep(session, copy.name, [1], sealed(copy, unit(9), first=1), 3 * UNIT)
    await vault.keep(session, copy.name, [0], sealed(copy, unit(7)), 2 * UNIT)  # shorter
    await vault.keep(session, copy.name, [3], sealed(copy, unit(4)[:512], first=3), 3 * UNIT + 512)  # with a hole
    again = await vault.check_out(session, tmp_path)
    assert read(again) == unit(7) + unit(9) + bytes(UNIT) + unit(4)[:512]
    assert [path for path in tmp_path.iterdir() if path.suffix == ".db"] == [again.path]
    assert again.path.stat().st_mode & 0o077 == 0


async def test_the_newest_copy_alone_counts(vault: Vault, session: UUID, tmp_path: Path) -> None:
    ours = await vault.check_out(session, tmp_path / "one")
    await vault.keep(session, ours.name, [0], sealed(ours, unit(1)), UNIT)
    theirs = await vault.check_out(session, tmp_path / "two")
    with pytest.raises(Lost):
        await vault.keep(session, ours.name, [0], sealed(ours, unit(2)), UNIT)
    with pytest.raises(Lost):
        await vault.check_out(session, tmp_path / "one", after=ours.name)
    assert read(theirs) == unit(1)
    await vault.keep(session, theirs.name, [0], sealed(theirs, unit(3)), UNIT)
    name = clock.new_id()
    for _ in range(2):  # the second time as if the first one's answer had been lost
        assert (await vault.check_out(session, tmp_path / "two", name=name, after=theirs.name)).name == name
    with pytest.raises(Lost):
        await vault.keep(session, theirs.name, [0], sealed(theirs, unit(4)), UNIT)


async def test_a_node_goes_on_from_its_own_last_copy(vault: Vault, session: UUID, tmp_path: Path) -> None:
    theirs = await vault.check_out(session, tmp_path / "two")
    await vault.keep(session, theirs.name, [0], sealed(theirs, unit(3)), UNIT)
    assert read(await vault.check_out(session, tmp_path / "two", after=theirs.name)) == unit(3)


async def test_of_many_that_take_it_at_once_one_can_write(vault: Vault, session: UUID, tmp_path: Path) -> None:
    copies = await asyncio.gather(*(vault.check_out(session, tmp_path / str(number)) for number in range(12)))
    attempts = (vault.keep(session, copy.name, [0], sealed(copy, unit(1)), UNIT) for copy in copies)
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Lost"] * 11 + ["NoneType"]


async def test_what_is_forgotten_is_gone_and_stays_gone(
    vault: Vault, gateway_database: Database, session: UUID, tmp_path: Path
) -> None:
    copy = await vault.check_out(session, tmp_path)
    await vault.keep(session, copy.name, [0], sealed(copy, unit(1)), UNIT)
    await vault.forget(session)
    with pytest.raises(Lost):
        await vault.keep(session, copy.name, [0], sealed(copy, unit(1)), UNIT)
    assert (await vault.check_out(session, tmp_path)).path.read_bytes() == b""
    async with gateway_database.transaction() as db:
        await db.execute(text("delete from sessions"))
    with pytest.raises(Lost):
        await vault.check_out(session, tmp_path)


async def test_it_can_be_forgotten_while_a_change_is_being_kept(
    gateway_database: Database, vault: Vault, session: UUID, tmp_path: Path
) -> None:
    copy = await vault.check_out(session, tmp_path)
    await vault.keep(session, copy.name, [0], sealed(copy, unit(1)), UNIT)
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
    path = tmp_path / earlier.PLAIN
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
    copy.deserialize(earlier.read(tmp_path))
    assert copy.execute("select x from t limit 1").fetchall() == [("old",)]
    assert copy.execute("pragma integrity_check").fetchall() == [("ok",)]
    copy.close()


def test_what_is_no_store_is_refused_and_kept(tmp_path: Path) -> None:
    assert earlier.read(tmp_path) == b""
    (tmp_path / earlier.PLAIN).write_bytes(b"something else " * 1000)
    with pytest.raises(ValueError, match="no SQLite file"):
        earlier.read(tmp_path)
    assert (tmp_path / earlier.PLAIN).exists()
