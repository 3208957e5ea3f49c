"""A server that goes away and comes back as the same one: the real client returns without a scan and loses nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from support.loopback.real_client import Client, program

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until

ALICE, BOB = "+4915110000001", "+4915110000002"
AWAY = 1.0  # seconds


async def test_a_client_comes_back_to_a_restarted_server(
    linked: Any, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    (device,) = alice.linked_devices
    bob.send_text(alice, "ping before")
    await bob.wait_for("pong before", chat=alice)
    restarting = asyncio.create_task(whatsapp.restart(AWAY))
    await linked.until("disconnected")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", urlsplit(whatsapp.proxy_url).port)
    waiting = [bob.send_text(alice, f"{word} meanwhile") for word in ("say", "and", "ping")]
    assert whatsapp.connections == {}
    await restarting
    heard = [(await linked.until("message")).split(" ", 2)[2] for _ in waiting]
    assert heard == [line.text for line in waiting]
    await bob.wait_for("pong meanwhile", chat=alice)
    await until(bob, lambda: all(line.status == "delivered" for line in waiting))
    assert whatsapp.connection(device), "the same device, without a scan"


@asynccontextmanager
async def standalone(state: Path) -> AsyncIterator[SimpleNamespace]:
    """`exponential loopback --state`: what it printed, `process`, and `http` at its control URL."""
    async with program("loopback", "--state", str(state)) as process:
        assert process.stdout
        said = SimpleNamespace(**json.loads(await process.stdout.readline()), process=process)
        async with httpx.AsyncClient(base_url=f"{said.control_url}/api", timeout=30, trust_env=False) as said.http:
            yield said


async def pong(http: httpx.AsyncClient, word: str) -> None:
    wanted = {"chat": ALICE, "text": f"pong {word}", "timeout": 20}
    answer = await http.post(f"/phones/{BOB}/wait", json=wanted)
    assert answer.status_code == 200, answer.text


async def say(http: httpx.AsyncClient, word: str) -> None:
    answer = await http.post(f"/phones/{BOB}/messages", json={"to": ALICE, "text": f"ping {word}"})
    assert answer.status_code == 201, answer.text


@asynccontextmanager
async def client_of(server: SimpleNamespace, store: Path) -> AsyncIterator[Client]:
    client = Client(server, store)
    await client.start()
    try:
        yield client
    finally:
        await client.kill()


async def test_another_process_is_the_same_server_after_a_kill(tmp_path: Path) -> None:
    state, store = tmp_path / "state", tmp_path / "store"
    async with standalone(state) as first:
        for number, name in ((ALICE, "Alice"), (BOB, "Bob")):
            await first.http.post("/phones", json={"number": number, "name": name})
        async with client_of(first, store) as client:
            await first.http.post(f"/phones/{ALICE}/scan", json={"code": await client.until("qr")})
            await client.until("connected")
            for word in ("one", "two"):
                await say(first.http, word)
                await pong(first.http, word)
        await say(first.http, "while it was away")
        certificate = Path(first.ca_path).read_bytes()
        phones = (await first.http.get("/phones")).json()
        first.process.kill()
        await first.process.wait()
    async with standalone(state) as second:
        assert (second.noise_root, Path(second.ca_path).read_bytes()) == (first.noise_root, certificate)
        assert (await second.http.get("/phones")).json() == phones
        async with client_of(second, store) as client:
            assert (await client.until("message")).endswith("ping while it was away")
            await pong(second.http, "while it was away")
            await say(second.http, "three")
            await pong(second.http, "three")
        assert "pair-device" not in (await second.http.get("/wire")).text, "it came back without a scan"
        lines = (await second.http.get(f"/phones/{BOB}/messages/{ALICE}")).json()
    words = ["one", "two", "while it was away", "three"]
    assert [line["text"] for line in lines] == [f"{what} {word}" for word in words for what in ("ping", "pong")]
    assert [line["status"] for line in lines if line["from_me"]] == ["delivered"] * len(words)


async def test_a_restart_by_http(tmp_path: Path) -> None:
    async with standalone(tmp_path / "state") as server:
        for number, name in ((ALICE, "Alice"), (BOB, "Bob")):
            await server.http.post("/phones", json={"number": number, "name": name})
        async with client_of(server, tmp_path / "store") as client:
            await server.http.post(f"/phones/{ALICE}/scan", json={"code": await client.until("qr")})
            await client.until("connected")
            assert (await server.http.post("/restart", json={"seconds": -1})).status_code == 422
            assert (await server.http.post("/restart", json={"seconds": 0.2})).status_code == 204
            await client.until("disconnected")
            await say(server.http, "again")
            await pong(server.http, "again")


async def test_a_kill_in_a_burst_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    state, store = tmp_path / "state", tmp_path / "store"
    said: list[str] = []
    heard: set[str] = set()

    async def listen(client: Client) -> None:
        while True:
            heard.add((await client.until("message", timeout=60)).split(" ", 2)[2])

    async with standalone(state) as first:
        for number, name in ((ALICE, "Alice"), (BOB, "Bob")):
            await first.http.post("/phones", json={"number": number, "name": name})
        async with client_of(first, store) as client:
            await first.http.post(f"/phones/{ALICE}/scan", json={"code": await client.until("qr")})
            await client.until("connected")
            listening = asyncio.create_task(listen(client))
            while len(heard) < 20:
                text = f"say {len(said)}"
                answer = await first.http.post(f"/phones/{BOB}/messages", json={"to": ALICE, "text": text})
                assert answer.status_code == 201
                said.append(text)
            first.process.kill()
            await first.process.wait()
            listening.cancel()
    async with standalone(state) as second:
        lines = (await second.http.get(f"/phones/{BOB}/messages/{ALICE}")).json()
        assert [line["text"] for line in lines] == said
        # Confirmed by the first client, which was killed before it had told us of the last of them.
        heard |= {line["text"] for line in lines if line["status"] == "delivered"}
        async with client_of(second, store) as client:
            answer = await second.http.post(f"/phones/{BOB}/messages", json={"to": ALICE, "text": "the end"})
            listening = asyncio.create_task(listen(client))
            async with asyncio.timeout(30):
                while "the end" not in heard:
                    await asyncio.sleep(0.02)
            listening.cancel()
    assert heard == {*said, "the end"}
