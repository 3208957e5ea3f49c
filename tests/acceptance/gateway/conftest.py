"""The fixtures of support/gateway/linked_gateway.py."""

from collections.abc import AsyncIterator

import pytest
from support.gateway.linked_gateway import World, linked_within
from support.gateways import App, SharedGateway, StartGateway

from exponential.loopback.server.server import Loopback


@pytest.fixture
async def world(whatsapp: Loopback, start_real_gateway: StartGateway, app: App) -> AsyncIterator[World]:
    """In a gateway of its own, not linked yet."""
    async with start_real_gateway() as gateway:
        yield World.around(gateway, whatsapp, app)


@pytest.fixture
async def linked(shared_gateway: SharedGateway, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with linked_within(shared_gateway, request) as world:
        yield world
