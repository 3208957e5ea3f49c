import html
import re
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from support.app.running_app import House
from support.statements import counted

from exponential.app.core.pagination import ROWS_PER_PAGE
from exponential.auth.users import User
from exponential.workspace import history, projects, tasks
from exponential.workspace.tasks import Task
from exponential.workspace.text import zones

SCRIPT = {"accept": "application/json"}


async def made(house: House, user: User, title: str, days: int | None = None, **more: object) -> Task:
    due = None if days is None else zones.today_of(user) + timedelta(days=days)
    async with house.database.transaction() as session:
        return await tasks.create_task(session, user.id, title, due, **more)  # type: ignore[arg-type]


async def everything(house: House, user: User) -> list[Task]:
    async with house.database.transaction() as session:
        return await tasks.list_tasks(session, user.id, "all")


async def test_tasks_are_grouped_by_day_completed_and_reopened(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as client:
        for title, days in (("pay rent", -2), ("call mum", 0), ("buy milk", 1), ("book flights", 5), ("move", 40)):
            due = zones.today_of(alice) + timedelta(days=days)
            answer = await client.post("/tasks", data={"title": title, "due": due.isoformat()})
            assert answer.status_code == 303 and answer.headers["location"].startswith("/tasks?act=")
        await client.post("/tasks", data={"title": "water the plants"})
        page = (await client.get("/tasks", headers={"X-Part": "live"})).text
        places = [page.index(name) for name in ("pay rent", "call mum", "buy milk", "book flights", "move", "water")]
        assert places == sorted(places)
        for name in ("Overdue", "Today", "Tomorrow", "Next 7 days", "Later", "No date"):
            assert f'aria-label="{name}"' in page

        [late, *_] = await everything(house, alice)
        done = await client.post(f"/tasks/{late.id}/complete", headers=SCRIPT)
        assert done.json()["said"] == "Completed “pay rent”"
        again = await client.post(f"/tasks/{late.id}/complete", headers=SCRIPT)
        assert (again.status_code, again.json()["code"]) == (409, "already_done")
        assert "Reopen pay rent" in (await client.get("/tasks?view=done")).text
        assert (await client.post(f"/tasks/{late.id}/reopen", headers=SCRIPT)).json()["said"] == "Reopened “pay rent”"
        assert "Complete pay rent" in (await client.get("/tasks")).text


async def test_an_edit_is_one_update(house: House) -> None:
    alice = await house.user()
    task = await made(house, alice, "call mum", 1)
    async with house.signed_in(alice) as client:
        day = (zones.today_of(alice) + timedelta(days=3)).isoformat()
        fields = {"title": "call mum and dad", "due": day, "at": "17:00", "priority": "high"}
        for more in ({}, {"at": ""}):  # a time of day, and its end
            with counted(house.app.state.exponential.database, "UPDATE tasks") as updates:
                assert (await client.post(f"/tasks/{task.id}", data={**fields, **more})).status_code == 303
            assert len(updates) == 1
    [changed] = await everything(house, alice)
    assert (changed.title, str(changed.due_on), changed.due_at) == ("call mum and dad", day, None)


@pytest.mark.parametrize(
    ("line", "title", "days", "priority"),
    [
        ("Pay rent tomorrow !high", "Pay rent", 1, "high"),
        ("Write the minutes #Alpha", "Write the minutes", None, "normal"),
        ("tomorrow", "tomorrow", None, "normal"),
        ("Read #nothing we know", "Read #nothing we know", None, "normal"),
        ("<b>bold</b>", "<b>bold</b>", None, "normal"),
    ],
)
async def test_one_line_says_it_all(house: House, line: str, title: str, days: int | None, priority: str) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        await projects.create_project(session, alice.id, "Alpha")
    async with house.signed_in(alice) as client:
        read = (await client.get("/tasks/reading", params={"title": line})).json()
        await client.post("/tasks", data={"title": line}, headers=SCRIPT)
        [task] = await everything(house, alice)
        assert (task.title, task.priority) == (title, priority)
        assert task.due_on == (None if days is None else zones.today_of(alice) + timedelta(days=days))
        assert (task.project.name if task.project else "") == read["project"] == ("Alpha" if "#Alpha" in line else "")
        assert read["due"] == ("Tomorrow" if days else "")
        assert "<b>bold" not in (await client.get("/tasks")).text


async def test_fields_go_before_the_line(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        home = await projects.create_project(session, alice.id, "Home")
    form = {
        "title": "Pay rent tomorrow",
        "due": "2027-03-01",
        "at": "09:30",
        "priority": "low",
        "project": str(home.id),
    }
    async with house.signed_in(alice) as client:
        assert (await client.post("/tasks", data=form, headers=SCRIPT)).status_code == 200
    [task] = await everything(house, alice)
    assert task.due_at is not None and task.due_at.astimezone(zones.zone_of(alice)) == datetime(
        2027, 3, 1, 9, 30, tzinfo=zones.zone_of(alice)
    )
    assert (task.title, task.priority, task.project and task.project.name) == ("Pay rent", "low", "Home")


async def test_what_is_emptied_in_the_form_is_taken_away(house: House) -> None:
    alice = await house.user()
    task = await made(house, alice, "call Dana", 1, priority="high")
    async with house.signed_in(alice) as client:
        page = await client.get(f"/tasks/{task.id}")
        assert "call Dana" in page.text and f'value="{task.due_on}"' in page.text
        form = {"title": "call Dana back", "due": "2027-01-05", "at": "14:00", "priority": "urgent", "project": ""}
        assert (await client.post(f"/tasks/{task.id}", data=form)).headers["location"].startswith("/tasks?act=")
        [changed] = await everything(house, alice)
        assert changed.due_at is not None and changed.title == "call Dana back"
        await client.post(f"/tasks/{task.id}", data={**form, "at": ""}, headers=SCRIPT)
        [changed] = await everything(house, alice)
        assert changed.due_at is None and changed.due_on is not None
        await client.post(f"/tasks/{task.id}", data={**form, "at": "", "due": ""}, headers=SCRIPT)
        [changed] = await everything(house, alice)
        assert changed.due_on is None


async def test_acts_are_in_the_history_and_can_be_undone_from_the_toast(house: House) -> None:
    alice = await house.user()
    task = await made(house, alice, "call <i>Dana</i>", 1)
    async with house.signed_in(alice) as client:
        gone = await client.post(f"/tasks/{task.id}/delete")
        assert await everything(house, alice) == []
        page = (await client.get(gone.headers["location"])).text
        assert "Deleted “call &lt;i&gt;Dana&lt;/i&gt;”" in page and 'action="/undo"' in page
        act = gone.headers["location"].partition("act=")[2]
        back = await client.post("/undo", data={"act": act}, headers={"Referer": "http://app.test/tasks"})
        assert back.headers["location"].startswith("/tasks?act=")
        assert [one.title for one in await everything(house, alice)] == ["call <i>Dana</i>"]
        again = await client.post("/undo", data={"act": act}, headers=SCRIPT)
        assert (again.status_code, again.json()["code"]) == (409, "undone")
        assert "Deleted “call" not in (await client.get(gone.headers["location"])).text  # it is no longer true
    async with house.database.transaction() as session:
        [undo, deletion] = await history.acts(session, alice.id)
    assert [(act.name, act.source) for act, _ in (undo, deletion)] == [("undo", "web"), ("delete_task", "web")]


async def test_many_tasks_change_in_one_act(house: House) -> None:
    alice = await house.user()
    home_id = str((await made_project(house, alice, "Home")).id)
    ids = [str((await made(house, alice, f"task {number}")).id) for number in range(3)]
    async with house.signed_in(alice) as client:
        assert 'name="task"' in (await client.get("/tasks?select=1")).text
        change = {"do": "change", "task": ids, "due": "2027-02-01", "priority": "high", "project": home_id}
        assert (await client.post("/tasks/bulk", data=change, headers=SCRIPT)).json()["said"] == "Changed 3 tasks"
        assert {(str(t.due_on), t.priority, t.project and t.project.name) for t in await everything(house, alice)} == {
            ("2027-02-01", "high", "Home")
        }
        beside = {"due": "some day", "priority": "", "project": "no id"}  # of the menu of another button
        form = {"do": "complete", "task": ids[:2], **beside}
        done = (await client.post("/tasks/bulk", data=form, headers=SCRIPT)).json()
        assert sum(task.done_at is not None for task in await everything(house, alice)) == 2
        await client.post("/tasks/bulk", data={"do": "complete", "task": ids}, headers=SCRIPT)  # two are done already
        await client.post("/undo", data={"act": done["act"]}, headers=SCRIPT)
        assert sum(task.done_at is not None for task in await everything(house, alice)) == 1
        await client.post("/tasks/bulk", data={"do": "delete", "task": ids}, headers=SCRIPT)
        assert await everything(house, alice) == []
        nothing = await client.post("/tasks/bulk", data={"do": "delete"}, headers=SCRIPT)
        assert (nothing.status_code, nothing.json()["code"]) == (422, "nothing_chosen")


async def made_project(house: House, user: User, name: str) -> projects.Project:
    async with house.database.transaction() as session:
        return await projects.create_project(session, user.id, name)


async def test_filters_show_what_they_say(house: House) -> None:
    alice = await house.user()
    home = await made_project(house, alice, "Home")
    await made(house, alice, "pay rent", -1, project=home.id, priority="high")
    await made(house, alice, "buy milk", 0)
    await made(house, alice, "move out", 30)
    async with house.signed_in(alice) as client:
        for query, titles in (
            ("view=today", {"pay rent", "buy milk"}),
            ("view=overdue", {"pay rent"}),
            (f"project={home.id}", {"pay rent"}),
            ("priority=high", {"pay rent"}),
            ("q=MILK+buy", {"buy milk"}),
            ("project=nonsense", {"pay rent", "buy milk", "move out"}),
        ):
            page = (await client.get(f"/tasks?{query}", headers={"X-Part": "live"})).text
            assert {title for title in ("pay rent", "buy milk", "move out") if title in page} == titles, query
            assert "<html" not in page
        assert "Nothing fits" in (await client.get("/tasks?q=zebra")).text
        assert (await client.get("/tasks?view=everything")).status_code == 422


async def test_a_long_list_comes_in_parts(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        for number in range(ROWS_PER_PAGE + 2):
            await tasks.create_task(session, alice.id, f"task {number:03}", priority="high")
    async with house.signed_in(alice) as client:
        first = (await client.get("/tasks?priority=high")).text
        assert f"1–{ROWS_PER_PAGE} of {ROWS_PER_PAGE + 2}" in first and "Previous" not in first
        assert "task 000" in first and f"task {ROWS_PER_PAGE}" not in first
        [more] = re.findall(r'href="(/tasks[^"]*page=[^"]*)"', first)
        rest = (await client.get(html.unescape(more), headers={"X-Part": "live"})).text
        assert (
            f"task {ROWS_PER_PAGE + 1}" in rest and "task 000" not in rest and "Next" not in rest and "Previous" in rest
        )
        assert f"task {ROWS_PER_PAGE + 1}" in (await client.get("/tasks?page=9")).text
        assert (await client.get("/tasks?page=0")).status_code == 422


async def test_bob_and_charlie_reach_nothing_of_alices(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    task = await made(house, alice, "plan the party")
    home = await made_project(house, alice, "Party")
    async with house.signed_in(alice) as client:
        act = (await client.post(f"/tasks/{task.id}/complete", headers=SCRIPT)).json()["act"]
    async with house.signed_in(bob) as client:
        assert "plan the party" not in (await client.get("/tasks")).text
        assert "plan the party" not in (await client.get(f"/tasks?act={act}")).text
        for path, form in (
            (f"/tasks/{task.id}/complete", {}),
            (f"/tasks/{task.id}/delete", {}),
            (f"/tasks/{task.id}", {"title": "mine"}),
            ("/tasks/bulk", {"do": "delete", "task": str(task.id)}),
            ("/undo", {"act": act}),
            ("/tasks", {"title": "hers", "project": str(home.id)}),
            (f"/projects/{home.id}", {"name": "mine"}),
        ):
            assert (await client.post(path, data=form, headers=SCRIPT)).status_code == 404, path
        for path in (f"/tasks/{task.id}", f"/projects/{home.id}", f"/projects/{home.id}/edit"):
            assert (await client.get(path)).status_code == 404, path
    async with house.client() as charlie:  # has no account
        for path in ("/tasks", f"/tasks/{task.id}", "/tasks/events", "/tasks/reading", "/projects", "/meetings"):
            assert (await charlie.get(path)).status_code == 401, path
        assert (await charlie.post("/tasks", data={"title": "x"})).status_code == 401


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"title": " "}, "A task needs a title"),
        ({"title": "x" * 501}, "Make it shorter"),
        ({"title": "milk", "due": "soon"}, "due date"),
        ({"title": "milk", "at": "25:00"}, "due date"),
        ({"title": "milk", "project": "Home"}, "project"),
    ],
)
async def test_a_task_that_makes_no_sense_is_told_in_place(house: House, form: dict[str, str], reason: str) -> None:
    async with house.signed_in(await house.user()) as client:
        page = await client.post("/tasks", data=form)
        assert page.status_code == 422 and reason in page.text
        scripted = await client.post("/tasks", data=form, headers=SCRIPT)
        assert scripted.status_code == 422 and reason in scripted.json()["error"]


async def test_addresses_that_make_no_sense_are_told_so(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        for path in ("/tasks/nonsense", "/projects/nonsense", "/meetings/nonsense"):
            assert (await client.get(path)).status_code == 422, path
        for path in ("/tasks", "/projects", "/meetings"):
            assert (await client.get(f"{path}/{UUID(int=1)}")).status_code == 404, path
            assert (await client.get(f"{path}?act=nonsense")).status_code == 200
        unknown: httpx.Response = await client.post(f"/tasks/{UUID(int=1)}/frobnicate", headers=SCRIPT)
        assert unknown.status_code == 422
