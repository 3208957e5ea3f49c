"""The user's time zone: the present day there, and moments as people say them."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth import users
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.errors import BadInput

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)


def zone_of(user: User) -> ZoneInfo:
    """The user's time zone, UTC when the stored name is unknown here."""
    try:
        return ZoneInfo(user.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def today_of(user: User) -> date:
    """The present day where the user is."""
    return clock.now().astimezone(zone_of(user)).date()


async def zone(session: AsyncSession, user_id: UUID) -> ZoneInfo:
    """Raises NotFound for an unknown user."""
    return zone_of(await users.get(session, user_id))


def aware(moment: datetime, zone: ZoneInfo) -> datetime:
    """A moment without offset is meant in `zone`. Raises BadInput outside of FIRST_DAY to LAST_DAY."""
    within(moment.date())
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def within(day: date) -> date:
    """A day that all zones know, and that can be reckoned with. Raises BadInput for what lies further off."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadInput(
            f"{day.isoformat()} is too far off: name a day between {FIRST_DAY.year} and {LAST_DAY.year}.",
            code="day_invalid",
        )
    return day
