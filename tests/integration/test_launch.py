"""Settings of services that are about to start: each has a database, and none is started that nobody needs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from exponential import launch


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
