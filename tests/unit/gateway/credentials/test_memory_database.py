"""In-memory databases in the WhatsApp client's own SQLite: shared by name, copied whole, and nowhere on a disk."""

import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.gateway.client_sqlite import Sqlite, SqliteError, library, opened

from exponential.core.errors import ConfigurationError
from exponential.gateway.credentials import sealed_pages
from exponential.gateway.credentials.sealed_pages import Manifest, PageCipher
from exponential.gateway.worker.workarounds import memory_database
from exponential.gateway.worker.workarounds.memory_database import MemoryDatabase

ACCOUNTS = 40


def new_name() -> str:
    return f"/store-{uuid.uuid4()}"


@pytest.fixture
def database() -> Iterator[MemoryDatabase]:
    made = MemoryDatabase(library, new_name())
    yield made
    made.close()


def read(content: bytes, sql: str) -> list[tuple[object, ...]]:
    """What a query gives on a copy, with Python's SQLite."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        return db.execute(sql).fetchall()


def test_a_copy_becomes_the_same_database_again(database: MemoryDatabase) -> None:
    with opened(database.name) as one, opened(database.name) as other:
        one.run("create table t (x); insert into t values ('hello')")
        assert other.run("select x from t") == [("hello",)]
        content = database.copy()
    assert read(content, "select x from t") == [("hello",)]
    again = MemoryDatabase(library, new_name(), content)
    with opened(again.name) as db:
        assert db.run("select x from t") == [("hello",)]
        db.run("insert into t values ('more')")
    assert read(again.copy(), "select count(*) from t") == [(2,)]
    assert again.change_counter() == memory_database.change_counter(content) + 1
    again.close()


def test_the_change_counter_counts_transactions(database: MemoryDatabase) -> None:
    assert database.change_counter() == memory_database.change_counter(b"") == 0
    with opened(database.name) as db:
        db.run("create table t (x)")
        start = database.change_counter()
        for number in range(5):
            db.run(f"begin; insert into t values ({number}); insert into t values ({number}); commit")
            assert database.change_counter() == memory_database.change_counter(database.copy()) == start + number + 1
        db.run("begin; insert into t values (1); rollback; select * from t")
        assert database.change_counter() == start + 5


def test_a_copy_waits_for_the_transaction_that_is_running(database: MemoryDatabase) -> None:
    copies: list[bytes] = []
    with opened(database.name) as db:
        db.run("create table t (x)")
        db.run("begin immediate; insert into t values (1)")
        copying = threading.Thread(target=lambda: copies.append(database.copy()))
        copying.start()
        time.sleep(0.2)  # given time to do it wrong
        assert copies == []
        db.run("insert into t values (2); commit")
        copying.join(10)
    assert read(copies[0], "select count(*) from t") == [(2,)]


def test_every_copy_is_between_two_transactions(database: MemoryDatabase) -> None:
    stop = threading.Event()

    def transfer() -> None:
        with opened(database.name) as db:
            while not stop.is_set():
                db.run(
                    "begin immediate; update account set balance = balance - 1 where id = abs(random()) % 40;"
                    "update account set balance = balance + 1 where id = abs(random()) % 40;"
                    "update total set n = (select sum(balance) from account); commit"
                )

    with opened(database.name) as db:
        db.run("create table account (id integer primary key, balance, filling); create table total (n)")
        for number in range(ACCOUNTS):
            db.run(f"insert into account values ({number}, 100, zeroblob(3000))")
        db.run(f"insert into total values ({ACCOUNTS * 100})")
    writers = [threading.Thread(target=transfer) for _ in range(2)]
    for writer in writers:
        writer.start()
    copies: dict[int, bytes] = {}
    deadline = time.monotonic() + 60
    while len(copies) < 50 and time.monotonic() < deadline:
        content = database.copy()
        copies[memory_database.change_counter(content)] = content
        time.sleep(0.001)  # a turn for the writers
    stop.set()
    for writer in writers:
        writer.join(30)
    assert len(copies) == 50
    for content in copies.values():
        assert read(content, "select sum(balance) = (select n from total) from account") == [(1,)]


def test_a_closed_database_is_wiped_for_whoever_still_has_it_open(database: MemoryDatabase) -> None:
    with opened(database.name) as left_behind:
        left_behind.run("create table t (x); insert into t values ('secret')")
        database.close()
        with pytest.raises(SqliteError):
            left_behind.run("select x from t")
    with pytest.raises(ValueError, match="is closed"):
        database.copy()
    with pytest.raises(ValueError, match="is closed"):
        database.change_counter()
    with opened(database.name) as anew, pytest.raises(SqliteError, match="no such table"):
        anew.run("select x from t")
    database.close()


@pytest.mark.parametrize("in_memory", [True, False])
def test_temporary_files_are_in_memory_too(tmp_path: Path, in_memory: bool) -> None:
    install = "memory_database.install(client_sqlite.library)" if in_memory else ""
    program = f"""
import os
from support.gateway import client_sqlite
from exponential.gateway.worker.workarounds import memory_database
{install}
db = client_sqlite.Sqlite({str(tmp_path)!r} + "/store", None)
db.run("pragma cache_size = 1; create table t (x); insert into t values (zeroblob(3000000))")
db.run("create temp table big (x); pragma temp.cache_size = 1; insert into big select x || x from t; select * from big")
open_files = (os.readlink(f"/proc/self/fd/{{fd}}") for fd in os.listdir("/proc/self/fd") if fd.isdigit()
              and os.path.islink(f"/proc/self/fd/{{fd}}"))
print(sum("etilqs" in path or "store" in path for path in open_files), os.listdir({str(tmp_path)!r}))
"""
    here = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{here}:{here.parent}", "PATH": "/usr/bin:/bin"},
    )
    expected = "0 []" if in_memory else "2 ['store']"
    assert done.stdout.strip().splitlines()[-1] == expected


def test_a_library_without_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothing was opened"):
        memory_database.install(SimpleNamespace())


# --- the shadow: the same operations on Python's own SQLite, and every change brought home page by page

_ROW = st.tuples(st.integers(0, 12), st.integers(0, 20_000))
_SQL = st.one_of(
    _ROW.map(lambda row: f"insert or replace into t values ({row[0]}, zeroblob({row[1]}) || '{row[1]}')"),
    _ROW.map(lambda row: f"update t set x = x || '{'w' * (row[1] // 7)}' where id >= {row[0]}"),
    st.integers(0, 12).map(lambda number: f"delete from t where id <= {number}"),
    st.sampled_from(["vacuum", "begin", "commit", "rollback", "pragma incremental_vacuum", "drop index if exists i"]),
    st.sampled_from(["create index if not exists i on t (x)", "savepoint s", "rollback to s", "delete from t"]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(statements=st.lists(_SQL, max_size=25), page=st.sampled_from([512, 1024, 4096, 16384]))
def test_what_is_brought_home_page_by_page_is_what_the_shadow_holds(statements: list[str], page: int) -> None:
    database, cipher = MemoryDatabase(library, new_name()), PageCipher(b"k" * 32, "s")
    home: dict[int, bytes] = {}
    kept = b""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as shadow, opened(database.name) as db:
        start = f"pragma page_size = {page}; pragma auto_vacuum = 2; create table t (id integer primary key, x)"
        shadow.executescript(start)
        db.run(start)
        for statement in statements:
            in_transaction = shadow.in_transaction
            failed = False
            try:
                shadow.execute(statement).fetchall()
            except sqlite3.Error:
                failed = True
            try:
                db.run(statement)
                assert not failed, statement
            except SqliteError:
                assert failed, statement
            if not (in_transaction or shadow.in_transaction):
                content = database.copy()
                for number in sealed_pages.changed(kept, content):
                    home[number] = cipher.seal_page(number, content[number * 4096 : (number + 1) * 4096])
                home = {number: page for number, page in home.items() if number < sealed_pages.page_count(len(content))}
                kept = content
        if home:
            digests = [sealed_pages.digest(home[number]) for number in sorted(home)]
            manifest = Manifest(memory_database.change_counter(kept), len(kept), digests)
            assert cipher.open_pages(manifest, home) == kept
        if shadow.in_transaction:
            shadow.execute("rollback")
            db.run("rollback")
        rows = "select id, hex(x), typeof(x) from t order by id"
        assert read(database.copy(), rows) == shadow.execute(rows).fetchall()
    database.close()


def test_a_name_is_shared_and_its_last_connection_takes_it_along(database: MemoryDatabase) -> None:
    connection = Sqlite(new_name())
    connection.run("create table t (x)")
    connection.close()
    assert database.copy() == b""
