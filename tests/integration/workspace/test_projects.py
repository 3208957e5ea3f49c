from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core import clock
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import tasks
from exponential.workspace.project_status import project_status
from exponential.workspace.projects import ProjectChanges, create_project, find, list_projects, update_project
from exponential.workspace.text import zones


async def test_projects(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    alpha = await create_project(session, alice, " Alpha  one ", date(2026, 6, 1))
    assert alpha.as_json() | {"id": ""} == {
        "id": "",
        "name": "Alpha one",
        "status": "active",
        "review_on": "2026-06-01",
        "note": None,
    }
    with pytest.raises(Conflict, match="“Alpha one” already"):
        await create_project(session, alice, "ALPHA ONE")
    with pytest.raises(BadInput, match="title"):
        await create_project(session, alice, " ")
    assert (await create_project(session, bob, "Alpha one")).id != alpha.id
    beta = await create_project(session, alice, "Beta")
    await update_project(session, alice, "alpha", ProjectChanges(name="Gamma", note=" signed ", review_on=None))
    assert (alpha.name, alpha.note, alpha.review_on) == ("Gamma", "signed", None)
    await update_project(session, alice, "beta", ProjectChanges(status="done"))
    assert await list_projects(session, alice, "active") == [alpha]
    assert await find(session, alice, "betta") is beta
    for name in ("Omega", str(beta.id)):
        with pytest.raises(NotFound):
            await find(session, bob, name)
    with pytest.raises(Conflict):
        await update_project(session, alice, beta.id, ProjectChanges(name="gamma"))


async def test_how_a_project_stands(session: AsyncSession, alice: UUID) -> None:
    alpha = await create_project(session, alice, "Alpha")
    stands = await project_status(session, alice, "alpha")
    assert stands.next is None and stands.risks == ["It has no next step."]
    for title, due in (("late", date(2026, 5, 4)), ("soon", date(2026, 5, 7)), ("later", None)):
        await tasks.create_task(session, alice, title, due, project="Alpha", priority="high")
    await tasks.complete_task(session, alice, "later")
    stands = await project_status(session, alice, "alpha")
    zone = zones.zone_of(await tasks.users.get(session, alice))
    said = stands.as_json(zone)
    assert (said["open"], said["done"], said["percent"], said["at_risk"]) == (2, 1, 33, True)
    assert [task["title"] for task in said["overdue"]] == ["late"] and said["next"]["title"] == "late"
    assert said["risks"] == ["1 task is overdue, the oldest by 3 days.", "“soon” is high and due by tomorrow."]

    with clock.frozen(clock.now() + timedelta(days=20)):
        await update_project(session, alice, "alpha", ProjectChanges(review_on=date(2026, 5, 10)))
        risks = (await project_status(session, alice, "alpha")).risks
    assert "Nothing was finished in the last 20 days." in risks and "Its review was due on 10 May 2026." in risks
    await update_project(session, alice, alpha.id, ProjectChanges(status="on_hold"))
    assert (await project_status(session, alice, alpha.id)).risks == []
