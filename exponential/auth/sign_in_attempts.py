"""Attempts to sign in, counted in the database, so that nobody can go on guessing: not after a restart, not elsewhere.

Counted per account from one address, per address, and per account from anywhere. Both are stored blinded. An IPv6
address counts as its network of 64 bits, which is what one household or server has.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, DateTime, Identity, Index, String, delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth.users import normalize_email
from exponential.core import clock
from exponential.core.database import AppBase, blind
from exponential.core.errors import TooMany

WINDOW = timedelta(minutes=15)
MAX_FROM_ONE_ADDRESS_FOR_ONE_USER, OF_ONE_ADDRESS, FROM_ANYWHERE = 5, 30, 60  # attempts within WINDOW
Limits = dict[str, int]


class Attempt(AppBase):
    """One attempt, under each name that it counts for."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index("ix_sign_in_attempts_what_at", "what", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    what: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def begin(session: AsyncSession, account: str, address: str) -> list[Attempt]:
    """Count an attempt before it is looked at. Raises TooMany; commit before you check the password. The first one
    counts for this account from this address.

    `account` is what was typed, whether there is such an account or not.
    """
    limits = _limits(session, account, address)
    for what in sorted(limits):  # in one order, so that two attempts can't wait for each other
        await session.execute(text("select pg_advisory_xact_lock(hashtext(:what))"), {"what": what})
    recent = (
        select(Attempt.what, func.count(), func.min(Attempt.at))
        .where(Attempt.what.in_(limits), Attempt.at > clock.now() - WINDOW)
        .group_by(Attempt.what)
    )
    waits = [
        first + WINDOW - clock.now() for what, count, first in await session.execute(recent) if count >= limits[what]
    ]
    if waits:
        minutes = max(1, -(-int(max(waits).total_seconds()) // 60))
        raise TooMany(
            f"There were too many attempts to sign in. Wait {minutes} minute{'s' if minutes > 1 else ''}, then try "
            "again; or open a one-time sign-in link.",
            code="too_many_attempts",
            retry_after=int(max(waits).total_seconds()) + 1,
        )
    counted = [Attempt(what=what, at=clock.now()) for what in limits]
    session.add_all(counted)
    await session.flush()
    return counted


async def succeeded(session: AsyncSession, counted: Sequence[Attempt]) -> None:
    """The person knows the password: this was no guess, and what they mistyped before doesn't count any more."""
    mistyped = Attempt.what == counted[0].what
    await session.execute(delete(Attempt).where(or_(Attempt.id.in_(each.id for each in counted), mistyped)))


async def delete_expired(session: AsyncSession) -> None:
    """Remove what doesn't count any more."""
    await session.execute(delete(Attempt).where(Attempt.at < clock.now() - WINDOW))


def _limits(session: AsyncSession, account: str, address: str) -> Limits:
    name = normalize_email(account)
    address = network(address)
    limits = {
        f"both {name} {address}": MAX_FROM_ONE_ADDRESS_FOR_ONE_USER,
        f"address {address}": OF_ONE_ADDRESS,
        f"account {name}": FROM_ANYWHERE,
    }
    return {blind(session, "sign_in_attempts.what", what).hex(): limit for what, limit in limits.items()}


def network(address: str) -> str:
    """What counts as one address: of IPv6 a /64, for that is what one customer has."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a proxy may say anything
        return address
    if known.version == 4 or known.ipv4_mapped:
        return str(known.ipv4_mapped if known.version == 6 else known)
    return str(ipaddress.ip_network((known, 64), strict=False))
