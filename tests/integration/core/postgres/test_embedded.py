"""The embedded Postgres is the same on every machine, whatever its shell has set, and lets nobody in but its owner."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from support.embedded_postgres import reachable_folder, running_postgres
from support.environment import bare

from exponential.core.database import Database, prepare
from exponential.core.errors import ConfigurationError
from exponential.core.postgres import embedded
from exponential.core.postgres import programs as postgres_programs

LOCALE = {"LANG": "xx_XX.UTF-8", "LC_ALL": "xx_XX.UTF-8", "LC_TIME": "xx_XX.UTF-8"}  # one that isn't installed
CLIENT = {"PGPORT": "5433", "PGCLIENTENCODING": "LATIN1", "PGDATABASE": "another"}
LONG = "a folder whose name is too long for the address of a Unix socket, as " + "very " * 10 + "deep folders are"
BOTH_PATHS = pytest.mark.parametrize("name", ["data", LONG], ids=["short", "long"])
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two users of this machine")

PERSON = """
import os, pwd, sys
from pathlib import Path
import psycopg
from exponential.core.postgres import embedded, programs as postgres_programs
user, programs, data = sys.argv[1:]
if user:
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    postgres_programs._site_packages = lambda: Path(programs)  # ours may lie where this user can't read
server = embedded.start(Path(data))
print(server.url("postgres"), flush=True)
for url in sys.stdin:
    try:
        psycopg.connect(url.strip()).close()
        print("in", flush=True)
    except psycopg.OperationalError as error:
        print(str(error).replace(chr(10), " "), flush=True)
server.stop()
"""


class Person:
    """A user of this machine with an installation of their own, in a process of its own. Without a name: this user."""

    def __init__(self, data: Path, user: str = "", programs: Path = Path()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PERSON, user, str(programs), str(data)],
            env=bare(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def enters(self, url: str) -> str:
        """ "in", or why not."""
        assert self._process.stdin
        self._process.stdin.write(f"{url}\n")
        self._process.stdin.flush()
        return self.says()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self.leave()

    def leave(self) -> None:
        self._process.communicate()


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture
def programs(place: Path) -> Path:
    """Postgres's programs, where every user can run them."""
    postgres_programs.copy(place / "programs")
    return place / "programs"


@contextmanager
def two_people(place: Path, programs: Path, name: str) -> Iterator[tuple[Person, Person]]:
    people = []
    for user in ("nobody", "daemon"):
        home = place / user
        home.mkdir(mode=0o711)
        shutil.chown(home, user)
        people.append(Person(home / name, user, programs))
    try:
        yield people[0], people[1]
    finally:
        for person in people:
            person.leave()


def socket_folder(url: str) -> Path:
    return Path(psycopg.conninfo.conninfo_to_dict(url)["host"])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@AS_ROOT
@BOTH_PATHS
def test_two_users_have_one_each_and_none_enters_the_others(place: Path, programs: Path, name: str) -> None:
    with two_people(place, programs, name) as (one, other):  # at once
        ones, others = one.says(), other.says()
        assert (one.enters(ones), other.enters(others)) == ("in", "in")
        assert "Permission denied" in one.enters(others)
        assert "Permission denied" in other.enters(ones)
        folder = socket_folder(ones)
        for path in (place / "nobody" / name, folder, folder / ".s.PGSQL.5432"):
            path.chmod(0o777)
        assert "Peer authentication failed" in other.enters(ones)
        psycopg.connect(ones).close()  # root may
    assert not socket_folder(ones).exists() or name == "data"


@AS_ROOT
def test_root_joins_a_users_server_and_leaves_it_theirs(place: Path, programs: Path) -> None:
    with two_people(place, programs, "data") as (person, _):
        url = person.says()
    data = place / "nobody" / "data"
    server = embedded.start(data)
    assert server.url("postgres") == url
    psycopg.connect(url).close()
    server.stop()
    assert {path.owner() for path in data.rglob("*") if "postgres" in path.name} == {"nobody"}
    again = Person(data, "nobody", programs)
    assert again.enters(again.says()) == "in"
    again.leave()


@BOTH_PATHS
def test_its_socket_is_private_and_others_of_the_same_user_find_it(place: Path, name: str) -> None:
    server = embedded.start(place / name)
    url = server.url("postgres")
    folder = socket_folder(url)
    assert (mode(folder), mode(folder / ".s.PGSQL.5432")) == (0o700, 0o700)
    assert (folder == (place / name / "postgres")) == (name == "data")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role other login")
        with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
            psycopg.connect(url, user="other")
    person = Person(place / name)
    assert person.says() == url
    server.stop()
    assert person.enters(url) == "in"  # as long as anybody uses it
    person.leave()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_whoever_was_killed_does_not_keep_it_running(place: Path) -> None:
    person = Person(place)
    url = person.says()
    person.kill()
    psycopg.connect(url).close()
    embedded.start(place).stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_database_of_version_0_1_0_opens_and_trusts_nobody_any_more(place: Path) -> None:
    """That version left a server running when it was killed, which let everybody in through a folder in /tmp."""
    data, open_to_all = place / "data", place / "hash"
    open_to_all.mkdir()
    cluster = data / "postgres"
    data.mkdir(mode=0o755)
    cluster.mkdir(mode=0o700)
    as_root = os.geteuid() == 0
    user = pwd.getpwnam(embedded.SYSTEM_USER) if as_root else pwd.getpwuid(os.geteuid())
    for folder in (open_to_all, cluster):
        os.chown(folder, user.pw_uid, user.pw_gid)
    open_to_all.chmod(0o777)

    def run(*words: str) -> None:
        program = postgres_programs.find(words[0])
        subprocess.run([program, *words[1:]], check=True, cwd=cluster, stdout=subprocess.DEVNULL, user=user.pw_uid)

    run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", ".")
    run("pg_ctl", "-w", "-o", f'-h "" -k {open_to_all}', "-l", "log", "-D", ".", "start")
    before = f"postgresql://postgres@/postgres?host={open_to_all}"
    with psycopg.connect(before, autocommit=True) as connection:
        connection.execute("create table tasks as select 'buy milk' as title")
        connection.execute("create role other login")
    server = embedded.start(data)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(before)
    with psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("select title from tasks").fetchall() == [("buy milk",)]
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(server.url("postgres"), user="other")
    assert mode(socket_folder(server.url("postgres"))) == 0o700
    server.stop()


@AS_ROOT
def test_what_root_puts_back_from_a_backup_opens(place: Path) -> None:
    with_data = embedded.start(place / "data")
    with psycopg.connect(with_data.url("postgres"), autocommit=True) as connection:
        connection.execute("create table tasks as select 'buy milk' as title")
    with_data.stop()
    shutil.copytree(place / "data", place / "again")  # which makes root the owner
    (place / "again").chmod(0o711)
    server = embedded.start(place / "again")
    with psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("select title from tasks").fetchall() == [("buy milk",)]
    server.stop()


@AS_ROOT
def test_as_root_it_opens_no_folder_to_others(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = place / "root"
    home.mkdir(mode=0o700)
    postgres_programs.copy(home / "wheel")
    monkeypatch.setattr(postgres_programs, "_site_packages", lambda: home / "wheel")
    with pytest.raises(ConfigurationError, match=r"Permission denied.*must be able to enter that folder"):
        embedded.start(home / "data")
    server = embedded.start(place / "data")  # its programs are copied to where they can be run
    psycopg.connect(server.url("postgres")).close()
    server.stop()
    assert (mode(home), mode(place / "data")) == (0o700, 0o711)


def test_its_locale_and_socket_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (LOCALE | CLIENT).items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with running_postgres() as server:
        assert dict(os.environ) == before
        for name in LOCALE | CLIENT:
            monkeypatch.delenv(name)  # as in another shell, later
        prepare("app", server.url("app"))
        with psycopg.connect(server.url("app")) as connection:
            made = "select datlocale, pg_encoding_to_char(encoding) from pg_database where datname = 'app'"
            assert connection.execute(made).fetchone() == (embedded.LOCALE, "UTF8")
            assert connection.execute("select lower('ÄRGER')").fetchone() == ("ärger",)


async def test_connections_speak_utf8_and_tell_moments_in_utc(
    postgres: embedded.EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("create database elsewhere")
        connection.execute("alter database elsewhere set timezone to 'Asia/Tokyo'")
    for name, value in CLIENT.items():
        monkeypatch.setenv(name, value)
    prepare("app", postgres.url("elsewhere"))
    database = Database(postgres.url("elsewhere"))
    async with database.transaction() as session:
        connected = await session.connection()
        told = await connected.exec_driver_sql("select now(), 'für – ✓', current_database()")
        now, text, name = told.one()
    await database.close()
    assert (now.tzname(), text, name) == ("UTC", "für – ✓", "elsewhere")
