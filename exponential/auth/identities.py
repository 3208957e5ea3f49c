"""Accounts at an OpenID Connect provider, and whose they are here."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.auth import users
from exponential.auth.users import User
from exponential.database import AppBase, blind
from exponential.encryption import EncryptedText
from exponential.errors import Unauthorized


class ProviderAccount(AppBase):
    """A provider (`issuer`) knows this user as `subject`, which `subject_key` stands for, unique among providers."""

    __tablename__ = "provider_accounts"

    subject_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    issuer: Mapped[str] = mapped_column(EncryptedText)
    subject: Mapped[str] = mapped_column(EncryptedText)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


async def user_of(
    session: AsyncSession, issuer: str, subject: str, *, email: str, email_verified: bool, name: str
) -> User:
    """The user whom the provider has just vouched for; on the first visit found by e-mail, or made, as a member.

    Raises Unauthorized when the provider has not verified the address (anybody could claim it), or tells none.
    """
    key = blind(session, "provider_accounts.subject", f"{issuer} {subject}")
    known = await session.get(ProviderAccount, key)
    if known is not None:
        return await users.get(session, known.user_id)
    if not email or not email_verified:
        raise Unauthorized(
            "Your sign-in provider doesn't vouch for your e-mail address. Verify it there, then sign in again.",
            code="email_not_verified",
        )
    user = await users.find(session, email)
    if user is None:
        user = await users.add(session, email=email, name=name.strip()[: users.MAX_NAME] or email.split("@")[0])
    session.add(ProviderAccount(subject_key=key, issuer=issuer, subject=subject, user_id=user.id))
    return user
