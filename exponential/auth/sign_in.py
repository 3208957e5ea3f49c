"""Web sessions and the one-time links that open them. Only hashes of their tokens are stored."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, String, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import AppBase
from exponential.core.encryption import EncryptedText
from exponential.core.errors import NotFound, Unauthorized

LINK_LIFETIME = timedelta(hours=1)
SESSION_LIFETIME = timedelta(days=30)
NOTE_SEEN_EVERY = timedelta(minutes=5)  # how exactly it is known when a browser was last here
FRESH_FOR = timedelta(hours=1)  # in which having signed in shows who sits there
Way = Literal["link", "password", "invite", "oidc"]


class SignInLink(AppBase):
    """A link that signs one user in once."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class WebSession(AppBase):
    """A signed-in browser. `way` is how it got in; `device` describes it: "Firefox on Linux"."""

    __tablename__ = "web_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    way: Mapped[str] = mapped_column(String(16))
    device: Mapped[str] = mapped_column(EncryptedText)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def hash_token(token: str) -> bytes:
    """How a token is stored: its SHA-256. It is random and long, so nobody finds it from that."""
    return hashlib.sha256(token.encode()).digest()


async def make_link(session: AsyncSession, user: User) -> str:
    """A token that `open_session` accepts once, within an hour."""
    token = secrets.token_urlsafe(32)
    session.add(SignInLink(token_hash=hash_token(token), user_id=user.id, expires_at=clock.now() + LINK_LIFETIME))
    return token


async def user_of_link(session: AsyncSession, link_token: str) -> User:
    """Whom a link signs in, without spending it. Raises Unauthorized when spent, expired or unknown."""
    good = SignInLink.token_hash == hash_token(link_token), SignInLink.expires_at > clock.now()
    query = select(User).join(SignInLink, SignInLink.user_id == User.id).where(*good)
    user = (await session.execute(query.with_for_update(of=SignInLink))).scalar_one_or_none()
    if user is None:
        raise Unauthorized(
            "This sign-in link was used already or has expired. Run `exponential link` for a fresh one.",
            code="link_invalid",
        )
    return user


async def open_session(session: AsyncSession, link_token: str, device: str = "") -> str:
    """Spend a link and return the new web session's token. Raises Unauthorized as `look` does."""
    user = await user_of_link(session, link_token)
    await session.execute(delete(SignInLink).where(SignInLink.token_hash == hash_token(link_token)))
    return await sign_in(session, user.id, "link", device)


async def sign_in(session: AsyncSession, user_id: UUID, way: Way, device: str = "") -> str:
    """A new web session's token, for a user who has shown who they are."""
    token, now = secrets.token_urlsafe(32), clock.now()
    session.add(
        WebSession(
            token_hash=hash_token(token),
            user_id=user_id,
            way=way,
            device=device[:100],
            created_at=now,
            seen_at=now,
            expires_at=now + SESSION_LIFETIME,
        )
    )
    return token


async def user_of(session: AsyncSession, token: str | None) -> User:
    """The user of a web session's token. Raises Unauthorized when there is none or it has ended."""
    if token:
        query = (
            select(User, WebSession.seen_at)
            .join(WebSession, WebSession.user_id == User.id)
            .where(WebSession.token_hash == hash_token(token), WebSession.expires_at > clock.now())
        )
        found = (await session.execute(query)).one_or_none()
        if found is not None:
            if clock.now() - found.seen_at > NOTE_SEEN_EVERY:
                seen = update(WebSession).where(WebSession.token_hash == hash_token(token))
                await session.execute(seen.values(seen_at=clock.now()))
            user: User = found[0]
            return user
    raise Unauthorized("You are not signed in.", code="signed_out")


async def close_session(session: AsyncSession, token: str) -> None:
    """Sign this browser out; unknown tokens are fine."""
    await session.execute(delete(WebSession).where(WebSession.token_hash == hash_token(token)))


async def sessions_of(session: AsyncSession, user_id: UUID, token: str) -> list[tuple[WebSession, bool]]:
    """The user's signed-in browsers, the last seen first, each with whether it is that of `token`."""
    query = select(WebSession).where(WebSession.user_id == user_id, WebSession.expires_at > clock.now())
    found = await session.scalars(query.order_by(WebSession.seen_at.desc(), WebSession.id))
    return [(each, each.token_hash == hash_token(token)) for each in found]


async def end_session(session: AsyncSession, user_id: UUID, session_id: UUID) -> None:
    """Sign one of the user's browsers out. Raises NotFound."""
    gone = delete(WebSession).where(WebSession.id == session_id, WebSession.user_id == user_id)
    if (await session.scalars(gone.returning(WebSession.id))).one_or_none() is None:
        raise NotFound("This browser is signed out already.", code="web_session_not_found")


async def end_others(session: AsyncSession, user_id: UUID, token: str = "") -> int:
    """Sign out everywhere but in the browser of `token`, and void unspent links; how many browsers that were."""
    await session.execute(delete(SignInLink).where(SignInLink.user_id == user_id))
    gone = delete(WebSession).where(WebSession.user_id == user_id, WebSession.token_hash != hash_token(token))
    return len((await session.scalars(gone.returning(WebSession.id))).all())


async def is_fresh(session: AsyncSession, user: User, token: str) -> bool:
    """Whether this browser signed in just now in a way that does for the password: by a one-time link, as one does who
    has forgotten it; or through the provider, for an account that has none."""
    ways = ["link"] if user.password_hash else ["link", "oidc"]
    query = select(WebSession.id).where(
        WebSession.token_hash == hash_token(token),
        WebSession.way.in_(ways),
        WebSession.created_at > clock.now() - FRESH_FOR,
    )
    return (await session.execute(query)).scalar_one_or_none() is not None


async def delete_expired(session: AsyncSession) -> None:
    """Remove what has expired."""
    await session.execute(delete(SignInLink).where(SignInLink.expires_at < clock.now()))
    await session.execute(delete(WebSession).where(WebSession.expires_at < clock.now()))
