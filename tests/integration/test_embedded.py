"""The embedded Postgres is the same on every machine, whatever the shell that starts it has set."""

import os

import psycopg
import pytest
from embedding import running_postgres

from exponential import embedded
from exponential.database import Database, prepare

LOCALE = {"LANG": "xx_XX.UTF-8", "LC_ALL": "xx_XX.UTF-8", "LC_TIME": "xx_XX.UTF-8"}  # one that isn't installed
CLIENT = {"PGPORT": "5433", "PGCLIENTENCODING": "LATIN1", "PGDATABASE": "another"}


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
            made = "select datcollate, pg_encoding_to_char(encoding) from pg_database where datname = 'app'"
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
