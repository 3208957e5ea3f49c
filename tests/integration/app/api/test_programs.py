"""What a user's own programs do with an access token: add meetings, read the audit, take acts back."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from support.app.programs import TALK, bearer, kept
from support.app.running_app import House
from support.sample_files import docx

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.assistant.mcp.server import McpCaller, Workspace
from exponential.auth import access_tokens
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.errors import BadInput, Conflict, NotFound, Unauthorized
from exponential.workspace import history, tasks

# --- access tokens


async def test_a_token_speaks_for_its_user_until_it_is_revoked(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with house.database.transaction() as session:
        token, secret = await access_tokens.make(session, alice.id, "  My\n recorder ")
        assert (token.name, secret[:4], token.used_at) == ("My recorder", "exp_", None)
    async with house.database.transaction() as session:
        token, user = await access_tokens.use(session, secret, access_tokens.AUDIT)
        assert (token.name, user.id) == ("My recorder", alice.id)
        assert [known.id for known in await access_tokens.of_user(session, alice.id)] == [token.id]
        assert await access_tokens.of_user(session, bob.id) == []
        with pytest.raises(NotFound):
            await access_tokens.revoke(session, bob.id, token.id)
    async with house.database.transaction() as session:
        (used,) = await access_tokens.of_user(session, alice.id)
        assert used.used_at is not None and used.used_at > clock.now() - timedelta(minutes=1)
        assert secret.encode() not in bytes(used.token_hash)
        await access_tokens.revoke(session, alice.id, token.id)
        with pytest.raises(Unauthorized):
            await access_tokens.use(session, secret, access_tokens.AUDIT)


async def test_a_token_has_a_name_and_there_are_not_too_many(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        for name in (" ", "x" * 101):
            with pytest.raises(BadInput):
                await access_tokens.make(session, alice.id, name)
        for number in range(access_tokens.MAX_TOKENS_PER_USER):
            await access_tokens.make(session, alice.id, str(number))
        with pytest.raises(Conflict):
            await access_tokens.make(session, alice.id, "one more")


async def test_tokens_that_are_made_at_once_are_not_too_many(house: House) -> None:
    alice = await house.user()

    async def make(number: int) -> None:
        async with house.database.transaction() as session:
            await access_tokens.make(session, alice.id, str(number))

    made = await asyncio.gather(
        *(make(number) for number in range(access_tokens.MAX_TOKENS_PER_USER + 5)), return_exceptions=True
    )
    assert made.count(None) == access_tokens.MAX_TOKENS_PER_USER
    assert sum(isinstance(each, Conflict) for each in made) == 5


MAY = {  # what asks for which scope
    "meetings:write": [("POST", "/api/meetings")],
    "mcp": [("POST", "/mcp")],
    "audit:read": [("GET", "/api/audit")],
    "all": [
        ("GET", "/api/approvals"),
        ("PUT", "/api/approvals"),
        ("POST", f"/api/approvals/{uuid4()}/send"),
        ("POST", f"/api/approvals/{uuid4()}/drop"),
        ("POST", f"/api/audit/{uuid4()}/undo"),
    ],
}


@pytest.mark.parametrize("scope", MAY)
async def test_a_token_opens_what_its_scope_says_and_nothing_else(house: House, scope: str) -> None:
    alice = await house.user()
    async with house.client(**await bearer(house, alice, scope)) as program:
        for needed, calls in MAY.items():
            for method, path in calls:
                answer = await program.request(method, path, json={"required": False, "transcript": TALK})
                if scope in (needed, "all"):
                    assert answer.status_code not in (401, 403), f"{method} {path}: {answer.text}"
                else:
                    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), f"{method} {path}"
                    assert f"lacks the scope {needed}; it has {scope}." in answer.json()["error"]
                    if path == "/mcp":
                        assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="mcp"'


async def test_a_recorders_token_switches_no_approvals_off(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as page:
        await page.put("/api/approvals", json={"required": True})
        async with house.client(**await bearer(house, alice, "meetings:write")) as recorder:
            assert (await recorder.put("/api/approvals", json={"required": False})).status_code == 403
        assert (await page.get("/api/approvals")).json()["required"] is True


async def test_a_token_expires(house: House) -> None:
    alice = await house.user()
    short, endless = await bearer(house, alice, days=1), await bearer(house, alice, days=None)
    with clock.frozen(clock.now() + timedelta(days=1, seconds=1)):
        async with house.client(**short) as program, house.client(**endless) as other:
            refused = await program.get("/api/audit")
            assert (refused.status_code, refused.json()["code"]) == (401, "token_expired")
            assert "expired on" in refused.json()["error"] and "Make a new one" in refused.json()["error"]
            assert (await program.post("/mcp", json={})).status_code == 401
            assert (await other.get("/api/audit")).status_code == 200


@pytest.mark.parametrize(("scopes", "days"), [((), 90), (("everything",), 90), (("all", "x"), 90), (("all",), 0)])
async def test_what_no_token_can_be_is_refused(house: House, scopes: tuple[str, ...], days: int) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        with pytest.raises(BadInput):
            await access_tokens.make(session, alice.id, "x", scopes=scopes, days=days)


async def test_the_audit_keeps_no_copy_of_what_was_long(house: House) -> None:
    alice = await house.user()
    workspace = Workspace(house.database)
    for name, args in (
        ("create_task", {"title": "x" * 900_000}),
        ("list_tasks", {"project": "y" * 900_000}),
        ("import_meeting", {"transcript": TALK * 100, "title": "Pricing"}),
    ):
        await workspace.call(McpCaller(alice.id), name, args)
    async with house.client(**await bearer(house, alice)) as program:
        answer = await program.get("/api/audit?limit=200")
    imported, listed, refused = answer.json()["acts"]
    assert len(answer.content) < 60_000  # most of it is what the meeting is after the act
    assert refused["outcome"] != "ok" and refused["args"]["title"].startswith("xxx")
    assert listed["args"]["project"].endswith("… [shortened]")
    assert imported["args"]["title"] == "Pricing" and imported["args"]["transcript"].startswith(TALK[:900])


async def test_the_audit_says_which_program_did_it(house: House) -> None:
    alice = await house.user()
    milk = await act(house, alice, "create_task", "milk")
    async with house.client(**await bearer(house, alice)) as program, house.signed_in(alice) as page:
        await program.put("/api/approvals", json={"required": True})
        await page.put("/api/approvals", json={"required": False})
        await program.post("/api/meetings", json={"transcript": TALK})
        await program.post(f"/api/audit/{milk}/undo")
        acts = (await program.get("/api/audit")).json()["acts"]
        assert [(each["name"], each["source"], each["program"]) for each in acts] == [
            ("undo", "api", "recorder"),
            ("import_meeting", "webhook", "recorder"),
            ("require_approval", "web", None),
            ("require_approval", "api", "recorder"),
            ("create_task", "whatsapp", None),
        ]
        assert "by a program (recorder)" in (await page.get("/settings/activity")).text


# --- meetings


async def test_a_meeting_is_handed_in_once(house: House) -> None:
    alice = await house.user()
    body = {"externalId": "rec-1", "title": "Pricing", "heldOn": "2026-05-05", "transcript": TALK}
    async with house.client(**await bearer(house, alice)) as recorder:
        first = await recorder.post("/api/meetings", json=body)
        assert first.status_code == 201, first.text
        assert first.json() == {
            **{"meetingId": first.json()["meetingId"], "title": "Pricing", "heldOn": "2026-05-05"},
            **{"decisions": 1, "actionItems": 1, "duplicate": False},
        }
        again = await recorder.post("/api/meetings", json={**body, "title": "Another"})
        assert (again.status_code, again.json()) == (200, {**first.json(), "duplicate": True})
    assert [meeting.title for meeting in await kept(house, alice)] == ["Pricing"]


async def test_handed_in_many_times_at_once_it_is_one(house: House) -> None:
    alice = await house.user()
    async with house.client(**await bearer(house, alice)) as recorder:
        headers = {"Idempotency-Key": "rec-1"}
        sending = (recorder.post("/api/meetings", json={"transcript": TALK}, headers=headers) for _ in range(5))
        answers = await asyncio.gather(*sending)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len(await kept(house, alice)) == 1


async def test_the_same_id_of_two_people_is_two_meetings(house: House) -> None:
    for user in (await house.user(), await house.user("bob@example.org", "Bob")):
        async with house.client(**await bearer(house, user)) as recorder:
            body = {"externalId": "rec-1", "transcript": TALK}
            assert (await recorder.post("/api/meetings", json=body)).status_code == 201
        assert len(await kept(house, user)) == 1


async def test_meetings_come_in_whatever_form_recorders_have(house: House) -> None:
    alice = await house.user()
    export = {"title": "Export", "date": "2026-05-04", "segments": [{"speaker": "Anna", "text": "We decided it."}]}
    async with house.client(**await bearer(house, alice)) as recorder:
        sent = [
            await recorder.post("/api/meetings", json=export),
            await recorder.post("/api/meetings", json={"title": "Parts", "transcript": export["segments"]}),
            await recorder.post("/api/meetings", json=export["segments"]),
            await recorder.post(
                "/api/meetings",
                content="WEBVTT\n\n00:01.000 --> 00:02.000\nHello.",
                headers={"Content-Type": "text/vtt"},
                params={"title": "Subtitles", "heldOn": "2026-05-03"},
            ),
            await recorder.post(
                "/api/meetings", files={"file": ("Word_file.docx", docx(*TALK.split("\n")))}, data={"externalId": "w"}
            ),
        ]
    assert [answer.status_code for answer in sent] == [201] * 5, [answer.text for answer in sent]
    assert [answer.json()["title"] for answer in sent] == ["Export", "Parts", "Meeting", "Subtitles", "Word file"]
    assert [answer.json()["heldOn"] for answer in sent][::3] == ["2026-05-04", "2026-05-03"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "json_invalid"),
        (b"{}", 422, "transcript_empty"),
        (b'{"transcript": "  "}', 422, "transcript_empty"),
        (b'{"transcript": "Anna: hi", "heldOn": "yesterday"}', 422, "bad_input"),
        (json.dumps({"transcript": "Anna: hi", "externalId": "x" * 201}).encode(), 422, "bad_input"),
    ],
)
async def test_what_is_no_meeting_gets_a_clear_answer(house: House, body: bytes, status: int, code: str) -> None:
    alice = await house.user()
    async with house.client(**await bearer(house, alice), **{"Content-Type": "application/json"}) as recorder:
        answer = await recorder.post("/api/meetings", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await kept(house, alice) == []


async def test_who_has_no_token_hands_nothing_in(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as browser:  # a page of another site could make a browser do it
        assert (await browser.post("/api/meetings", json={"transcript": TALK})).status_code == 401
    async with house.client(Authorization="Bearer exp_wrong") as recorder:
        answer = await recorder.post("/api/meetings", json={"transcript": TALK})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_too_much_is_refused(house: House) -> None:
    alice = await house.user()
    async with house.client(**await bearer(house, alice)) as recorder:
        answer = await recorder.post("/api/meetings", content=b"x" * 8_200_000, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 413


# --- audit


async def act(house: House, user: User, name: str, title: str, source: str = "whatsapp") -> UUID:
    async with house.database.transaction() as session:
        begun = await history.begin(session, user.id, name, source, {"title": title})
        await tasks.create_task(session, user.id, title)
        return begun.id


async def test_the_audit_tells_what_was_done_by_whom_and_from_where(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    await act(house, bob, "create_task", "Bob's own")
    for number in range(5):
        await act(house, alice, "create_task", f"task {number}", "web" if number % 2 else "whatsapp")
    async with house.database.transaction() as session:
        await history.begin(session, alice.id, "list_tasks", "terminal", {})
    async with house.client(**await bearer(house, alice)) as program:
        pages: list[dict[str, Any]] = []
        following: int | None = None
        while not pages or following:
            params = {"limit": 4} | ({"before": following} if following else {})
            pages.append((await program.get("/api/audit", params=params)).json())
            following = pages[-1]["next"]
        acts = [each for page in pages for each in page["acts"]]
        assert [len(page["acts"]) for page in pages] == [4, 2]
        assert [each["name"] for each in acts] == ["list_tasks"] + ["create_task"] * 5
        assert acts[1]["args"] == {"title": "task 4"} and acts[1]["source"] == "whatsapp"
        (change,) = acts[1]["changes"]
        assert (change["kind"], change["before"], change["after"]["title"]) == ("tasks", None, "task 4")
        assert [each["undoable"] for each in acts] == [False] + [True] * 5
        changed = (await program.get("/api/audit", params={"changed": True, "source": "web"})).json()["acts"]
        assert [each["args"]["title"] for each in changed] == ["task 3", "task 1"]
        assert (await program.get("/api/audit", params={"limit": 0})).status_code == 422


async def test_what_changed_much_comes_in_short_pages(house: House) -> None:
    alice = await house.user()
    for number in range(12):
        async with house.database.transaction() as session:
            await history.begin(session, alice.id, f"act{number}", "mcp", {})
            session.add_all([tasks.Task(user_id=alice.id, title="x" * tasks.MAX_TITLE_CHARS) for _ in range(300)])
    async with house.client(**await bearer(house, alice)) as program:
        names: list[str] = []
        params: dict[str, int] = {"limit": 200}
        while params.get("before", 1) is not None:
            answer = await program.get("/api/audit", params=params)
            assert len(answer.content) < 1_500_000
            names += [each["name"] for each in answer.json()["acts"]]
            params["before"] = answer.json()["next"]
        assert names == [f"act{number}" for number in range(12)][::-1]
    async with house.signed_in(alice) as browser:
        assert "x" * 70 in (await browser.get("/settings/activity")).text


async def test_one_act_is_taken_back_and_no_other(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    milk, _ = await act(house, alice, "create_task", "milk"), await act(house, alice, "create_task", "bread")
    async with house.client(**await bearer(house, bob)) as program:
        assert (await program.post(f"/api/audit/{milk}/undo")).status_code == 404
    async with house.signed_in(alice) as browser:  # the page itself may ask, too
        assert (await browser.post(f"/api/audit/{milk}/undo")).status_code == 204
        again = await browser.post(f"/api/audit/{milk}/undo")
        assert (again.status_code, again.json()["code"]) == (409, "undone")
        assert (await browser.post(f"/api/audit/{uuid4()}/undo")).status_code == 404
        acts = (await browser.get("/api/audit")).json()["acts"]
    assert (acts[0]["name"], acts[0]["source"], acts[0]["program"]) == ("undo", "web", None)
    async with house.database.transaction() as session:
        assert [task.title for task in await tasks.list_tasks(session, alice.id)] == ["bread"]


async def test_the_audit_is_nobody_elses(house: House) -> None:
    async with house.client() as stranger:
        assert (await stranger.get("/api/audit", headers={"Accept": "application/json"})).status_code == 401


# --- approvals


async def test_what_waits_for_approval_is_shown_and_decided(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with house.signed_in(alice) as page, house.signed_in(bob) as other:
        assert (await page.get("/api/approvals")).json() == {"required": False, "waiting": []}
        assert (await page.put("/api/approvals", json={"required": True})).status_code == 204
        for number, words in enumerate(("hi", "hello")):  # chats are answered side by side: one after the other
            message = Incoming(alice.id, "whatsapp", words, "guest", "s", f"c{number}@lid", f"m{number}", "Carol")
            async with house.database.transaction() as session:
                await conversation.receive(session, message)
            async with asyncio.timeout(30):
                while len(waiting := (await page.get("/api/approvals")).json()["waiting"]) <= number:
                    await asyncio.sleep(0.05)
        first, second = waiting
        assert (first["number"], first["contact"], first["asked"]) == (1, "Carol (no number)", "hi") and first["reply"]
        assert (await other.get("/api/approvals")).json() == {"required": False, "waiting": []}
        assert (await other.post(f"/api/approvals/{first['id']}/send", json={})).status_code == 404
        assert (await page.post(f"/api/approvals/{first['id']}/send", json={"text": "Hello!"})).status_code == 204
        assert (await page.post(f"/api/approvals/{second['id']}/drop")).status_code == 204
        assert (await page.post(f"/api/approvals/{second['id']}/drop")).status_code == 409
        assert (await page.get("/api/approvals")).json() == {"required": True, "waiting": []}
