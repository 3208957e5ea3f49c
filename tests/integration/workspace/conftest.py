"""Alice keeps a workspace; Bob has an account too and must not notice. 01:30 on Thursday 7 May in Berlin."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from support.workspace.accounts import NOW, account

from exponential.core import clock
from exponential.core.database import Database


@pytest.fixture
async def session(app_database: Database) -> AsyncIterator[AsyncSession]:
    with clock.frozen(NOW):
        async with app_database.transaction() as session:
            yield session


@pytest.fixture
async def alice(session: AsyncSession) -> UUID:
    return await account(session, "alice")


@pytest.fixture
async def bob(session: AsyncSession) -> UUID:
    return await account(session, "bob", "America/New_York")
