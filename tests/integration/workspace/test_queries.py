"""Thursday, 7 May: what Alice asks about her own data."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from support.statements import counted
from support.workspace.transcripts import import_transcript

from exponential.assistant import briefing
from exponential.auth import users
from exponential.core import clock
from exponential.core.database import Database
from exponential.core.errors import BadInput, NotFound
from exponential.workspace import notes, projects, reminders, tasks
from exponential.workspace.meetings import meetings
from exponential.workspace.queries import Question, answer


@pytest.fixture
async def full(session: AsyncSession, alice: UUID) -> UUID:
    for name in ("Alpha", "Beta"):
        await projects.create_project(session, alice, name)
    await tasks.create_task(session, alice, "late", date(2026, 5, 1), project="Alpha", priority="high")
    await tasks.create_task(session, alice, "soon", date(2026, 5, 8), project="Alpha")
    await tasks.create_task(session, alice, "some day")
    for days, title in ((8, "last week"), (1, "this week"), (0, "today")):
        with clock.frozen(clock.now() - timedelta(days=days)):
            task = await tasks.create_task(session, alice, title)
            await tasks.complete_task(session, alice, task.id)
    await import_transcript(session, alice, "Anna: Bob will book the venue.", "Kickoff", date(2026, 5, 5))
    await reminders.remind(session, alice, "pills", clock.now() + timedelta(hours=1))
    await notes.leave_note(session, alice, "call me")
    return alice


@pytest.mark.parametrize(
    ("question", "count"),
    [
        (Question("tasks"), 3),
        (Question("tasks", "all"), 6),
        (Question("tasks", "overdue"), 1),
        (Question("tasks", due="week"), 2),
        (Question("tasks", "done", date(2026, 5, 4), date(2026, 5, 10)), 2),
        (Question("tasks", "done", date(2026, 4, 27), date(2026, 5, 3)), 1),
        (Question("tasks", since=date(2026, 5, 7), created=True), 4),
        (Question("tasks", project="alpha"), 2),
        (Question("tasks", priority="high"), 1),
        (Question("tasks", without="due"), 1),
        (Question("tasks", without="project"), 1),
        (Question("projects"), 2),
        (Question("projects", without="next_step"), 1),
        (Question("projects", "overdue"), 1),
        (Question("projects", "at_risk"), 2),
        (Question("projects", "on_hold"), 0),
        (Question("meetings", since=date(2026, 5, 1)), 1),
        (Question("meetings", since=date(2026, 5, 6)), 0),
        (Question("action_items"), 1),
        (Question("action_items", "done"), 0),
        (Question("action_items", owner="bob"), 1),
        (Question("action_items", owner="anna"), 0),
        (Question("reminders"), 1),
        (Question("reminders", since=date(2026, 5, 8)), 0),
        (Question("notes"), 1),
    ],
    ids=str,
)
async def test_counts(session: AsyncSession, full: UUID, bob: UUID, question: Question, count: int) -> None:
    assert (await answer(session, full, question))["count"] == count
    if question.project is None:
        assert (await answer(session, bob, question))["count"] == 0
    else:
        with pytest.raises(NotFound):
            await answer(session, bob, question)


async def test_answers_name_their_records(session: AsyncSession, full: UUID) -> None:
    said = await answer(session, full, Question("tasks", "done", date(2026, 5, 4), date(2026, 5, 10)))
    assert [(record["title"], record["done_on"]) for record in said["records"]] == [
        ("this week", "2026-05-06"),
        ("today", "2026-05-07"),
    ]
    said = await answer(session, full, Question("projects", without="next_step"))
    assert [record["name"] for record in said["records"]] == ["Beta"]


async def test_groups_and_comparisons(session: AsyncSession, full: UUID) -> None:
    said = await answer(session, full, Question("tasks", group_by="project"))
    assert said["groups"] == {"Alpha": 2, "none": 1}
    said = await answer(session, full, Question("tasks", "done", group_by="day"))
    assert said["groups"] == {"2026-04-29": 1, "2026-05-06": 1, "2026-05-07": 1}
    this, last = (date(2026, 5, 4), date(2026, 5, 10)), (date(2026, 4, 27), date(2026, 5, 3))
    said = await answer(session, full, Question("tasks", "done", *this, compare_since=last[0], compare_until=last[1]))
    assert (said["count"], said["compared"]) == (2, {"count": 1})
    with pytest.raises(BadInput, match="can't be grouped"):
        await answer(session, full, Question("meetings", group_by="priority"))


async def test_many_meetings_and_projects_take_no_more_statements_than_one(
    session: AsyncSession, alice: UUID, app_database: Database
) -> None:
    async def statements() -> int:
        session.expire_all()
        with counted(app_database) as sent:
            await answer(session, alice, Question("action_items"))
            await meetings.action_items(session, alice, owner="Bob")
            await briefing.write(session, await users.get(session, alice))
        return len(sent)

    numbers = []
    for title in ("Kickoff", "Retro", "Pricing"):
        await import_transcript(session, alice, "Anna: Bob will book the venue.", title, date(2026, 5, 5))
        await projects.create_project(session, alice, title)
        numbers.append(await statements())
    assert len(set(numbers)) == 1
