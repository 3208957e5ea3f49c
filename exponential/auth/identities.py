"""Accounts at an OpenID Connect provider, and whose they are here."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth import users
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import AppBase, blind
from exponential.core.encryption import EncryptedText
from exponential.core.errors import BadInput, Conflict, Unauthorized


class ProviderAccount(AppBase):
    """A provider (`issuer`) knows this user as `subject`, which `subject_key` stands for, unique among providers."""

    __tablename__ = "provider_accounts"

    subject_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    issuer: Mapped[str] = mapped_column(EncryptedText)
    subject: Mapped[str] = mapped_column(EncryptedText)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


@dataclass(frozen=True)
class Claims:
    """What a provider says of the person whom it has just signed in (OpenID Connect Core 1.0, section 5.1)."""

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""

    @property
    def address(self) -> str:
        """The address that the provider vouches for, as we would store it; "" when it vouches for none.

        Nothing but letters' case may differ. `str.lower` alone would make another person's address of one with the
        Kelvin sign, whose lower case is k though it is not k's upper case.
        """
        address = users.normalize_email(self.email)
        return address if self.email_verified and self.email.upper() == address.upper() else ""


async def user_of(session: AsyncSession, claims: Claims) -> User:
    """Who this is here. On the first visit that is the account with their address, or a new one, as a member.

    An address connects the two only when both sides have it verified: otherwise whoever claims it there, or typed it
    here, would get its owner's account or sign-in. Raises Unauthorized when the provider hasn't verified the address,
    Conflict `address_not_verified` when nobody has here: then `connect` after the account's password.
    """
    known = await session.get(ProviderAccount, _key(session, claims))
    if known is not None:
        user = await users.get(session, known.user_id)
        user.email_verified |= claims.address == user.email
        return user
    if not claims.address:
        raise Unauthorized(
            "Your sign-in provider doesn't vouch for your e-mail address. Verify it there, then sign in again.",
            code="email_not_verified",
        )
    user_here = await users.find(session, claims.address)
    if user_here is None:
        user_here = await users.add(session, email=claims.address, name=_name(claims), email_verified=True)
    elif not user_here.email_verified:
        raise Conflict(
            f"An account here has your address, {user_here.email}, but nobody has confirmed that it is yours.",
            code="address_not_verified",
        )
    await connect(session, claims, user_here)
    return user_here


async def connect(session: AsyncSession, claims: Claims, user: User) -> None:
    """From now on the provider signs this user in, who has proved to be the owner of address and account."""
    user.email_verified = True
    account = {
        "subject_key": _key(session, claims),
        "issuer": claims.issuer,
        "subject": claims.subject,
        "user_id": user.id,
        "created_at": clock.now(),
    }
    await session.execute(insert(ProviderAccount).values(account).on_conflict_do_nothing())


def _name(claims: Claims) -> str:
    """What the provider calls them, if that is a name, else how their address begins."""
    try:
        return users.validate_name(claims.name[: users.MAX_NAME_CHARS])
    except BadInput:
        return claims.address.partition("@")[0][: users.MAX_NAME_CHARS]


def _key(session: AsyncSession, claims: Claims) -> bytes:
    return blind(session, "provider_accounts.subject", f"{claims.issuer} {claims.subject}")
