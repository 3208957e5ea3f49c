"""A running app with Alice's account, and the gateway that it may have."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher
from support.app.running_app import SECRET, GatewayStandIn, House, MakeHouse
from support.http_server import serving

from exponential.app import service
from exponential.auth import passwords
from exponential.core.database import Database
from exponential.core.settings import AppSettings, read

HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost next to nothing; tests/integration/auth/test_passwords.py tests those that cost something."""
    monkeypatch.setattr(passwords, "_hasher", HASHER)
    monkeypatch.setattr(passwords, "_NOBODYS", HASHER.hash("of nobody"))


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayStandIn]:
    stand_in = GatewayStandIn()
    async with serving(stand_in.app()) as stand_in.url:
        yield stand_in


@pytest.fixture
def make_house(app_database: Database) -> MakeHouse:
    """`async with make_house(gateway_url="…") as house:` runs the app."""

    @asynccontextmanager
    async def make(**settings: Any) -> AsyncIterator[House]:
        url = app_database.url.render_as_string(hide_password=False)
        given = {"auth_secret": SECRET, "encryption_keys": (secrets.token_bytes(32),), **settings}
        read_settings = read(AppSettings, database_url=url, **given)
        app = service.create(read_settings)
        async with app.router.lifespan_context(app):
            yield House(app, app_database, read_settings)

    return make


@pytest.fixture
async def house(make_house: MakeHouse) -> AsyncIterator[House]:
    """Without a gateway."""
    async with make_house() as made:
        yield made


@pytest.fixture
async def linked_house(make_house: MakeHouse, gateway: GatewayStandIn) -> AsyncIterator[House]:
    """With the stand-in as its gateway."""
    async with make_house(gateway_url=gateway.url) as made:
        yield made
