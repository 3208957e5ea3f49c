"""Settings of services that are about to start: each has a database, and none is started that nobody needs."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from exponential.cli import installation
from exponential.core import database, key_check
from exponential.core.errors import ConfigurationError
from exponential.core.http.sockets import listen


def test_with_the_apps_database_alone_the_gateway_gets_one_beside_it(
    monkeypatch: pytest.MonkeyPatch, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    url = database_url("app")
    monkeypatch.setenv("DATABASE_URL", url)
    place = installation.installation(tmp_path)
    databases = [make_url(each.database_url).database for each in (place.app, place.gateway)]
    assert databases == [make_url(url).database, f"{make_url(url).database}_gateway"]


def test_a_service_with_a_database_of_its_own_starts_no_embedded_one(
    monkeypatch: pytest.MonkeyPatch, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    url = database_url("gateway")
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url)
    assert installation.gateway_settings(tmp_path).database_url == url
    assert {path.name for path in tmp_path.iterdir()} == {"auth-secret", "encryption-key"}


def test_a_password_with_a_space_is_taken_and_what_postgres_refuses_tells_no_password() -> None:
    there = conninfo_to_dict(database.libpq("postgresql://u@/x?host=%2Fhome%2FMy+Data%2B1&options=-c%20a%3Db"))
    assert (there["host"], there["options"]) == ("/home/My Data+1", "-c a=b")
    url = "postgresql://u:S3cret%20Pw%40@127.0.0.1:9/x"
    assert conninfo_to_dict(database.libpq(url))["password"] == "S3cret Pw@"
    for wrong in (url, f"{url}?nonsense=1"):
        with pytest.raises(ConfigurationError) as refused:
            key_check.verify("app", wrong, ())
        assert "S3cret" not in str(refused.value)


@pytest.mark.parametrize("verb", [installation.app_settings, installation.gateway_settings, installation.installation])
def test_a_data_folder_that_can_not_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, database_url: Callable[[str], str], tmp_path: Path, verb: Callable[[Path], object]
) -> None:
    (tmp_path / "file").touch()
    for given in ({}, {"DATABASE_URL": database_url("app"), "GATEWAY_DATABASE_URL": database_url("gateway")}):
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        for folder in (tmp_path / "file" / "data", tmp_path / "file", Path("/proc/data")):
            with pytest.raises(ConfigurationError, match=r"data folder .* can.t be used .*EXPONENTIAL_DATA"):
                verb(folder)


def test_an_older_version_leaves_the_data_of_a_newer_one_alone(database_url: Callable[[str], str]) -> None:
    url = database_url("app")
    database.prepare("app", url)
    with psycopg.connect(database.libpq(url)) as connection:
        connection.execute("update schema_version set version_num = '9999_of_tomorrow'")
    with pytest.raises(
        ConfigurationError, match=r"newer version of Exponential .*9999_of_tomorrow.* Nothing was changed"
    ):
        database.prepare("app", url)


def test_a_missing_database_that_an_ordinary_role_may_not_create_is_told(database_url: Callable[[str], str]) -> None:
    url = database_url("app")
    database.prepare("app", url)
    with psycopg.connect(database.libpq(url), autocommit=True) as connection:
        connection.execute("do $$ begin create role ordinary; exception when duplicate_object then null; end $$")
    missing = database.parse_url(url).set(database="exponential_missing", query=dict(database.parse_url(url).query))
    as_ordinary = missing.update_query_dict({"options": "-c role=ordinary"}).render_as_string(hide_password=False)
    with pytest.raises(ConfigurationError, match=r"permission denied .*create the database exponential_missing"):
        database.prepare("app", as_ordinary)


async def test_a_full_disk_is_told_as_what_it_is(app_database: database.Database) -> None:
    full = "do $$ begin raise exception 'no room' using errcode = '53100'; end $$"
    with (
        pytest.raises(ConfigurationError, match="Make room on the database's disk"),
        database.refusals("app", "postgresql:///x"),
    ):
        async with app_database.transaction() as session:
            await session.execute(text(full))
    with pytest.raises(DBAPIError) as caught:
        async with app_database.transaction() as session:
            await session.execute(text(full))
    outage = database.outage(caught.value)
    assert outage is not None and outage.code == "disk_full" and "make room" in str(outage)


async def test_services_run_nothing_that_lies_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "secrets.py").write_text("open('was-run', 'w')")
    with listen("127.0.0.1", 0) as listener, contextlib.chdir(tmp_path), pytest.raises(ConfigurationError):
        await installation.Service("no-such-command", listener, tmp_path, {}).start()
    assert not (tmp_path / "was-run").exists()
