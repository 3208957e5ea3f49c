"""Access tokens of a user's own programs: a recorder's webhook, an MCP client, a script. Only hashes are stored.

A token is shown once, when it is made. It speaks for its user in the API until it is revoked.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.auth.users import User
from exponential.database import AppBase
from exponential.encryption import EncryptedText
from exponential.errors import BadInput, Conflict, NotFound, Unauthorized

PREFIX = "exp_"  # so that people, and scanners for leaked secrets, know one when they see it
MOST = 25  # of one user
MAX_NAME = 100  # characters
USED_AGAIN = timedelta(minutes=1)  # a use within it is not noted anew


class AccessToken(AppBase):
    """`name` says what it is for."""

    __tablename__ = "access_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(EncryptedText)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


async def make(session: AsyncSession, user_id: UUID, name: str) -> tuple[AccessToken, str]:
    """A new token, and what to give to the program: it can't be shown again.

    Raises BadInput (name), Conflict (too many).
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise BadInput(f"Say in 1 to {MAX_NAME} characters what the token is for.", code="token_name_invalid")
    count = select(func.count()).select_from(AccessToken).where(AccessToken.user_id == user_id)
    if (await session.execute(count)).scalar_one() >= MOST:
        raise Conflict(f"You have {MOST} access tokens already. Revoke one that is not used.", code="too_many_tokens")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = AccessToken(user_id=user_id, name=name, token_hash=_hash(secret))
    session.add(token)
    await session.flush()
    return token, secret


async def of_user(session: AsyncSession, user_id: UUID) -> list[AccessToken]:
    """The user's tokens, the latest first."""
    query = select(AccessToken).where(AccessToken.user_id == user_id).order_by(AccessToken.id.desc())
    return list((await session.execute(query)).scalars())


async def revoke(session: AsyncSession, user_id: UUID, token_id: UUID) -> AccessToken:
    """From now on it opens nothing. Raises NotFound."""
    query = select(AccessToken).where(AccessToken.user_id == user_id, AccessToken.id == token_id)
    token = (await session.execute(query)).scalar_one_or_none()
    if token is None:
        raise NotFound("There is no such access token of yours.", code="unknown_token")
    await session.delete(token)
    return token


async def who(session: AsyncSession, secret: str) -> User:
    """Whom a token speaks for; its use is noted. Raises Unauthorized."""
    query = (
        select(AccessToken, User)
        .join(User, User.id == AccessToken.user_id)
        .where(AccessToken.token_hash == _hash(secret))
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise Unauthorized(
            "This access token is not valid here, or was revoked. Make a new one in the settings, or with "
            "`exponential tokens make`.",
            code="token_invalid",
        )
    token, user = found
    if token.used_at is None or clock.now() - token.used_at > USED_AGAIN:
        token.used_at = clock.now()
    return user


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
