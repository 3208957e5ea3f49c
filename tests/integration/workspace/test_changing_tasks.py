"""Priorities, projects, moving, renaming, deleting; each undone. It is Thursday, 7 May."""

from datetime import date, datetime
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import history, projects, tasks
from exponential.workspace.tasks import TaskChanges, TaskFilter, create_task, delete_task, list_tasks, update_task
from exponential.workspace.text import zones


async def test_a_task_finds_the_project_that_its_title_names(session: AsyncSession, alice: UUID) -> None:
    alpha = await projects.create_project(session, alice, "Alpha")
    await projects.create_project(session, alice, "Website relaunch")
    named = await create_task(session, alice, "call the landlord about the Alpha budget", priority="high")
    assert named.project is alpha and named.priority == "high"
    assert (await create_task(session, alice, "learn the alphabet")).project is None
    assert (await create_task(session, alice, "fix the login", project="website")).project is not None
    with pytest.raises(NotFound, match="no project like “Omega”"):
        await create_task(session, alice, "x", project="Omega")


async def test_filters(session: AsyncSession, alice: UUID) -> None:
    await projects.create_project(session, alice, "Alpha")
    await create_task(session, alice, "a", date(2026, 5, 11), priority="urgent", project="Alpha")
    await create_task(session, alice, "b", date(2026, 5, 17))
    await create_task(session, alice, "c", date(2026, 5, 18))
    done = await create_task(session, alice, "d", date(2026, 5, 12))
    await tasks.complete_task(session, alice, done.id)

    async def titles(wanted: TaskFilter) -> list[str]:
        return [task.title for task in await list_tasks(session, alice, wanted=wanted)]

    assert await titles(TaskFilter(since=date(2026, 5, 11), until=date(2026, 5, 17))) == ["a", "b"]
    assert await titles(TaskFilter(priority="urgent")) == ["a"]
    assert await titles(TaskFilter(project="alpha")) == ["a"]
    today = date(2026, 5, 7)  # in Berlin; in UTC it is still the day before
    assert await titles(TaskFilter("done", since=today, until=today)) == ["d"]
    assert await titles(TaskFilter("done", until=date(2026, 5, 6))) == []


async def test_the_more_important_first(session: AsyncSession, alice: UUID) -> None:
    for priority in ("low", "normal", "urgent", "high"):
        await create_task(session, alice, priority, priority=priority)  # type: ignore[arg-type]
    assert [task.title for task in await list_tasks(session, alice)] == ["urgent", "high", "normal", "low"]


async def test_updating(session: AsyncSession, alice: UUID) -> None:
    await projects.create_project(session, alice, "Alpha")
    task = await create_task(session, alice, "Dentist", datetime(2026, 5, 8, 15))
    await update_task(session, alice, "dentist", TaskChanges(title="Dr. Dent", priority="low", project="Alpha"))
    assert (task.title, task.priority, task.project.name if task.project else None) == ("Dr. Dent", "low", "Alpha")
    await update_task(session, alice, task.id, TaskChanges(due=date(2026, 5, 11), project=None))
    assert task.as_json(zones.zone_of(await _user(session, alice)))["due"] == "2026-05-11T15:00:00+02:00"
    assert task.project is None
    await update_task(session, alice, task.id, TaskChanges(delay_days=2))
    assert task.due_on == date(2026, 5, 13)
    await update_task(session, alice, task.id, TaskChanges(due=None))
    assert task.due_on is None and task.due_at is None
    await update_task(session, alice, task.id, TaskChanges(delay_days=2))
    assert task.due_on == date(2026, 5, 9)
    with pytest.raises(BadInput, match="title"):
        await update_task(session, alice, task.id, TaskChanges(title=" "))


async def _user(session: AsyncSession, user_id: UUID) -> tasks.users.User:
    return await tasks.users.get(session, user_id)


async def test_what_only_resembles_a_title_is_not_deleted(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    await create_task(session, alice, "Send the resort list")
    with pytest.raises(Conflict, match="Do you mean “Send the resort list”") as caught:
        await delete_task(session, alice, "send the report list")
    assert caught.value.code == "unsure"
    with pytest.raises(NotFound):
        await delete_task(session, bob, "send the resort list")
    assert len(await list_tasks(session, alice)) == 1
    assert (await delete_task(session, alice, "resort list")).title == "Send the resort list"
    assert await list_tasks(session, alice, "all") == []


async def test_several_that_fit_are_not_deleted(session: AsyncSession, alice: UUID) -> None:
    for title in ("Write the report", "Send the report"):
        await create_task(session, alice, title)
    with pytest.raises(Conflict, match="several tasks"):
        await delete_task(session, alice, "report")
    assert len(await list_tasks(session, alice)) == 2


async def test_undoing_step_by_step(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    await projects.create_project(session, alice, "Alpha")
    with pytest.raises(NotFound, match="nothing left to undo"):
        await history.undo(session, alice)
    await history.begin(session, alice, "create_task", "web", {"title": "Dentist"})
    task = await create_task(session, alice, "Dentist", datetime(2026, 5, 8, 15), project="Alpha", priority="high")
    await history.begin(session, alice, "update_task", "whatsapp", {"task": "Dentist"})
    await update_task(session, alice, "Dentist", TaskChanges(due=date(2026, 5, 11)))
    await history.begin(session, alice, "delete_task", "whatsapp", {"task": "Dentist"})
    await delete_task(session, alice, "Dentist")
    with pytest.raises(NotFound):
        await history.undo(session, bob)

    names = []
    for title, due in (("Dentist", 11), ("Dentist", 8), (None, None)):
        await history.begin(session, alice, "undo", "whatsapp", {})
        names.append((await history.undo(session, alice)).name)
        found = await list_tasks(session, alice, "all")
        assert [known.title for known in found] == ([title] if title else [])
        if found:
            restored = found[0]
            assert (restored.id, restored.priority, restored.due_on) == (task.id, "high", date(2026, 5, due or 0))
            assert restored.project_id is not None and restored.due_at is not None and restored.due_at.hour == 13
    assert names == ["delete_task", "update_task", "create_task"]

    listed = await history.acts(session, alice)
    assert [(act.name, act.source, len(changes)) for act, changes in listed[::-1]] == [
        ("create_task", "web", 1),
        ("update_task", "whatsapp", 1),
        ("delete_task", "whatsapp", 1),
        ("undo", "whatsapp", 1),
        ("undo", "whatsapp", 1),
        ("undo", "whatsapp", 1),
    ]
    assert all(act.undone_at for act, _ in listed if act.name != "undo")
    assert listed[-1][1][0].after["title"] == "Dentist" and listed[-1][1][0].before is None


async def test_undo_loses_nothing_that_came_after(session: AsyncSession, alice: UUID) -> None:
    task = await create_task(session, alice, "Dentist")
    await history.begin(session, alice, "update_task", "web", {})
    await update_task(session, alice, task.id, TaskChanges(title="Dr. Dent"))
    session.info.clear()
    await update_task(session, alice, task.id, TaskChanges(title="Dr. Drill"))  # on a page, outside any act
    with pytest.raises(Conflict, match="changed again since"):
        await history.undo(session, alice)
    await update_task(session, alice, task.id, TaskChanges(title="Dr. Dent", priority="high"))
    await history.undo(session, alice)
    assert (task.title, task.priority) == ("Dentist", "high")


async def test_what_an_earlier_version_noted_can_be_undone(session: AsyncSession, alice: UUID) -> None:
    """A column that is newer than the act has its default in what comes back."""
    task = await create_task(session, alice, "buy milk", priority="high")
    act = await history.begin(session, alice, "delete_task", "web", {})
    await delete_task(session, alice, task.id)
    change = await session.scalar(select(history.Change).where(history.Change.act_id == act.id))
    assert change is not None and change.before is not None
    change.before = {key: value for key, value in change.before.items() if key != "priority"}
    await session.flush()
    await history.undo_act(session, alice, act.id)
    [again] = await list_tasks(session, alice)
    assert (again.title, again.priority) == ("buy milk", "normal")
