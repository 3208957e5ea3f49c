"""What people and programs get wrong, and what they do a hundred times at once; and how the gateway says how it is."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support.gateways import ADA, BOB, Gateway, StartGateway, is_status, scan, shown, workers
from support.waiting import until

from exponential.core.errors import Conflict, NotFound
from exponential.gateway import health
from exponential.gateway.worker import protocol

Folder = Callable[[str], Path]
CHAT = "4915112345678@s.whatsapp.net"


NO_NUMBERS: tuple[Any, ...] = (None, 5, "", "0151 1234567", "+49", "hello", "+" + "1" * 60, ["+4915112345678"], {})
BODIES = (
    (b"x" * 10_000_000, "application/json", 413),
    (b'{"phoneNumber": "+4915112345678", "extra": 1}', "application/json", 422),
    (b'{"phone": "+4915112345678"}', "application/json", 422),
    (b"phoneNumber=%2B4915112345678", "application/x-www-form-urlencoded", 422),
    (b'{"phoneNumber": "+4915112345678"}', "text/plain", 422),
    (b"", "application/json", 422),
)


async def test_malformed_phone_numbers_and_bodies_are_refused(start_gateway: StartGateway) -> None:
    """Bodies that are too long, of the wrong kind, or without a number."""
    malformed = [(json.dumps({"phoneNumber": number}).encode(), "application/json", 422) for number in NO_NUMBERS]
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        for body, content_type, status in (*malformed, *BODIES):
            headers = {**gateway.headers(ADA), "Content-Type": content_type}
            answer = await gateway.http.post(f"/login/{session}/code", headers=headers, content=body)
            assert answer.status_code == status, body[:100]
            assert set(answer.json()) == {"error", "code"}, body[:100]


async def test_actions_in_the_wrong_state_are_told_so(start_gateway: StartGateway, session_folder: Folder) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        await gateway.operations.reports.apply(protocol.PairingEnded(session, "exhausted"))
        with pytest.raises(Conflict) as caught:
            await gateway.client.pairing_code(ADA, session, "+4915112345678")
        assert caught.value.code == "not_pending"
        await gateway.client.restart(ADA, session)
        await scan(gateway, session_folder(session), session)
        for call in (gateway.client.restart(ADA, session), gateway.client.pairing_code(ADA, session, "+4915112345678")):
            with pytest.raises(Conflict) as caught:
                await call
            assert caught.value.code == "already_connected"
        await gateway.client.disconnect(ADA, session)
        for gone in (
            gateway.client.disconnect(ADA, session),
            gateway.client.restart(ADA, session),
            gateway.client.pairing_code(ADA, session, "+4915112345678"),
            gateway.client.groups(ADA, session),
            gateway.client.groups(BOB, session),
        ):
            with pytest.raises(NotFound):
                await gone


async def test_a_hundred_identical_requests_leave_one_effect(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:

        async def a_hundred(call: Callable[[], Any]) -> list[Any]:
            return await asyncio.gather(*(call() for _ in range(100)), return_exceptions=True)

        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        epochs = await epoch(gateway, session)
        [worker] = workers()
        os.kill(worker, signal.SIGSTOP)  # once there is a new code, whoever restarts wants another one
        assert await a_hundred(lambda: gateway.client.restart(ADA, session)) == [None] * 100
        os.kill(worker, signal.SIGCONT)
        assert await epoch(gateway, session) == epochs + 1  # one client was started
        await scan(gateway, session_folder(session), session)

        sent = await a_hundred(lambda: gateway.client.send(ADA, session, CHAT, "once", key="k"))
        assert len(set(sent)) == 1
        await until(lambda: (session_folder(session).parent / "sent").exists())

        gone = await a_hundred(lambda: gateway.client.disconnect(ADA, session))
        assert gone.count(True) == 1
        assert all(isinstance(answer, NotFound) for answer in gone if answer is not True)
        assert (session_folder(session).parent / "sent").read_text(encoding="utf-8") == f"{CHAT} once\n"


async def epoch(gateway: Gateway, session: str) -> int:
    from exponential.gateway.sessions.sessions import Session

    async with gateway.operations.database.transaction() as db:
        return (await db.get_one(Session, UUID(session))).holder_epoch


async def test_ready_says_what_is_missing(start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await shown(gateway, session)
        answer = await gateway.http.get("/ready")
        assert (answer.status_code, answer.json()) == (200, {"ready": True})
        monkeypatch.setattr(health, "MIN_FREE_BYTES", 2**70)
        answer = await gateway.http.get("/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "make room" in answer.json()["error"]


async def test_metrics_in_the_format_of_prometheus(start_gateway: StartGateway, session_folder: Folder) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await gateway.client.login(BOB)
        await scan(gateway, session_folder(session), session)
        message = await gateway.client.send(ADA, session, CHAT, "hear hello", key="k")
        await until(lambda: sent(gateway, session, message))
        await until(lambda: gateway.operations.reports.recorded == 1)
        assert await is_status(gateway, session, "connected")
        await gateway.operations.reports.apply(protocol.Offline(session, "gone for a moment"))
        text = (await gateway.http.get("/metrics")).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        samples = {name: float(value) for name, value in lines}
        prefix = "exponential_gateway_"
        assert samples[prefix + 'sessions{state="reconnecting"}'] == 1
        assert samples[prefix + 'sessions{state="pending"}'] == 1
        assert samples[prefix + "messages_out_total"] == 1
        assert samples[prefix + "messages_in_total"] == 1
        assert samples[prefix + 'queue_depth{queue="inbox"}'] == 1
        assert 0 < samples[prefix + 'queue_oldest_seconds{queue="inbox"}'] < 60
        [memory] = [value for name, value in samples.items() if name.startswith(prefix + "worker_memory_bytes")]
        assert 10 * 2**20 < memory < 2**30
        assert "4915112345678" not in text and session not in text


async def sent(gateway: Gateway, session: str, message: str) -> bool:
    return await gateway.client.message(ADA, session, message) == "sent"
