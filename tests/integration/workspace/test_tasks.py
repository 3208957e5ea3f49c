"""Alice keeps tasks; Bob has an account too and must not notice."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from support.workspace.accounts import NOW, account

from exponential.auth.users import User
from exponential.core.database import Database
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import history, tasks
from exponential.workspace.tasks import complete_task, create_task, list_tasks
from exponential.workspace.text import zones


async def test_tasks_are_listed_by_what_is_due_next(session: AsyncSession, alice: UUID) -> None:
    await create_task(session, alice, "some day")
    await create_task(session, alice, "  next \n week ", date(2026, 5, 12))
    await create_task(session, alice, "at five", datetime(2026, 5, 7, 17, 0))
    await create_task(session, alice, "at nine", datetime(2026, 5, 7, 9, 0))
    found = await list_tasks(session, alice)
    assert [task.title for task in found] == ["at nine", "at five", "next week", "some day"]
    assert found[0].due_at == datetime(2026, 5, 7, 7, 0, tzinfo=UTC)
    assert found[0].as_json(zones.zone_of(await session.get_one(User, alice)))["due"] == "2026-05-07T09:00:00+02:00"


async def test_today_is_where_the_user_is(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    for user in (alice, bob):
        for day in (5, 6, 7, 8, 12, 13):
            await create_task(session, user, f"on the {day}", date(2026, 5, day))

    async def due(user: UUID, when: tasks.Due | date) -> list[int]:
        return [task.due_on.day for task in await list_tasks(session, user, due=when) if task.due_on]

    assert await due(alice, "today") == [5, 6, 7]
    assert await due(alice, "overdue") == [5, 6]
    assert await due(alice, "tomorrow") == [8]
    assert await due(alice, "week") == [5, 6, 7, 8, 12, 13]
    assert await due(bob, "today") == [5, 6]
    assert await due(bob, "week") == [5, 6, 7, 8, 12]
    assert await due(bob, date(2026, 5, 13)) == [13]


@pytest.mark.parametrize("title", ["", "   \n", "x" * 501, "a\x00b"])
async def test_a_title_that_cannot_be(session: AsyncSession, alice: UUID, title: str) -> None:
    with pytest.raises(BadInput, match="title"):
        await create_task(session, alice, title)


async def test_the_longest_title_fits(session: AsyncSession, alice: UUID) -> None:
    assert (await create_task(session, alice, "ä" * 500)).title == "ä" * 500


async def test_nobody_owns_a_task_without_an_account(session: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await create_task(session, uuid4(), "ghost")


async def test_completing_by_name(session: AsyncSession, alice: UUID) -> None:
    for title in ("Buy milk", "Call the dentist", "Call mom about Sunday"):
        await create_task(session, alice, title)
    assert (await complete_task(session, alice, "dentst")).title == "Call the dentist"
    assert (await complete_task(session, alice, "MILK")).title == "Buy milk"
    with pytest.raises(Conflict, match="already done"):
        await complete_task(session, alice, "milk")
    with pytest.raises(NotFound, match="no task like “report”"):
        await complete_task(session, alice, "report")
    with pytest.raises(BadInput, match="Which task"):
        await complete_task(session, alice, " … ")
    assert [task.title for task in await list_tasks(session, alice)] == ["Call mom about Sunday"]
    assert [task.title for task in await list_tasks(session, alice, "done")] == ["Buy milk", "Call the dentist"]
    assert len(await list_tasks(session, alice, "all")) == 3


async def test_a_name_that_fits_several_is_asked_back(session: AsyncSession, alice: UUID) -> None:
    await create_task(session, alice, "Call mom")
    await create_task(session, alice, "Call mother-in-law", date(2026, 5, 9))
    with pytest.raises(
        Conflict, match=r"“call” .*“Call mother-in-law” \(due 2026-05-09\), “Call mom”\. Which one"
    ) as caught:
        await complete_task(session, alice, "call")
    assert caught.value.code == "ambiguous"
    assert (await complete_task(session, alice, "call mom")).title == "Call mom"


async def test_of_twins_the_first_is_done_first(session: AsyncSession, alice: UUID) -> None:
    first = await create_task(session, alice, "Buy milk")
    second = await create_task(session, alice, "buy milk")
    assert await complete_task(session, alice, "buy milk") is first
    assert await complete_task(session, alice, "buy milk") is second


async def test_by_id_and_open_again(session: AsyncSession, alice: UUID) -> None:
    task = await create_task(session, alice, "Buy milk")
    assert await complete_task(session, alice, str(task.id)) is task
    assert task.done_at == NOW
    with pytest.raises(Conflict, match="already done"):
        await complete_task(session, alice, task.id)
    assert (await tasks.reopen_task(session, alice, task.id)).done_at is None


async def test_users_never_meet(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    task = await create_task(session, alice, "Buy milk")
    assert await list_tasks(session, bob, "all") == []
    for name in (str(task.id), task.id, "Buy milk"):
        with pytest.raises(NotFound):
            await complete_task(session, bob, name)
    with pytest.raises(NotFound):
        await tasks.reopen_task(session, bob, task.id)
    assert task.done_at is None


async def test_pages_hear_of_changes(app_database: Database) -> None:
    async with app_database.transaction() as session:
        alice = await account(session, "alice")
    async with app_database.listen(history.CHANNEL) as notices:
        async with app_database.transaction() as session:
            await create_task(session, alice, "Buy milk")
        assert await anext(notices) == ("workspace", str(alice))
