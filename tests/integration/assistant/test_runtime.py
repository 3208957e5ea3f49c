"""Paddy's runtime from its start to its end."""

import asyncio

import pytest

from exponential.assistant.runtime import Runtime
from exponential.core import log
from exponential.core.database import Database
from exponential.core.settings import AppSettings


async def test_it_ends_in_order_at_whatever_moment_of_its_start(
    app_database: Database, app_settings: AppSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    log.configure("info")
    for milliseconds in range(0, 60, 4):
        async with Runtime(app_database, app_settings):
            await asyncio.sleep(milliseconds / 1000)
    assert "runtime_stops_late" not in capfd.readouterr().err
