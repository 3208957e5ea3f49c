"""Settings of services that are about to start: each has a database, and none is started that nobody needs."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from exponential import database, key_check, launch
from exponential.errors import ConfigurationError
from exponential.settings import AppSettings, read


def test_with_the_apps_database_alone_the_gateway_gets_one_beside_it(
    monkeypatch: pytest.MonkeyPatch, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    url = database_url("app")
    monkeypatch.setenv("DATABASE_URL", url)
    place = launch.installation(tmp_path)
    databases = [make_url(each.database_url).database for each in (place.app, place.gateway)]
    assert databases == [make_url(url).database, f"{make_url(url).database}_gateway"]


def test_a_service_with_a_database_of_its_own_starts_no_embedded_one(
    monkeypatch: pytest.MonkeyPatch, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    url = database_url("gateway")
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url)
    assert launch.gateway_settings(tmp_path).database_url == url
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


async def test_services_run_nothing_that_lies_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "secrets.py").write_text("open('was-run', 'w')")
    service = launch.Service("no-such-command", read(AppSettings, data_dir=tmp_path), "http://127.0.0.1:9", {})
    with contextlib.chdir(tmp_path), pytest.raises(ConfigurationError):
        await service.start()
    assert not (tmp_path / "was-run").exists()
