"""The user's time zone: the present day there, and moments as people say them."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from exponential.auth import users
from exponential.auth.users import User
from exponential.core import clock
from exponential.workspace.text.day_range import within


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


def during(
    moment: InstrumentedAttribute[Any], since: date | None, until: date | None, zone: ZoneInfo
) -> list[ColumnElement[bool]]:
    """Conditions of a query: that a column's moment is on the days from `since` to `until` where the clock shows
    `zone`."""
    found = []
    if since is not None:
        found.append(moment >= datetime.combine(since, time.min, zone))
    if until is not None:
        found.append(moment < datetime.combine(until + timedelta(days=1), time.min, zone))
    return found


def aware(moment: datetime, zone: ZoneInfo) -> datetime:
    """A moment without offset is meant in `zone`. Raises BadInput outside of the day range."""
    within(moment.date())
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
