"""One-time sign-in links and the web sessions they open. Only hashes of their tokens are stored."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.auth.users import User
from exponential.database import AppBase
from exponential.errors import Unauthorized

LINK_LIFETIME = timedelta(hours=1)
SESSION_LIFETIME = timedelta(days=30)


class SignInLink(AppBase):
    """A link that signs one user in once."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class WebSession(AppBase):
    """A signed-in browser."""

    __tablename__ = "web_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def make_link(session: AsyncSession, user: User) -> str:
    """A token that `open_session` accepts once, within an hour."""
    token = secrets.token_urlsafe(32)
    session.add(SignInLink(token_hash=_hash(token), user_id=user.id, expires_at=clock.now() + LINK_LIFETIME))
    return token


async def open_session(session: AsyncSession, link_token: str) -> str:
    """Spend a link and return the new web session's token. Raises Unauthorized when spent, expired or unknown."""
    spent = delete(SignInLink).where(SignInLink.token_hash == _hash(link_token)).returning(SignInLink)
    link = (await session.execute(spent)).scalar_one_or_none()
    if link is None or link.expires_at < clock.now():
        raise Unauthorized(
            "This sign-in link was used already or has expired. Run `exponential link` for a fresh one.",
            code="link_invalid",
        )
    token = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            token_hash=_hash(token),
            user_id=link.user_id,
            created_at=clock.now(),
            expires_at=clock.now() + SESSION_LIFETIME,
        )
    )
    return token


async def who(session: AsyncSession, token: str | None) -> User:
    """The user of a web session's token. Raises Unauthorized when there is none or it has ended."""
    if token:
        query = (
            select(User)
            .join(WebSession, WebSession.user_id == User.id)
            .where(WebSession.token_hash == _hash(token), WebSession.expires_at > clock.now())
        )
        user = (await session.execute(query)).scalar_one_or_none()
        if user is not None:
            return user
    raise Unauthorized("You are not signed in. Open the link that `exponential up` printed.", code="signed_out")


async def close_session(session: AsyncSession, token: str) -> None:
    """Sign this browser out; unknown tokens are fine."""
    await session.execute(delete(WebSession).where(WebSession.token_hash == _hash(token)))
