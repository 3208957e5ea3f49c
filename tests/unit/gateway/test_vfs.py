"""The encrypting SQLite shim, with the SQLite that the WhatsApp client brings: what is plain above is sealed below."""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed_sqlite import ACCOUNTS, RawFile, Sqlite, SqliteError, opened

from exponential.errors import ConfigurationError
from exponential.gateway import pages, vfs
from exponential.gateway.pages import BLOCK, UNIT, PageCipher

KEY = pages.session_key(b"k" * 32, "a session")
SECRET = "a secret that nobody may read on the disk"
KILLS = int(os.environ.get("EXPONENTIAL_TEST_KILLS", "12"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    vfs.mount(tmp_path / "store.db", KEY)
    return tmp_path / "store.db"


def plain(store: Path, key: bytes = KEY, suffix: str = "") -> bytes:
    """What the shim shows of a file on disk."""
    data = Path(f"{store}{suffix}").read_bytes()
    return PageCipher(pages.file_key(key, suffix)).open(0, data)


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal", "memory"])
def test_what_is_written_is_read_again_and_stands_nowhere(store: Path, mode: str) -> None:
    def everything() -> bytes:
        return b"".join(path.read_bytes() for path in store.parent.iterdir())

    with opened(store) as db:
        db.run(f"pragma journal_mode = {mode}; create table secrets (text); insert into secrets values ('{SECRET}')")
        db.run("begin; update secrets set text = text || '!'; insert into secrets select hex(randomblob(9000))")
        assert SECRET.encode() not in everything()
        db.run("commit")
        assert SECRET.encode() not in everything()
    with opened(store) as db:
        assert db.run("select text from secrets limit 1") == [(f"{SECRET}!",)]
        assert db.run("pragma integrity_check") == [("ok",)]
    assert SECRET.encode() not in everything()
    assert SECRET.encode() in plain(store)


def test_without_the_shim_the_secret_stands_there(tmp_path: Path) -> None:
    with opened(tmp_path / "plain.db", sealed=False) as db:
        db.run(f"create table secrets (text); insert into secrets values ('{SECRET}')")
    assert SECRET.encode() in (tmp_path / "plain.db").read_bytes()


def test_a_wrong_key_or_a_plain_file_is_no_database_and_nothing_is_damaged(store: Path, tmp_path: Path) -> None:
    with opened(store) as db:
        db.run(f"create table secrets (text); insert into secrets values ('{SECRET}')")
    before = store.read_bytes()
    vfs.mount(store, pages.session_key(b"x" * 32, "a session"))
    with pytest.raises(SqliteError, match="not a database"), opened(store) as db:
        db.run("select * from secrets")
    assert store.read_bytes() == before

    with opened(tmp_path / "plain.db", sealed=False) as db:
        db.run("create table t (x)")
    vfs.mount(tmp_path / "plain.db", KEY)
    with pytest.raises(SqliteError, match="not a database"), opened(tmp_path / "plain.db") as db:
        db.run("select 1 from t")


def test_a_wrong_key_does_not_delete_a_journal_that_is_still_needed(store: Path) -> None:
    with opened(store) as db:
        db.run("pragma cache_size = 1; create table t (x); insert into t values ('old'), (randomblob(90000))")
        db.run("begin; update t set x = 'new' where x = 'old'; update t set x = randomblob(90000) where x != 'new'")
        half, journal = store.read_bytes(), Path(f"{store}-journal").read_bytes()
        db.run("rollback")
    store.write_bytes(half)  # as a power cut in the middle leaves them
    Path(f"{store}-journal").write_bytes(journal)
    vfs.mount(store, pages.session_key(b"x" * 32, "a session"))
    with pytest.raises(SqliteError, match="not a database"), opened(store) as db:
        db.run("select x from t")
    assert Path(f"{store}-journal").read_bytes() == journal

    vfs.mount(store, KEY)
    with opened(store) as db:
        assert db.run("select x from t limit 1") == [("old",)]
        assert db.run("pragma integrity_check") == [("ok",)]


def test_only_mounted_stores_can_be_opened(store: Path) -> None:
    with pytest.raises(SqliteError, match="unable to open"):
        Sqlite(store.with_name("other.db")).run("create table t (x)")
    assert not store.with_name("other.db").exists()
    with opened(store) as db:
        db.run("create table t (x)")
    vfs.unmount(store)
    with pytest.raises(SqliteError, match="unable to open"):
        Sqlite(store).run("select 1 from t")


def test_a_library_without_the_symbols_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="can't be encrypted and nothing was opened"):
        vfs.install(SimpleNamespace())


@pytest.mark.parametrize("page", [1024, 4096, 16384])
def test_each_transaction_tells_once_what_it_changed(tmp_path: Path, page: int) -> None:
    told: list[int] = []
    home: dict[int, bytes] = {}
    path = tmp_path / "store.db"

    def keep(units: dict[int, bytes], size: int) -> None:
        told.append(size)
        home.update(units)
        for number in [number for number in home if number * UNIT >= size]:
            del home[number]

    vfs.mount(path, KEY, keep)
    with opened(path) as db:
        db.run(f"pragma page_size = {page}; create table t (id integer primary key, x)")
        db.run("insert into t values (1, randomblob(200000))")
        told.clear()
        db.run("update t set x = 'short' where id = 1")
        assert len(told) == 1
        db.run("begin; insert into t values (2, randomblob(5000)); rollback")
        db.run("vacuum")
        told.clear()
        db.run("pragma cache_size = 2; begin; insert into t select null, randomblob(30000) from t; commit")
        assert len(told) == 1
        db.run("select count(*) from t")
        assert len(told) == 1
    assert b"".join(home[number] for number in sorted(home)) == path.read_bytes()


def test_a_sync_that_fails_fails_the_transaction_and_the_next_one_tells_it_all(tmp_path: Path) -> None:
    path, broken, told = tmp_path / "store.db", True, set()

    def keep(units: dict[int, bytes], _size: int) -> None:
        told.update(units)
        if broken:
            raise ConnectionError

    vfs.mount(path, KEY, keep)
    with opened(path) as db:
        with pytest.raises(SqliteError, match="disk I/O error"):
            db.run("create table t (x)")
        broken = False
        told.clear()
        db.run("create table t (x)")
        assert told == {0, 1}


def test_two_connections_at_once(store: Path) -> None:
    with opened(store) as one, opened(store) as two:
        one.run("create table t (x)")
        for number in range(20):
            (one if number % 2 else two).run(f"insert into t values ({number})")
        assert one.run("select count(*) from t") == two.run("select count(*) from t") == [("20",)]
        one.run("begin immediate")
        with pytest.raises(SqliteError, match="locked"):
            two.run("begin immediate")


# --- the shadow: the same operations on a plain file

_ROW = st.tuples(st.integers(0, 12), st.integers(0, 20_000))
_SQL = st.one_of(
    _ROW.map(lambda row: f"insert or replace into t values ({row[0]}, zeroblob({row[1]}) || '{row[1]}')"),
    _ROW.map(lambda row: f"update t set x = x || '{'w' * (row[1] // 7)}' where id >= {row[0]}"),
    st.integers(0, 12).map(lambda number: f"delete from t where id <= {number}"),
    st.sampled_from(["vacuum", "begin", "commit", "rollback", "pragma incremental_vacuum", "drop index if exists i"]),
    st.sampled_from(["create index if not exists i on t (x)", "savepoint s", "rollback to s", "delete from t"]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    statements=st.lists(_SQL, max_size=25),
    page=st.sampled_from([512, 1024, 4096, 16384]),
    mode=st.sampled_from(["delete", "truncate", "persist"]),
)
def test_a_sealed_store_holds_the_bytes_of_its_plain_shadow(statements: list[str], page: int, mode: str) -> None:
    start = f"""pragma page_size = {page}; pragma auto_vacuum = 2; pragma journal_mode = {mode}; pragma cache_size = 3;
        create table t (id integer primary key, x)"""
    with tempfile.TemporaryDirectory() as folder:
        sealed, shadow = Path(folder) / "sealed.db", Path(folder) / "shadow.db"
        vfs.mount(sealed, KEY)
        with opened(sealed) as ours, opened(shadow, sealed=False) as theirs:
            for statement in [start, *statements, "select id, x from t"]:
                assert _outcome(ours, statement) == _outcome(theirs, statement)
            for db in (ours, theirs):
                _outcome(db, "commit")
        assert plain(sealed) == shadow.read_bytes()
        vfs.unmount(sealed)


def _outcome(db: Sqlite, statement: str) -> object:
    try:
        return db.run(statement)
    except SqliteError as error:
        return str(error)


_OFFSETS = st.one_of(st.integers(0, 3 * UNIT), st.sampled_from([0, BLOCK, UNIT - 1, UNIT, 2 * UNIT - BLOCK, 5 * UNIT]))
_OPERATION = st.one_of(
    st.tuples(st.just("write"), _OFFSETS, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("write"), _OFFSETS, st.integers(1, 2 * UNIT).map(lambda count: b"\x07" * count)),
    st.tuples(st.just("write"), _OFFSETS, st.integers(1, UNIT).map(bytes)),
    st.tuples(st.just("truncate"), _OFFSETS, st.just(b"")),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(operations=st.lists(_OPERATION, max_size=12), at=_OFFSETS, count=st.integers(1, 2 * UNIT))
def test_writes_anywhere_holes_truncation_and_short_reads(
    operations: list[tuple[str, int, bytes]], at: int, count: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.db"
        vfs.mount(store, KEY)
        file, model = RawFile(store), bytearray()
        for kind, offset, data in operations:
            if kind == "write":
                model.extend(bytes(max(0, offset + len(data) - len(model))))
                model[offset : offset + len(data)] = data
                assert file.write(offset, data) == vfs.OK
            else:
                model[offset:] = bytes(offset - len(model)) if offset > len(model) else b""
                assert file.call("xTruncate", offset) == vfs.OK
            model.extend(bytes(-len(model) % BLOCK))
        assert file.size() == len(model)
        assert file.read(0, len(model) or 1)[1] == bytes(model or b"\0")
        code, data = file.read(at, count)
        assert data == bytes(model[at : at + count]).ljust(count, b"\0")
        assert code == (vfs.SHORT_READ if at + count > len(model) else vfs.OK)
        assert plain(store, suffix="-journal") == bytes(model)
        assert file.call("xClose") == vfs.OK
        vfs.unmount(store)


def test_a_writer_killed_at_any_moment_leaves_the_store_whole(store: Path) -> None:
    chance = random.Random(4)
    with opened(store) as db:
        rows = ", ".join(f"({number}, 100, '')" for number in range(ACCOUNTS))
        db.run(f"create table accounts (id integer primary key, money, note); insert into accounts values {rows}")
    folder = Path(__file__).parent
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, str(folder / "sealed_writer.py"), str(store), KEY.hex()], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout
            for _ in range(chance.randrange(1, 30)):
                writer.stdout.readline()
            time.sleep(chance.random() / 200)  # to any point of the next transaction
            writer.kill()
        with opened(store) as db:
            assert db.run("pragma integrity_check") == [("ok",)]
            assert db.run("select sum(money) from accounts") == [(str(100 * ACCOUNTS),)]
