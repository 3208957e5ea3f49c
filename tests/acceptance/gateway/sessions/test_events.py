"""Following sessions as server-sent events: what happens is told at once, to its owner alone, whoever did it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.event import listen
from support.gateways import ADA, BOB, Gateway, StartGateway, is_status, link, shown
from support.waiting import until

from exponential.auth import service_tokens
from exponential.core import clock
from exponential.gateway.client import GatewayClient
from exponential.gateway.schema import SessionInfo
from exponential.gateway.worker import protocol
from exponential.loopback.phones.phone import Phone
from exponential.loopback.testing import NewPhone

ADAS_CHAT = "4915112345678@s.whatsapp.net"


@pytest.fixture
def adas_phone(phone: NewPhone) -> Phone:
    return phone("Ada", number="+4915112345678")


class Stream:
    """The events of an open stream, with the moment at which each came."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any], float]] = []
        self.ids: list[str] = []
        self.ended = False

    async def read(self, answer: httpx.Response) -> None:
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                self.ids.append(line[4:])
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                self.events.append((name, json.loads(line[6:]), time.monotonic()))
        self.ended = True

    async def until(self, name: str, **wanted: Any) -> float:
        """When the first such event came."""

        def found() -> float | None:
            for event, data, at in self.events:
                if event == name and wanted.items() <= data.items():
                    return at
            return None

        at: float = await until(found)
        return at


@asynccontextmanager
async def following(gateway: Gateway, session: str) -> AsyncIterator[Stream]:
    stream = Stream()
    async with gateway.served() as served, httpx.AsyncClient(timeout=30) as http:
        request = http.build_request(
            "GET", f"{served._base_url}/sessions/{session}/events", headers=gateway.headers(ADA)
        )
        answer = await http.send(request, stream=True)
        assert answer.headers["content-type"].startswith("text/event-stream")
        reading = asyncio.create_task(stream.read(answer))
        yield stream
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await answer.aclose()


async def test_from_the_code_to_the_end_everything_is_told(start_real_gateway: StartGateway, adas_phone: Phone) -> None:
    async with start_real_gateway() as gateway:
        session = await gateway.client.login(ADA)
        code = await shown(gateway, session)
        async with following(gateway, session) as stream:
            await stream.until("status", status="pending", qrAvailable=True)
            await stream.until("qr", code=code)
            await adas_phone.scan(code)
            await stream.until("status", status="connected", phoneNumber="+4915112345678")
            message = await gateway.client.send(ADA, session, ADAS_CHAT, "🤖 *Paddy:* hello", key="1")
            await stream.until("receipt", messageId=message, status="delivered")
            told = [data["status"] for event, data, _ in stream.events if event == "receipt"]
            assert told in (["sending", "sent", "delivered"], ["sending", "delivered"])  # a receipt may be that fast
            adas_phone.unlink(adas_phone.linked_devices[0])
            await stream.until("status", status="disconnected")
            await gateway.client.disconnect(ADA, session)
            await stream.until("removed", sessionId=session)
            await until(lambda: stream.ended)
            assert stream.ids == [str(number + 1) for number in range(len(stream.events))]


async def test_what_a_worker_reports_is_told_at_once(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        async with following(gateway, session) as stream:
            await stream.until("qr")
            delays = []
            for number in range(20):
                reported = time.monotonic()
                await gateway.operations.reports.apply(protocol.QrCode(session, f"code {number}", 60))
                delays.append(await stream.until("qr", code=f"code {number}") - reported)
            print(f"from a worker's report to the event: {sorted(delays)[10] * 1000:.1f} ms in the middle")
            assert sorted(delays)[10] < 1  # a few milliseconds where the machine has time


async def test_nobody_follows_the_sessions_of_others(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(BOB)
        answer = await gateway.http.get(f"/sessions/{session}/events", headers=gateway.headers(ADA))
        assert (answer.status_code, answer.json()["code"]) == (404, "session_not_found")
        assert (await gateway.http.get("/events")).status_code == 401


async def test_streams_end_with_the_token_that_opened_them(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway, gateway.served() as client, httpx.AsyncClient(timeout=60) as http:
        session = await gateway.client.login(ADA)
        with clock.frozen(clock.now() - service_tokens.TOKEN_LIFETIME - service_tokens.LEEWAY + timedelta(seconds=10)):
            old = gateway.headers(ADA)

        async def ended(path: str) -> str:
            answer = await http.get(client._base_url + path, headers=old)
            assert answer.status_code == 200
            return answer.text

        streams = [ended("/events"), ended(f"/sessions/{session}/events")]
        listed, followed = await asyncio.wait_for(asyncio.gather(*streams), 60)
        assert "event: sessions" in listed and "event: status" in followed
        for path in ("/events", f"/sessions/{session}/events"):
            refused = await http.get(client._base_url + path, headers=old)
            assert (refused.status_code, refused.json()["code"]) == (401, "token_expired")


async def test_a_users_sessions_are_told_whenever_they_change(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway, gateway.served() as client:
        lists: list[list[SessionInfo]] = []

        async def follow(client: GatewayClient) -> None:
            async for found in client.follow(ADA):
                lists.append(found)

        following = asyncio.create_task(follow(client))
        await until(lambda: lists == [[]])
        await gateway.client.login(BOB)
        session = await gateway.client.login(ADA)
        await until(lambda: [info.session_id for info in lists[-1]] == [session])
        await gateway.operations.reports.apply(protocol.PairingEnded(session, "exhausted"))
        assert await is_status(gateway, session, "expired")
        await until(lambda: lists[-1][0].status == "expired")
        await gateway.client.disconnect(ADA, session)
        await until(lambda: lists[-1] == [])
        assert all(len(found) <= 1 for found in lists)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_each_step_with_a_passkey_is_told(start_gateway: StartGateway) -> None:
    options = {"challenge": "AAAA", "rpId": "whatsapp.com"}
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        async with following(gateway, session) as stream:
            await stream.until("qr")
            await gateway.operations.reports.apply(protocol.PasskeyAsked(session, options, 600))
            await stream.until("status", statusCode="passkey_asked", passkeyRequired=True)
            await stream.until("passkey", step="sign", options=options)
            await gateway.operations.reports.apply(protocol.PasskeyCode(session, "ABCD-EFGH"))
            await stream.until("passkey", step="compare", code="ABCD-EFGH", options=None)
            await gateway.operations.reports.apply(protocol.PairingEnded(session, "passkey-silent"))
            await stream.until("status", status="expired", statusCode="passkey_silent", passkeyRequired=False)


async def test_a_second_link_of_the_phone_ends_the_firsts_stream(
    start_real_gateway: StartGateway, adas_phone: Phone
) -> None:
    async with start_real_gateway() as gateway:
        first, _ = await link(gateway, adas_phone)
        async with following(gateway, first) as stream:
            await stream.until("status", status="connected")
            await link(gateway, adas_phone)
            await stream.until("removed")


async def test_a_change_is_looked_up_once_for_all_who_follow(start_gateway: StartGateway) -> None:
    looks = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "sessions.qr_code" in statement and statement.startswith("SELECT") and "FOR UPDATE" not in statement:
            looks.append(statement)

    async with start_gateway() as gateway, AsyncExitStack() as stack:
        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        streams = [await stack.enter_async_context(following(gateway, session)) for _ in range(12)]
        for stream in streams:
            await stream.until("qr")
        listen(gateway.operations.database._engine.sync_engine, "before_cursor_execute", count)
        for number in range(5):
            await gateway.operations.reports.apply(protocol.QrCode(session, f"code {number}", 60))
            for stream in streams:
                await stream.until("qr", code=f"code {number}")
        assert len(looks) == 5


async def test_a_user_is_told_of_new_codes_too(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway, gateway.served() as client:
        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        told = []

        async def follow() -> None:
            async for found in client.follow(ADA):
                told.append(found)

        following = asyncio.create_task(follow())
        await until(lambda: told)
        before = len(told)
        await gateway.operations.reports.apply(protocol.QrCode(session, "another code", 60))
        await until(lambda: len(told) > before)
        assert told[-1] == told[0]
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_without_its_database_a_stream_is_refused_and_open_ones_end(
    start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        async with following(gateway, session) as stream:
            await stream.until("qr")
            await let_in(gateway, False)
            for path in ("/events", f"/sessions/{session}/events"):
                refused = await gateway.http.get(path, headers=gateway.headers(ADA))
                assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            gateway.operations.events.look_again()
            await until(lambda: stream.ended)
            await let_in(gateway, True)
        async with following(gateway, session) as stream:
            await stream.until("status")
    assert "Exception in ASGI application" not in caplog.text


async def let_in(gateway: Gateway, allowed: bool) -> None:
    """Open or close the gateway's database to everyone, and end the connections that it has."""
    url = gateway.operations.database.url
    admin_url = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as admin:
        await admin.execute(f'alter database "{url.database}" with allow_connections {allowed}')
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (url.database,)
        )
