import io
import zipfile
from datetime import timedelta

import pytest
from support.app.running_app import House
from support.workspace.transcripts import import_transcript

from exponential.workspace import history, projects, tasks
from exponential.workspace.meetings import meetings
from exponential.workspace.text import zones

SCRIPT = {"accept": "application/json"}
TRANSCRIPT = """Anna: Welcome, today we talk about pricing <b>for</b> small teams.
Bob: Many customers told us that the starter plan is too expensive for them.
Anna: Okay, we decided to lower the starter price to nine euros.
Bob: I'll update the pricing page by Friday.
Anna: Bob will also tell the sales team about the starter price."""


async def test_a_project_tells_how_it_stands(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as client:
        assert "No projects yet" in (await client.get("/projects")).text
        started = await client.post("/projects", data={"name": "Spring <launch>"})
        assert started.headers["location"].startswith("/projects?act=")
        async with house.database.transaction() as session:
            [project] = await projects.list_projects(session, alice.id)
            late = zones.today_of(alice) - timedelta(days=3)
            await tasks.create_task(session, alice.id, "call the printer", late, project=project.id)
            done = await tasks.create_task(session, alice.id, "cut the film", project=project.id)
            await tasks.complete_task(session, alice.id, done.id)
        page = (await client.get("/projects")).text
        for words in ("Spring &lt;launch&gt;", "At risk", "1 task is overdue, the oldest by 3 days.", "1 of 2 done"):
            assert words in page
        year = zones.today_of(alice).year + 1  # a page leaves the year of today out
        form = {
            "name": "Spring launch",
            "status": "on_hold",
            "review_on": f"{year}-03-01",
            "note": "Waiting\nfor <Dana>",
        }
        await client.post(f"/projects/{project.id}", data=form)
        page = (await client.get(f"/projects/{project.id}")).text
        for words in (
            "Waiting\nfor &lt;Dana&gt;",
            "On hold",
            f"1 March {year}",
            "50 %, 1 of 2 done",
            "call the printer",
        ):
            assert words in page
        await client.post(f"/projects/{project.id}", data={**form, "note": "", "review_on": "", "status": "done"})
        async with house.database.transaction() as session:
            [project] = await projects.list_projects(session, alice.id)
            acts = [(act.name, act.source) for act, _ in await history.acts(session, alice.id)]
        assert (project.status, project.review_on, project.note) == ("done", None, "Waiting\nfor <Dana>")
        assert acts == [("update_project", "web")] * 2 + [("create_project", "web")]


@pytest.mark.parametrize(
    ("form", "status"),
    [({"name": ""}, 422), ({"name": "x" * 201}, 422), ({"name": "Alpha"}, 409), ({"name": "B", "review_on": "x"}, 422)],
)
async def test_a_project_that_can_not_be_is_told_in_place(house: House, form: dict[str, str], status: int) -> None:
    async with house.signed_in(await house.user()) as client:
        await client.post("/projects", data={"name": "alpha"})
        assert (await client.post("/projects", data=form)).status_code == status
        assert "error" in (await client.post("/projects", data=form, headers=SCRIPT)).json()


async def test_a_pasted_transcript_becomes_minutes_and_tasks(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as client:
        assert "No meetings yet" in (await client.get("/meetings")).text
        kept = await client.post("/meetings", data={"text": TRANSCRIPT, "title": "Pricing", "held_on": "2026-11-20"})
        async with house.database.transaction() as session:
            [meeting] = await meetings.list_meetings(session, alice.id)
        assert kept.headers["location"].startswith(f"/meetings/{meeting.id}?act=")
        page = (await client.get(kept.headers["location"])).text
        for words in ("Kept meeting “Pricing”", "lower the starter price", "update the pricing page", "Make 2 tasks"):
            assert words in page
        assert "<b>for</b>" not in page and 'id="l-5"' in page

        assert (await client.post(f"/meetings/{meeting.id}/tasks", headers=SCRIPT)).json()["said"] == (
            "Added task of 2 action items"
        )
        async with house.database.transaction() as session:
            assert {task.title for task in await tasks.list_tasks(session, alice.id)} == {
                "update the pricing page",
                "tell the sales team about the starter price",
            }
        page = (await client.get(f"/meetings/{meeting.id}")).text
        assert "A task" in page and "Make 2 tasks" not in page
        again = await client.post(f"/meetings/{meeting.id}/tasks", headers=SCRIPT)
        assert (again.status_code, again.json()["code"]) == (422, "nothing_chosen")

        found = (await client.get("/meetings?q=expensive")).text
        assert f"/meetings/{meeting.id}#l-2" in found
        for nothing in ("zebra", "the", "!!"):
            assert "Nobody said" in (await client.get("/meetings", params={"q": nothing})).text


async def test_files_are_read_and_what_is_none_is_told(house: House) -> None:
    alice = await house.user()
    docx = io.BytesIO()
    with zipfile.ZipFile(docx, "w") as archive:
        space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>Anna: {"It rained and rained. " * 80_000}'
            "</w:t></w:r></w:p></w:body></w:document>",
        )
    vtt = b"WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n<v Anna>We agreed to wait.</v>\n"
    async with house.signed_in(alice) as client:
        for name, data in (("week_12.vtt", vtt), ("board.docx", docx.getvalue())):
            assert (await client.post("/meetings", files={"file": (name, data)})).status_code == 303
        async with house.database.transaction() as session:
            titles = [meeting.title for meeting in await meetings.list_meetings(session, alice.id)]
        assert titles == ["board", "week 12"]
        for given in ({"files": {"file": ("a.txt", b"\xff\xd8\xff\x00")}}, {"data": {"text": " "}}, {"data": {}}):
            answer = await client.post("/meetings", **given)  # type: ignore[arg-type]
            assert answer.status_code == 422 and "Import a transcript" in answer.text
        kept = await client.post("/meetings", data={"text": TRANSCRIPT, "held_on": "someday"})
        assert kept.status_code == 422 and "lower the starter price" in kept.text  # nothing pasted is lost
        assert (await client.post("/meetings", files={"file": ("a.txt", b"x" * 9_500_000)})).status_code == 413


async def test_a_meeting_is_deleted_only_when_that_was_meant(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        meeting = await import_transcript(session, alice.id, TRANSCRIPT)
        [item, _] = await meetings.items(session, meeting, "action")
    bobs = await house.user("bob@example.org", "Bob")
    async with house.signed_in(bobs) as bob:
        for path in (f"/meetings/{meeting.id}/delete", f"/meetings/{meeting.id}/tasks"):
            assert (await bob.post(path, data={"sure": "yes"}, headers=SCRIPT)).status_code == 404
        assert (await bob.get(f"/meetings/{meeting.id}")).status_code == 404
        assert "expensive for them" not in (await bob.get("/meetings?q=expensive")).text
        await bob.post("/meetings", data={"text": TRANSCRIPT})
        async with house.database.transaction() as session:
            [his] = await meetings.list_meetings(session, bobs.id)
        stolen = await bob.post(f"/meetings/{his.id}/tasks", data={"item": str(item.id)}, headers=SCRIPT)
        assert (stolen.status_code, stolen.json()["code"]) == (422, "nothing_chosen")
    async with house.signed_in(alice) as client:
        unsure = await client.post(f"/meetings/{meeting.id}/delete", headers=SCRIPT)
        assert (unsure.status_code, unsure.json()["code"]) == (422, "not_confirmed")
        gone = await client.post(f"/meetings/{meeting.id}/delete", data={"sure": "yes"}, headers=SCRIPT)
        assert gone.json()["act"] is None  # not to be undone, so it isn't offered
        assert "No meetings yet" in (await client.get("/meetings")).text


async def test_a_long_transcript_comes_in_parts(house: House) -> None:
    alice = await house.user()
    said = "\n".join(f"Anna: We decided on point {number}." for number in range(1, 2_401))
    async with house.database.transaction() as session:
        meeting = (await import_transcript(session, alice.id, said)).id
    async with house.signed_in(alice) as client:
        first = (await client.get(f"/meetings/{meeting}")).text
        assert "2,400 lines" in first
        assert 'id="l-400"' in first and 'id="l-401"' not in first
        last = (await client.get(f"/meetings/{meeting}?part=6")).text
        assert 'id="l-2001"' in last and 'id="l-2400"' in last and 'id="l-2000"' not in last
        assert f'href="/meetings/{meeting}#l-1"' in last
        found = (await client.get("/meetings", params={"q": "2345"})).text
        assert f'href="/meetings/{meeting}?part=6#l-2345"' in found
        assert len(first) < 400_000
