"""When and where the workspace's tests take place, and who is in them."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth.users import User

NOW = datetime(2026, 5, 6, 23, 30, tzinfo=UTC)  # still Wednesday in London and New York


async def account(session: AsyncSession, name: str, timezone: str = "Europe/Berlin") -> UUID:
    user = User(email=f"{name}@example.org", name=name, timezone=timezone)
    session.add(user)
    await session.flush()
    return user.id
