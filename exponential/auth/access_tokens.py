"""Access tokens of a user's own programs: a recorder's webhook, an MCP client, a script. Only hashes are stored.

A token is shown once, when it is made. It speaks for its user in the API, as far as its scopes go, until it expires or
is revoked.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth.users import User
from exponential.core import clock, validation
from exponential.core.database import AppBase
from exponential.core.encryption import EncryptedText
from exponential.core.errors import BadInput, Conflict, Forbidden, NotFound, Unauthorized

PREFIX = "exp_"  # so that people, and scanners for leaked secrets, know one when they see it
MAX_TOKENS_PER_USER = 25  # of one user
MAX_NAME_CHARS = 100
DEFAULT_DAYS, MAX_DAYS = 90, 3_650  # that a token lives unless it is said otherwise, and at most
NOTE_USE_EVERY = timedelta(minutes=1)  # a use within it is not noted anew


Scope = Literal["meetings:write", "mcp", "audit:read", "all"]
MEETINGS: Scope = "meetings:write"
MCP: Scope = "mcp"
AUDIT: Scope = "audit:read"
ALL: Scope = "all"
SCOPES: dict[Scope, str] = {
    MEETINGS: "add meetings",
    MCP: "use your workspace over MCP",
    AUDIT: "read the audit",
    ALL: "do everything in the API",
}


class AccessToken(AppBase):
    """`name` says what it is for; `scope` is what it may do, with spaces between; no `expires_at`: it never expires."""

    __tablename__ = "access_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(EncryptedText)
    scope: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()

    @property
    def may(self) -> str:
        """What it may do, in words."""
        return ", ".join(words for scope, words in SCOPES.items() if scope in self.scopes)

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()


async def make(
    session: AsyncSession,
    user_id: UUID,
    name: str,
    *,
    scopes: Collection[str] = (ALL,),
    days: int | None = DEFAULT_DAYS,
) -> tuple[AccessToken, str]:
    """A new token, and what to give to the program: it can't be shown again. It lives for `days`; None: for ever.

    Raises BadInput (name, scopes, days), Conflict (too many).
    """
    name = validation.one_line(name)
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise BadInput(f"Say in 1 to {MAX_NAME_CHARS} characters what the token is for.", code="token_name_invalid")
    wanted = [scope for scope in SCOPES if scope in scopes]
    if not wanted or len(wanted) != len(set(scopes)):
        raise BadInput(f"Choose what the token may do: {', '.join(SCOPES)}.", code="scope_invalid")
    if days is not None and not 0 < days <= MAX_DAYS:
        raise BadInput(f"A token lives for 1 to {MAX_DAYS:,} days, or never expires.", code="expiry_invalid")
    one_by_one = select(User.id).where(User.id == user_id).with_for_update(key_share=True)
    await session.execute(one_by_one)
    count = select(func.count()).select_from(AccessToken).where(AccessToken.user_id == user_id)
    if (await session.execute(count)).scalar_one() >= MAX_TOKENS_PER_USER:
        raise Conflict(
            f"You have {MAX_TOKENS_PER_USER} access tokens already. Revoke one that is not used.",
            code="too_many_tokens",
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    token = AccessToken(
        user_id=user_id,
        name=name,
        scope=" ".join([ALL] if ALL in wanted else wanted),
        token_hash=_hash(secret),
        expires_at=clock.now() + timedelta(days=days) if days else None,
    )
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


async def use(session: AsyncSession, secret: str, scope: Scope) -> tuple[AccessToken, User]:
    """A token that has `scope`, and whom it speaks for; its use is noted.

    Raises Unauthorized when it is unknown or has expired, Forbidden when it lacks the scope.
    """
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
    if token.expired:
        raise Unauthorized(
            f"This access token expired on {token.expires_at:%Y-%m-%d}. Make a new one in the settings, or with "
            "`exponential tokens make`.",
            code="token_expired",
        )
    if not {scope, ALL} & set(token.scopes):
        raise Forbidden(
            f"This access token lacks the scope {scope}; it has {', '.join(token.scopes)}. Make one that may "
            f"{SCOPES[scope]} in the settings, or with `exponential tokens make --scope {scope}`.",
            code="scope_missing",
        )
    if token.used_at is None or clock.now() - token.used_at > NOTE_USE_EVERY:
        token.used_at = clock.now()
    return token, user


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
