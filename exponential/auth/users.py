"""Accounts of people who use this installation, and the local account that `up` and `demo` sign in with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, String, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.auth.tokens import Identity
from exponential.database import AppBase
from exponential.errors import NotFound

LOCAL_EMAIL = "you@exponential.local"


class User(AppBase):
    """A person with an account here. `timezone` is an IANA name."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    @property
    def identity(self) -> Identity:
        """Who the gateway is told that this user is."""
        return Identity(str(self.id), self.email, self.name)


async def local_user(session: AsyncSession) -> User:
    """The account of whoever runs this installation, made on first use."""
    await session.execute(
        insert(User)
        .values(id=clock.new_id(), email=LOCAL_EMAIL, name="You", timezone="UTC", created_at=clock.now())
        .on_conflict_do_nothing(index_elements=["email"])
    )
    return (await session.execute(select(User).where(User.email == LOCAL_EMAIL))).scalar_one()


async def get(session: AsyncSession, user_id: UUID) -> User:
    """Raises NotFound."""
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such account here.", code="unknown_user")
    return user
