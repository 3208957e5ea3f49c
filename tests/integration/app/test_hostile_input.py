"""Whatever values a request has: the app answers with a sentence, never with a fault of its own."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from support.app.programs import TALK, bearer, kept
from support.app.running_app import SECRET, House, MakeHouse
from support.gateways import PAPER, StartGateway
from support.hostile_requests import Attempt, attempts
from support.http_server import serving
from support.workspace.transcripts import import_transcript

from exponential.assistant.mcp.server import McpCaller, Workspace
from exponential.auth import service_tokens
from exponential.auth.users import User
from exponential.core import clock
from exponential.workspace import facts, projects, reminders, tasks

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def of(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


SEGMENT = of(speaker=TEXT, text=TEXT, start=NUMBER)
MEETING = of(externalId=TEXT, title=TEXT, heldOn=TEXT, transcript={"type": "array", "items": SEGMENT})
MESSAGE = of(
    **{name: TEXT for name in ("sessionId", "messageId", "chat", "sender", "senderPhone", "senderName", "text")},
    role={"const": "owner"},
    type={"const": "document"},
    timestamp={"const": "2026-11-25T08:00:00Z"},
    media=of(mime=TEXT, name=TEXT, size=NUMBER, data={"const": "eA=="}, problem=TEXT),
)
READ_BY_THEMSELVES = {"post /api/meetings": MEETING, "post /api/whatsapp-gateway/messages": MESSAGE}
SIGNS_OUT = ("/sign-out", "/settings/sessions/end-all")  # whatever else it is sent
BESIDE = (
    Attempt("a file that is none", "GET", "/static/a%00b"),
    Attempt("a page that is none", "GET", "/a%00b?q=%00"),
    Attempt("a cookie", "GET", "/settings", headers={"Cookie": "exponential_oidc=%00; exponential_theme=%ff"}),
    Attempt("MCP: NUL", "POST", "/mcp", b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list\\u0000"}'),
    Attempt("MCP: half of a character", "POST", "/mcp", b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}'),
    Attempt("MCP: Infinity", "POST", "/mcp", b'{"jsonrpc": "2.0", "id": 1e999, "method": "ping"}'),
    Attempt("MCP: depth", "POST", "/mcp", b"[" * 100_000),
)


async def furnished(house: House, user: User) -> dict[str, Any]:
    """One record of each kind, by the name that routes have for its id; and what else is good in certain fields."""
    async with house.database.transaction() as session:
        made = {
            "task_id": await tasks.create_task(session, user.id, "milk"),
            "project_id": await projects.create_project(session, user.id, "Home", None),
            "meeting_id": await import_transcript(session, user.id, TALK),
            "fact_id": await facts.remember(session, user.id, "The door code is 4711"),
            "reminder_id": await reminders.remind(session, user.id, "call Ada", clock.now() + timedelta(days=1)),
        }
    known = {name: str(record.id) for name, record in made.items()}
    return {**known, "externalId": None, "title": "x", "heldOn": "2026-11-25"}


@pytest.fixture
async def connected_house(make_house: MakeHouse, start_gateway: StartGateway) -> AsyncIterator[House]:
    """With a real gateway."""
    async with start_gateway(PAPER, auth_secret=SECRET) as gateway, serving(gateway.asgi, lifespan="off") as url:
        async with make_house(gateway_url=url) as made:
            yield made


async def test_no_value_in_any_field_of_any_route_is_a_fault(connected_house: House) -> None:
    house, faults = connected_house, []
    alice = await house.user()
    known = await furnished(house, alice)
    by_token = {"/api/meetings": await bearer(house, alice), "/mcp": await bearer(house, alice)}
    jwt = service_tokens.issue(alice.identity, secret=SECRET, audience=service_tokens.APP)
    by_token["/api/whatsapp-gateway/messages"] = {"Authorization": f"Bearer {jwt}"}
    house.app.state.exponential.live_updates.close()  # so that streams end
    async with house.signed_in(alice) as page:
        for attempt in (*attempts(house.app, known, READ_BY_THEMSELVES), *BESIDE):
            if attempt.path.startswith(SIGNS_OUT):
                continue
            answer = await attempt.by(page, **by_token.get(attempt.path.split("?")[0], {}))
            if answer.status_code >= 500:
                faults.append(f"{answer.status_code} {attempt.what}")
        assert (await page.get("/settings")).status_code == 200  # all this was asked by somebody who is signed in
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"transcript": [{"text": "We decided it.", "start": 1e999}]}', "Infinity or NaN where a number should be"),
        ('{"transcript": [{"text": "We decided it.", "start": NaN}]}', "Infinity or NaN where a number should be"),
        ('{"transcript": [{"text": "We decided it.", "start": 9223372036854775808}]}', "a number that is too large"),
        ('{"transcript": "Anna: We decided\\u0000 it."}', "a NUL character in it"),
        ('{"transcript": "Anna: We decided\\ud800 it."}', "half of a character"),
        ('{"transcript": %s}' % ("[" * 100_000), "is no JSON that can be read"),
    ],
)
async def test_what_is_wrong_with_a_value_is_said_and_nothing_kept(house: House, body: str, sentence: str) -> None:
    alice = await house.user()
    async with house.client(**await bearer(house, alice), **{"Content-Type": "application/json"}) as recorder:
        answer = await recorder.post("/api/meetings", content=body.encode())
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert await kept(house, alice) == []


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"])
async def test_json_is_read_with_care_whatever_its_type_is_called(house: House, kind: str) -> None:
    async with house.signed_in(await house.user()) as page:
        answer = await page.post("/api/timezone", content=b'{"timezone": "\\u0000"}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (422, "text_invalid")


async def test_the_field_is_named(house: House) -> None:
    async with house.signed_in(await house.user(), Accept="application/json") as page:
        refused = await page.post("/tasks", data={"title": "milk\0"})
    assert (refused.status_code, refused.json()["code"]) == (422, "text_invalid")
    assert refused.json()["error"] == "The field “title” has a NUL character in it. Remove it, then try again."


async def test_a_message_of_whatsapp_is_never_refused_for_its_characters(house: House) -> None:
    alice = await house.user()
    jwt = service_tokens.issue(alice.identity, secret=SECRET, audience=service_tokens.APP)
    message = {
        **{"sessionId": "s", "messageId": "m\0", "chat": "4915110000001@s.whatsapp.net", "senderName": "A\0da"},
        **{"sender": "4915110000001@s.whatsapp.net", "role": "owner", "type": "text"},
        **{"text": "Add a task: buy\0milk", "timestamp": "2026-11-25T08:00:00Z"},
    }
    async with house.client(Authorization=f"Bearer {jwt}") as gateway:
        assert (await gateway.post("/api/whatsapp-gateway/messages", json=message)).status_code == 202
        again = await gateway.post("/api/whatsapp-gateway/messages", json=message)
        assert (again.status_code, again.json()["duplicate"]) == (202, True)


@pytest.mark.parametrize("title", ["buy\0milk", "buy \ud800"])
async def test_a_tool_called_over_mcp_is_refused_likewise(house: House, title: str) -> None:
    alice = await house.user()
    told = await Workspace(house.database).call(McpCaller(alice.id), "create_task", {"title": title})
    assert told.is_error and json.loads(told.content[0].text)["code"] == "text_invalid"


async def test_what_gets_as_far_as_the_database_is_refused_there(house: House) -> None:
    """The last line: a file's text is no field of the form."""
    alice = await house.user()
    said = json.dumps([{"speaker": "Anna", "text": "We decided\0 it."}, {"speaker": "Bob", "text": "\ud800"}])
    async with house.signed_in(alice, Accept="application/json") as page:
        refused = await page.post("/meetings", files={"file": ("talk.json", said)}, data={"title": "Talk"})
    assert refused.status_code == 422, refused.text


@pytest.mark.parametrize("header", ["Origin", "Referer"])
async def test_an_address_that_is_none_is_no_fault(house: House, header: str) -> None:
    async with house.client(**{header: "http://["}) as stranger:
        answer = await stranger.post("/theme", data={"theme": "dark"})
        assert answer.status_code == (403 if header == "Origin" else 303), answer.text


RUNS = ["\\", '"', ";", ",", "\\101", '\\";', "a=b; ", ";a*1*=x", ";a=x", "a@", "[", "0-,"]
PARSED = "Accept-Encoding Authorization Content-Type Cookie Host If-None-Match Origin Range X-Forwarded-For".split()


@pytest.mark.parametrize("route", ["GET /sign-in", "POST /sign-in", "GET /static/app.css"])
async def test_no_header_takes_long(house: House, route: str) -> None:
    """Runs of what the grammars of headers know, bare and in quotes, as long as a header gets in, and longer."""
    async with house.served() as url:
        host, port = url.removeprefix("http://").split(":")

        async def cpu_seconds(name: str, value: str) -> float:
            headers = {"Host": "a", "Content-Length": "0", "Connection": "close", name: value}
            head = "".join(f"{each}: {told}\r\n" for each, told in headers.items())
            reader, writer = await asyncio.open_connection(host, int(port))
            began = time.process_time()
            writer.write(f"{route} HTTP/1.1\r\n{head}\r\n".encode())
            assert int((await reader.read()).split()[1]) < 500
            writer.close()
            return time.process_time() - began

        await cpu_seconds("Accept", "*/*")  # the first request of an app takes its time
        for name, run, length in itertools.product(PARSED, RUNS, (15_000, 62_000)):
            before = {"Content-Type": "multipart/form-data; boundary=x", "Cookie": "a"}.get(name, "")
            for opening, closing in (("", ""), ('; a="', '"')):
                value = f"{before}{opening}{(run * length)[:length]}{closing}"
                took = await cpu_seconds(name, value)
                if took >= 0.4:  # once, this process may have been busy with something else
                    took = await cpu_seconds(name, value)
                assert took < 0.4, f"{name}: {value[:60]}… ({length:,} characters)"
