"""It is 01:30 on Thursday, 7 May 2026 in Berlin."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core import clock
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import tasks
from exponential.workspace.reminders import (
    Repeat,
    cancel_reminder,
    following,
    list_reminders,
    remind,
    snooze_reminder,
)

BERLIN = ZoneInfo("Europe/Berlin")


async def test_reminding(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    pills = await remind(session, alice, "take the pills", datetime(2026, 5, 7, 8), "daily")
    mom = await remind(session, alice, "call mom", datetime(2026, 5, 7, 7, 30))
    assert await list_reminders(session, alice) == [mom, pills]
    assert mom.at == datetime(2026, 5, 7, 5, 30, tzinfo=UTC)
    assert pills.as_json(BERLIN)["at"] == "2026-05-07T08:00:00+02:00"
    assert await list_reminders(session, bob) == []
    for wrong in ("pills", str(pills.id), pills.id):
        with pytest.raises(NotFound):
            await cancel_reminder(session, bob, wrong)
    with pytest.raises(Conflict, match="Do you mean “take the pills”"):
        await cancel_reminder(session, alice, "take the pils")
    assert await cancel_reminder(session, alice, "pills") is pills
    assert await list_reminders(session, alice) == [mom]


async def test_of_several_that_say_the_same_none_is_cancelled_by_guess(session: AsyncSession, alice: UUID) -> None:
    pills = [await remind(session, alice, "take pills", datetime(2026, 5, 7, hour), "daily") for hour in (8, 20)]
    with pytest.raises(Conflict, match=r"“take pills” \(2026-05-07 20:00\), “take pills” \(2026-05-07 08:00\)"):
        await cancel_reminder(session, alice, "pills")
    assert await list_reminders(session, alice) == pills


async def test_snoozing(session: AsyncSession, alice: UUID) -> None:
    mom = await remind(session, alice, "call mom", datetime(2026, 5, 7, 7, 30))
    await snooze_reminder(session, alice, "mom")
    assert mom.at == clock.now() + timedelta(minutes=10)
    await snooze_reminder(session, alice, mom.id, datetime(2026, 5, 8, 9))
    assert mom.at == datetime(2026, 5, 8, 7, tzinfo=UTC)
    await snooze_reminder(session, alice, mom.id, date(2026, 5, 11))  # its hour stays, or its day
    assert mom.at == datetime(2026, 5, 11, 7, tzinfo=UTC)
    await snooze_reminder(session, alice, mom.id, time(10))
    assert mom.at == datetime(2026, 5, 11, 8, tzinfo=UTC)
    mom.ended_at = clock.now()  # it came
    await snooze_reminder(session, alice, "call mom")
    assert await list_reminders(session, alice) == [mom]
    with pytest.raises(BadInput, match="passed"):
        await snooze_reminder(session, alice, "mom", datetime(2026, 5, 1, 9))


async def test_what_cannot_be(session: AsyncSession, alice: UUID) -> None:
    with pytest.raises(BadInput, match="passed"):
        await remind(session, alice, "x", datetime(2026, 5, 7, 1))
    with pytest.raises(BadInput, match="empty"):
        await remind(session, alice, " ", datetime(2026, 5, 8))
    with pytest.raises(BadInput, match="every so many"):
        await remind(session, alice, "x", datetime(2026, 5, 8), "weekdays", 2)
    past = await remind(session, alice, "x", datetime(2026, 5, 4, 9), "weekly")
    assert past.at == datetime(2026, 5, 11, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("began", "repeat", "every", "now", "expected"),
    [
        (datetime(2026, 1, 31, 9), "monthly", 1, datetime(2026, 2, 1), datetime(2026, 2, 28, 9)),
        (datetime(2026, 1, 31, 9), "monthly", 1, datetime(2026, 2, 28, 9), datetime(2026, 3, 31, 9)),
        (
            datetime(2026, 3, 28, 9),
            "daily",
            1,
            datetime(2026, 3, 28, 10),
            datetime(2026, 3, 29, 9),
        ),  # summer time
        (datetime(2026, 5, 4, 9), "weekly", 2, datetime(2026, 5, 6), datetime(2026, 5, 18, 9)),
        (datetime(2026, 5, 8, 9), "weekdays", 1, datetime(2026, 5, 8, 9), datetime(2026, 5, 11, 9)),
        (datetime(2024, 2, 29, 9), "yearly", 1, datetime(2026, 1, 1), datetime(2026, 2, 28, 9)),
    ],
)
def test_the_next_time(began: datetime, repeat: Repeat, every: int, now: datetime, expected: datetime) -> None:
    with clock.frozen(now.replace(tzinfo=BERLIN)):
        assert following(began.replace(tzinfo=BERLIN), repeat, every, BERLIN) == expected.replace(tzinfo=BERLIN)


@pytest.mark.parametrize("year", [1, 1969, 2200, 9999])
async def test_what_is_too_far_off_is_refused(session: AsyncSession, alice: UUID, year: int) -> None:
    for zone in (UTC, None):
        at = datetime(year, 12, 31, 23, 59, tzinfo=zone)
        with pytest.raises(BadInput, match="too far off"):
            await remind(session, alice, "call mom", at, "yearly")
        with pytest.raises(BadInput, match="too far off"):
            await tasks.create_task(session, alice, "call mom", at)
    with pytest.raises(BadInput, match="too far off"):
        await tasks.create_task(session, alice, "call mom", date(year, 1, 1))
    with pytest.raises(BadInput, match="repeat"):
        await remind(session, alice, "call mom", datetime(2030, 1, 1, tzinfo=UTC), "daily", 2**31)
