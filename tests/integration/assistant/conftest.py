"""Alice, whose Paddy it is; Bob, who has an account too; Paddy at work, with and without a gateway."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from pydantic_ai.models import override_allow_model_requests
from support.assistant.conversations import SECRET, StageGateway, Story
from support.assistant.model_server import ModelServer, Talking, serving_a_model

from exponential.assistant.channels.registry import Channels
from exponential.assistant.channels.whatsapp import WhatsApp
from exponential.assistant.runtime import Runtime
from exponential.assistant.timing import Timing
from exponential.core.database import Database
from exponential.core.settings import AppSettings
from exponential.gateway.client import GatewayClient


@pytest.fixture
def story(app_database: Database) -> Story:
    return Story(app_database)


@pytest.fixture
async def alice(story: Story) -> UUID:
    return await story.account("alice")


@pytest.fixture
async def bob(story: Story) -> UUID:
    return await story.account("bob")


@pytest.fixture
def app_settings() -> AppSettings:
    return AppSettings(_env_file=None, model="")


@pytest.fixture
def timing() -> Timing:
    """How long Paddy waits for what; a test that wants others parametrizes them. None waits for a next message."""
    return Timing(quiet=0.0)


@pytest.fixture
async def runtime(app_database: Database, app_settings: AppSettings, timing: Timing) -> AsyncIterator[Runtime]:
    async with Runtime(app_database, app_settings, timing=timing) as runtime:
        yield runtime


@pytest.fixture
def gateway() -> Iterator[StageGateway]:
    gateway = StageGateway()
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture
async def channels(gateway: StageGateway) -> AsyncIterator[Channels]:
    """With WhatsApp, by way of the gateway."""
    channels = Channels(WhatsApp(GatewayClient(f"http://127.0.0.1:{gateway.port}", SECRET)))
    yield channels
    await channels.close()


@pytest.fixture
async def connected(
    app_database: Database, app_settings: AppSettings, channels: Channels, timing: Timing
) -> AsyncIterator[Runtime]:
    """A runtime that talks to the gateway."""
    async with Runtime(app_database, app_settings, channels, timing=timing) as runtime:
        yield runtime


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serving_a_model() as model:
        yield model


@pytest.fixture
def talking(app_database: Database, model: ModelServer, timing: Timing) -> Talking:
    """`async with talking() as runtime`: Paddy thinks with the model; settings can be given."""
    quick = replace(timing, model_pause=0.01)

    @asynccontextmanager
    async def with_settings(**settings: Any) -> AsyncIterator[Runtime]:
        settings = {"model": model.model, "model_timeout": 10, **settings}
        with override_allow_model_requests(True):
            async with Runtime(app_database, AppSettings(_env_file=None, **settings), timing=quick) as runtime:
                yield runtime

    return with_settings
