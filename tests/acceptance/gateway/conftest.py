"""The fixtures of support/gateway/linked_gateway.py."""

from collections.abc import AsyncIterator

import pytest
from support.gateway.linked_gateway import World
from support.gateways import App, StartGateway

from exponential.loopback.server.server import Loopback


@pytest.fixture
async def world(whatsapp: Loopback, start_real_gateway: StartGateway, app: App) -> AsyncIterator[World]:
    """Not linked yet: a test that restarts its gateway begins with this one."""
    async with start_real_gateway() as gateway:
        yield World.around(gateway, whatsapp, app, start_real_gateway)


@pytest.fixture
async def linked(world: World) -> World:
    """Ada's account is linked and online."""
    await world.link()
    return world
