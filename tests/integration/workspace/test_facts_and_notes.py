from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core import clock
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import notes
from exponential.workspace.facts import forget, recall, remember


async def test_facts(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    budgets = await remember(session, alice, " I review budgets on Thursdays ")
    nuts = await remember(session, alice, "Anna is allergic to nuts")
    assert await remember(session, alice, "anna is allergic to nuts") is nuts
    assert await recall(session, alice) == [budgets, nuts]
    assert await recall(session, alice, "when do I review budgts?") == [budgets]
    assert await recall(session, alice, "the weather") == []
    assert await recall(session, bob) == []
    for wrong in ("budgets", str(nuts.id), nuts.id):
        with pytest.raises(NotFound):
            await forget(session, bob, wrong)
    with pytest.raises(Conflict, match="Do you mean"):
        await forget(session, alice, "budgest")
    assert await forget(session, alice, "budgets") is budgets
    assert await recall(session, alice) == [nuts]
    with pytest.raises(BadInput):
        await remember(session, alice, "x" * 1001)
    stored = (await session.execute(text("select text from facts"))).scalar_one()
    assert b"Anna" not in bytes(stored)


async def test_notes(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = await notes.leave_note(session, alice, "call me back", "Eve")
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        second = await notes.leave_note(session, alice, "it is urgent")
    assert await notes.list_notes(session, alice, berlin) == [second, first]
    assert first.as_json(berlin) == {
        "id": str(first.id),
        "from": "Eve",
        "text": "call me back",
        "left_at": "2026-05-07T01:30:00+02:00",
    }
    assert await notes.list_notes(session, alice, berlin, since=date(2026, 5, 8)) == []
    assert await notes.list_notes(session, bob, berlin) == []


async def test_nobody_fills_the_database_with_notes(session: AsyncSession, alice: UUID) -> None:
    for number in range(notes.MAX_NOTES_PER_DAY):
        await notes.leave_note(session, alice, f"note {number}")
    with pytest.raises(Conflict, match="No more notes"):
        await notes.leave_note(session, alice, "one more")
    with clock.frozen(clock.now() + timedelta(days=1, seconds=1)):
        await notes.leave_note(session, alice, "a day later")
