"""Invites: an admin's link with which somebody makes an account of their own, once. Only its hash is stored."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, Select, String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth import passwords, users
from exponential.auth.sign_in import hash_token
from exponential.auth.users import Role, User
from exponential.core import clock
from exponential.core.database import AppBase
from exponential.core.encryption import EncryptedText
from exponential.core.errors import Conflict, NotFound

INVITE_LIFETIME = timedelta(days=7)
MAX_OPEN_INVITES = 200  # open invites


class Invite(AppBase):
    """An invite that was not taken up yet. `email` is for whom it is; None: whoever has the link."""

    __tablename__ = "invites"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=clock.new_id)
    email: Mapped[str | None] = mapped_column(EncryptedText)
    role: Mapped[str] = mapped_column(String(16))
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def make(session: AsyncSession, by: User, *, email: str = "", role: Role = "member") -> str:
    """An invite's token, good for a week. Raises BadInput, Conflict (`email_taken`, `too_many_invites`)."""
    address = users.validate_email(email) if email.strip() else None
    known = await users.find(session, address) if address else None
    if known is not None:
        doubt = " If the address isn't theirs, free it first." if known.has_typed_address else ""
        raise Conflict(f"{known.name} has an account with this address already.{doubt}", code="email_taken")
    if len(await list_open(session)) >= MAX_OPEN_INVITES:
        raise Conflict(f"There are {MAX_OPEN_INVITES} open invites. Take some back first.", code="too_many_invites")
    token = secrets.token_urlsafe(32)
    expires = clock.now() + INVITE_LIFETIME
    session.add(Invite(token_hash=hash_token(token), email=address, role=role, invited_by=by.id, expires_at=expires))
    return token


async def list_open(session: AsyncSession) -> list[Invite]:
    """The invites that can be taken up, the oldest first."""
    return list(await session.scalars(_open().order_by(Invite.created_at, Invite.id)))


async def revoke(session: AsyncSession, invite_id: UUID) -> None:
    """Raises NotFound."""
    gone = delete(Invite).where(Invite.id == invite_id).returning(Invite.id)
    if (await session.scalars(gone)).one_or_none() is None:
        raise NotFound("This invite was taken up or taken back already.", code="invite_not_found")


async def get(session: AsyncSession, token: str) -> Invite:
    """Raises NotFound when it was taken up, taken back, is older than a week, or who made it is no admin any more."""
    query = _open().where(Invite.token_hash == hash_token(token)).with_for_update(of=Invite)
    invite = (await session.scalars(query)).one_or_none()
    if invite is None:
        raise NotFound(
            "This invite was used already, was taken back, or is older than a week. Ask for a new one.",
            code="invite_invalid",
        )
    return invite


async def accept(
    session: AsyncSession, token: str, *, email: str, name: str, password_hash: str, timezone: str = "UTC"
) -> User:
    """Spend the invite on a new account. Raises NotFound, BadInput, Conflict; the invite then stays as it was.

    The address of an invite is verified: the admin who sent it there vouches for it.
    """
    invite = await get(session, token)
    role: Role = "admin" if invite.role == "admin" else "member"
    user = await users.add(
        session,
        email=invite.email or email,
        email_verified=invite.email is not None,
        name=name,
        role=role,
        timezone=timezone,
    )
    await passwords.change(session, user.id, password_hash)
    await session.delete(invite)
    return user


def _open() -> Select[Invite]:
    return (
        select(Invite)
        .join(User, User.id == Invite.invited_by)
        .where(Invite.expires_at > clock.now(), User.role == "admin")
    )


async def delete_expired(session: AsyncSession) -> None:
    """Remove what has expired."""
    await session.execute(delete(Invite).where(Invite.expires_at < clock.now()))
