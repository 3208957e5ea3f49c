"""The days that can be named: those that all time zones know, and that can be reckoned with."""

from datetime import date

from exponential.core.errors import BadInput

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)


def within(day: date) -> date:
    """The day. Raises BadInput for one that lies further off."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadInput(
            f"{day.isoformat()} is too far off: name a day between {FIRST_DAY.year} and {LAST_DAY.year}.",
            code="day_invalid",
        )
    return day
