"""Fixtures every room of tests shares: one embedded Postgres a run, one fresh database a test, one key ring."""

import contextlib
import functools
import gc
import logging
import os
import secrets
import subprocess
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import psycopg

# Paddy's tests must never reach a real model (pydantic-ai's own switch).
import pydantic_ai.models
import pytest
from playwright.async_api import Browser
from psycopg import sql

from exponential.core import database, encryption
from exponential.core.database import Part
from exponential.core.postgres import embedded
from exponential.core.settings import AppSettings, GatewaySettings
from exponential.protocol import libmagic  # noqa: F401  libmagic before neonize

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ResourceWarning)
    log_handlers = logging.getLogger().handlers[:]
    import neonize  # noqa: F401  its import leaves a child and pipes behind, which would fail whichever test comes next

    for _ in range(2):
        subprocess.run(["true"])  # a new child makes Python reap the old ones
    gc.collect()
    logging.getLogger().handlers[:] = log_handlers  # it adds one, on a stream that pytest closes

pytest.register_assert_rewrite("support")  # before anything of it is imported
from support.browser import browsing  # noqa: E402
from support.embedded_postgres import reachable_folder, running_postgres  # noqa: E402

pytest_plugins = ["exponential.loopback.testing", "support.loopback.real_client", "support.gateways"]
pydantic_ai.models.ALLOW_MODEL_REQUESTS = False
# The gate says the same of the same code each time; by hand, each run tries other examples. A machine may be slow.
hypothesis.settings.register_profile("tests", derandomize=bool(os.environ.get("CI")), deadline=None)
hypothesis.settings.load_profile("tests")

# What is set in the shell of whoever runs the tests is for their own installation, database and proxy.
_NOT_OURS = {
    str(field.validation_alias) for kind in (AppSettings, GatewaySettings) for field in kind.model_fields.values()
}
for name in list(os.environ):
    if name in _NOT_OURS or name.startswith("PG") or name.lower().endswith("_proxy"):
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Acceptance tests, which mostly wait, take turns with others, which keep the processor busy, file by file.

    What takes longest begins first, so that nothing long is left when all else is done.
    """
    turns: dict[Path, int] = {}
    for waits in (True, False):
        files = dict.fromkeys(item.path for item in items if ("acceptance" in item.path.parts) == waits)
        turns |= {path: turn for turn, path in enumerate(files)}
    items.sort(key=lambda item: -1 if "upgrade" in item.path.parts else turns[item.path])


def pytest_collection_finish() -> None:
    """What is imported by now stays until the end: the garbage collector needn't look at it again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def no_dotenv() -> Iterator[None]:
    """Tests and their children run in an empty folder, where no `.env` of an installation is found."""
    with reachable_folder() as folder, contextlib.chdir(folder):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.EmbeddedPostgres]:
    """It needn't outlive the machine: nothing is forced to the disk."""
    with running_postgres() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def admin(postgres: embedded.EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """The connection on which databases are made and dropped."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A real browser, for the windows of a module."""
    async with browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def template(postgres: embedded.EmbeddedPostgres) -> Callable[[Part, bytes], str]:
    """`template("app", ring_key)` → name of a database with all the app's tables, migrated once a run and key."""

    @functools.cache
    def migrated(part: Part, key: bytes) -> str:
        name = f"{part}_template_{encryption.key_id(key).hex()}"
        database.prepare(part, postgres.url(name))
        return name

    return migrated


@pytest.fixture
def database_url(postgres: embedded.EmbeddedPostgres, admin: psycopg.Connection) -> Iterator[Callable[[str], str]]:
    """`database_url("app")` → URL of a database that doesn't exist yet; it is dropped after the test."""
    with databases(postgres, admin) as make:
        yield make


@contextlib.contextmanager
def databases(postgres: embedded.EmbeddedPostgres, admin: psycopg.Connection) -> Iterator[Callable[[str], str]]:
    """Makes URLs of databases that don't exist yet; they are dropped at the end."""
    made: list[str] = []

    def make(name: str) -> str:
        made.append(f"{name}_{secrets.token_hex(4)}")
        return postgres.url(made[-1])

    yield make
    for name in made:
        admin.execute(f'drop database if exists "{name}" with (force)')


@pytest.fixture
def prepared_url(
    admin: psycopg.Connection,
    database_url: Callable[[str], str],
    template: Callable[[Part, bytes], str],
    ring_key: bytes,
    key_ring: None,
) -> Callable[[Part], str]:
    """`prepared_url("app")` → URL of a database with all its tables and no user's row, copied from the template."""

    def make(part: Part) -> str:
        return copy(admin, template(part, ring_key), database_url(part))

    return make


def copy(admin: psycopg.Connection, template: str, url: str) -> str:
    """Make the database of this URL a copy of a template."""
    names = sql.Identifier(database.parse_url(url).database or ""), sql.Identifier(template)
    admin.execute(sql.SQL("create database {} template {}").format(*names))
    return url


@pytest.fixture(scope="module")
def shared_url(
    postgres: embedded.EmbeddedPostgres,
    admin: psycopg.Connection,
    template: Callable[[Part, bytes], str],
    ring_key: bytes,
) -> Iterator[Callable[[Part], str]]:
    """As `prepared_url`, for what the tests of a module share."""
    encryption.use_keys((ring_key,))
    with databases(postgres, admin) as make:
        yield lambda part: copy(admin, template(part, ring_key), make(part))


@pytest.fixture(scope="session")
def ring_key() -> bytes:
    """The one key of the ring with which a test's databases are made."""
    return secrets.token_bytes(32)


@pytest.fixture(autouse=True)
def key_ring(ring_key: bytes) -> None:
    encryption.use_keys((ring_key,))


@pytest.fixture(autouse=True)
def log_settings() -> Iterator[None]:
    """What a test's services set up of the log ends with the test: its stream does, too."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def app_database(prepared_url: Callable[[Part], str]) -> AsyncIterator[database.Database]:
    db = database.Database(prepared_url("app"))
    yield db
    await db.close()


@pytest.fixture
async def gateway_database(prepared_url: Callable[[Part], str]) -> AsyncIterator[database.Database]:
    db = database.Database(prepared_url("gateway"))
    yield db
    await db.close()
