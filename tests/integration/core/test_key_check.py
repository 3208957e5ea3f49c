"""A database opens with the keys of its data alone: a missing one is told at once, and no new one takes its place."""

import asyncio
import base64
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from support.embedded_postgres import reachable_folder
from support.environment import bare
from typer.testing import CliRunner

from exponential.cli import main
from exponential.core import clock, database, encryption, key_check
from exponential.core.database import Database, Part
from exponential.core.errors import ConfigurationError
from exponential.core.postgres import programs
from exponential.gateway.credentials.credential_store import CredentialStore
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
MISSING = r"holds data that was encrypted with a key which is missing here"
RECORDED = Path(__file__).parents[2] / "upgrade" / "v0.1.0"
PARTS: tuple[Part, Part] = ("app", "gateway")


class Place:
    """Settings of an installation with both databases; `keys` are its ring, none: the file in its folder."""

    def __init__(self, folder: Path, database_url: Callable[[str], str]) -> None:
        self.folder = folder
        self.urls: dict[Part, str] = {part: database_url(part) for part in PARTS}

    def environment(self, *keys: bytes) -> dict[str, str]:
        ring = ",".join(base64.b64encode(key).decode() for key in keys)
        return {
            "EXPONENTIAL_DATA": str(self.folder),
            "EXPONENTIAL_APP_PORT": "0",
            "WHATSAPP_GATEWAY_PORT": "0",
            "EXPONENTIAL_LOG_LEVEL": "error",  # commands set it for themselves where it isn't set, here for all tests
            "DATABASE_URL": self.urls["app"],
            "GATEWAY_DATABASE_URL": self.urls["gateway"],
            **({"EXPONENTIAL_ENCRYPTION_KEY": ring} if ring else {}),
        }

    def run(self, *words: str, keys: tuple[bytes, ...] = ()) -> str:
        """What a command prints; raises what it raises."""
        environment: dict[str, str | None] = {"EXPONENTIAL_ENCRYPTION_KEY": None, **self.environment(*keys)}
        result = CliRunner().invoke(main.app, words, env=environment)
        if result.exception:
            raise result.exception
        return result.stdout.strip()

    def prepare(self, *keys: bytes) -> None:
        """As the services do when they start."""
        for part, url in self.urls.items():
            key_check.prepare(part, url, keys)

    def needed(self) -> dict[Part, set[bytes]]:
        """The ids of the keys that are recorded."""
        found: dict[Part, set[bytes]] = {}
        for part, url in self.urls.items():
            with psycopg.connect(url) as connection:
                found[part] = {bytes(row[0]) for row in connection.execute("select key_id from key_checks")}
        return found


def ids(*keys: bytes) -> dict[Part, set[bytes]]:
    return {part: {encryption.key_id(key) for key in keys} for part in PARTS}


@pytest.fixture
def place(tmp_path: Path, database_url: Callable[[str], str]) -> Place:
    return Place(tmp_path, database_url)


@pytest.mark.parametrize(
    "words",
    [
        "app",
        "gateway",
        "up",
        "link",
        "ask hello",
        "retry",
        "rotate-key",
        "tokens list",
        "tokens make x",
        "audit",
        "mcp",
    ],
)
@pytest.mark.parametrize("keys", [(OTHER,), ()], ids=["wrong", "lost"])
def test_every_command_says_so_and_makes_no_key(place: Place, words: str, keys: tuple[bytes, ...]) -> None:
    place.prepare(OLD)
    with pytest.raises(ConfigurationError, match=MISSING):
        place.run(*words.split(), keys=keys)
    assert not (place.folder / "encryption-key").exists()
    assert place.needed() == ids(OLD)


@pytest.mark.parametrize("verb", ["app", "gateway", "up"])
def test_it_is_one_sentence_and_exit_2(place: Place, verb: str) -> None:
    place.prepare(OLD)
    command = [sys.executable, "-m", "exponential", verb]
    ended = subprocess.run(command, env=bare(**place.environment(OTHER)), capture_output=True, text=True)
    assert ended.returncode == 2
    assert "Put that key back" in ended.stderr and ended.stderr.count("\n") == 1, ended.stderr


def test_a_lost_key_file_of_a_data_folder_is_not_made_anew() -> None:
    with reachable_folder() as folder:

        def link() -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "exponential", "link", "--data", str(folder)]
            return subprocess.run(command, env=bare(), capture_output=True, text=True)

        assert link().returncode == 0
        kept = (folder / "encryption-key").rename(folder / "elsewhere")
        (folder / "auth-secret").unlink()
        refused = link()
        assert (refused.returncode, "Put that key back" in refused.stderr) == (2, True)
        assert not (folder / "encryption-key").exists()
        kept.rename(folder / "encryption-key")
        assert link().returncode == 0
        assert (folder / "auth-secret").exists()  # which seals nothing, so that a new one does


def test_one_service_does_not_make_the_key_that_the_other_lost(place: Place) -> None:
    key_check.prepare("gateway", place.urls["gateway"], (OLD,))
    with pytest.raises(ConfigurationError, match=f"gateway's database {MISSING}"):
        place.run("up")
    assert not (place.folder / "encryption-key").exists()


@pytest.mark.parametrize("left", ["postgres/PG_VERSION", "gateway/sessions/a-session/spool"])
def test_no_key_is_made_beside_data_of_another_time(place: Place, left: str) -> None:
    (place.folder / left).parent.mkdir(parents=True)
    (place.folder / left).touch()
    with pytest.raises(ConfigurationError, match=f"data folder .* {MISSING}"):
        place.run("link")
    assert not (place.folder / "encryption-key").exists()


def test_a_token_for_the_gateway_needs_no_encryption_key(place: Place) -> None:
    assert place.run("token", "--user", "me").count(".") == 2
    assert {path.name for path in place.folder.iterdir()} == {"auth-secret"}


def test_a_key_file_that_cannot_be_read_is_one_sentence(place: Place) -> None:
    (place.folder / "encryption-key").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"The file .*encryption-key is not right"):
        place.run("link")


def test_from_the_old_key_alone_over_both_to_the_new_one(place: Place) -> None:
    place.prepare(OLD)
    assert place.needed() == ids(OLD)
    place.prepare(NEW, OLD)
    assert place.needed() == ids(OLD, NEW)
    for too_early in ((NEW,), (OLD,)):  # there may be data under both
        with pytest.raises(ConfigurationError, match=MISSING):
            place.prepare(*too_early)
    assert "Nothing needs the older keys" in place.run("rotate-key", keys=(NEW, OLD))
    assert place.needed() == ids(NEW)
    place.prepare(NEW)
    with pytest.raises(ConfigurationError, match=MISSING):
        place.prepare(OLD)


def test_a_rotation_that_is_not_complete_still_needs_the_old_key(place: Place) -> None:
    place.prepare(OLD)

    async def link_a_phone() -> None:
        db = Database(place.urls["gateway"], pool_size=1)
        now, session = clock.now(), clock.new_id()
        async with db.transaction() as transaction:
            status = sessions.CONNECTED
            transaction.add(Session(id=session, owner="ada", status=status, reason="", since=now, created_at=now))
        await CredentialStore(db, [OLD]).check_out(session, place.folder)
        await db.close()

    asyncio.run(link_a_phone())
    with pytest.raises(SystemExit):
        place.run("rotate-key", keys=(NEW, OLD))
    assert place.needed() == ids(OLD, NEW)


def test_a_value_of_another_key_with_the_same_id_does_not_pass(place: Place) -> None:
    place.prepare(OLD)
    with psycopg.connect(place.urls["app"]) as connection:
        connection.execute("update key_checks set sealed = overlay(sealed placing '\\x00' from 40)")
    with pytest.raises(ConfigurationError, match=MISSING):
        place.prepare(OLD)


@pytest.mark.parametrize("part", PARTS)
def test_a_database_of_version_0_1_0_is_judged_by_its_data(place: Place, part: Part) -> None:
    url = place.urls[part]
    with psycopg.connect(psycopg.conninfo.make_conninfo(url, dbname="postgres"), autocommit=True) as connection:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        connection.execute(f'create database "{name}"')
    restore = [programs.find("pg_restore"), "--no-owner", f"--dbname={url}", RECORDED / f"{part}.dump"]
    subprocess.run(restore, check=True)
    for keys in ((), (OTHER,)):
        with pytest.raises(ConfigurationError, match=MISSING):
            key_check.verify(part, url, keys)
    with pytest.raises(ConfigurationError, match=MISSING):
        key_check.prepare(part, url, (OTHER,))
    with psycopg.connect(url) as connection:
        assert connection.execute("select to_regclass('key_checks')").fetchone() == (None,)
    key = base64.b64decode((RECORDED / "data" / "encryption-key").read_text(encoding="utf-8"))
    key_check.prepare(part, url, (NEW, key))
    with psycopg.connect(url) as connection:
        recorded = {bytes(row[0]) for row in connection.execute("select key_id from key_checks")}
    assert recorded == {encryption.key_id(NEW), encryption.key_id(key)}


def test_it_waits_for_a_migration_and_holds_none_up(place: Place) -> None:
    place.prepare(OLD)
    url = place.urls["gateway"]
    with psycopg.connect(url, autocommit=True) as connection, ThreadPoolExecutor() as threads:
        connection.execute("drop table key_checks")  # so that the data says which keys it needs
        connection.execute(f"select pg_advisory_lock({database.PREPARING})")
        verifying = threads.submit(key_check.verify, "gateway", url, (OLD,))
        with connection.transaction():
            for table in reversed(_tables_it_reads(connection)):
                connection.execute(f"lock table {table} in access exclusive mode")
                _wait_until_blocked(connection)
        connection.execute(f"select pg_advisory_unlock({database.PREPARING})")
        assert verifying.result(10) == {encryption.key_id(OLD)}


def _tables_it_reads(connection: psycopg.Connection) -> list[str]:
    """In the order in which it does."""
    return list(dict.fromkeys(table for table, _ in connection.execute(key_check._SEALED_BEFORE)))


def _wait_until_blocked(connection: psycopg.Connection) -> None:
    """Until another one waits for a lock."""
    blocked = "select exists (select from pg_locks where not granted and database in (0, (select oid from pg_database"
    until = time.monotonic() + 10
    while not connection.execute(f"{blocked} where datname = current_database())))").fetchone() == (True,):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_no_key_is_made_beside_the_other_services_data(place: Place) -> None:
    key_check.prepare("app", place.urls["app"], (OLD,))  # the gateway has no database yet
    with pytest.raises(ConfigurationError, match=MISSING):
        place.run("retry")
    assert not (place.folder / "encryption-key").exists()
