"""`exponential loopback` as a process of its own: real clients are linked and moved by its control URL alone."""

import asyncio
import base64
import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from support.loopback.real_client import Client, program

from exponential.auth import service_tokens

ALICE, BOB = "+4915110000001", "+4915110000002"
SECRET = secrets.token_urlsafe(40)


@pytest.fixture
async def standalone() -> AsyncIterator[SimpleNamespace]:
    """What the process printed."""
    async with program("loopback") as process:
        assert process.stdout
        yield SimpleNamespace(**json.loads(await process.stdout.readline()))


@pytest.fixture
async def control(standalone: SimpleNamespace) -> AsyncIterator[httpx.AsyncClient]:
    """The control URL with Alice's and Bob's phones."""
    async with httpx.AsyncClient(base_url=f"{standalone.control_url}/api", timeout=30, trust_env=False) as http:
        for number, name in ((ALICE, "Alice"), (BOB, "Bob")):
            made = await http.post("/phones", json={"number": number, "name": name})
            assert (made.status_code, made.json()["number"]) == (201, number)
        yield http


@pytest.fixture
async def linked(standalone: SimpleNamespace, control: httpx.AsyncClient, tmp_path: Path) -> AsyncIterator[Client]:
    client = Client(standalone, tmp_path / "store")
    await client.start()
    answer = await control.post(f"/phones/{ALICE}/scan", json={"code": await client.until("qr")})
    assert answer.status_code == 200, answer.text
    await client.until("connected")
    yield client
    await client.kill()


async def test_a_client_is_linked_written_to_and_answers(linked: Client, control: httpx.AsyncClient) -> None:
    sent = await control.post(f"/phones/{BOB}/messages", json={"to": ALICE, "text": "ping 1"})
    answer = await control.post(f"/phones/{BOB}/wait", json={"chat": ALICE, "text": "pong 1"})
    assert (answer.status_code, answer.json()["text"], answer.json()["device"]) == (200, "pong 1", 1)
    lines = (await control.get(f"/phones/{BOB}/messages/{ALICE}")).json()
    assert [line["text"] for line in lines] == ["ping 1", "pong 1"]
    assert (lines[0]["id"], lines[0]["status"]) == (sent.json()["id"], "delivered")
    assert f"{ALICE[1:]}:1@s.whatsapp.net → server" in (await control.get("/wire")).text


async def test_connections_are_broken_and_made_again(linked: Client, control: httpx.AsyncClient) -> None:
    faults: list[tuple[str, dict[str, Any]]] = [
        ("drop", {"number": ALICE, "device": 1}),
        ("stream_error", {"arguments": {"code": 503}}),
    ]
    for name, body in faults:
        assert (await control.post(f"/faults/{name}", json=body)).status_code == 204
        await control.post(f"/phones/{BOB}/messages", json={"to": ALICE, "text": f"ping {name}"})
        wanted = {"chat": ALICE, "text": f"pong {name}", "timeout": 25}
        answer = await control.post(f"/phones/{BOB}/wait", json=wanted)
        assert answer.status_code == 200, answer.text


async def test_a_delivery_is_repeated(linked: Client, control: httpx.AsyncClient) -> None:
    assert (await control.post("/faults/disturb", json={"arguments": {"copies": 3}})).status_code == 204
    await control.post(f"/phones/{BOB}/messages", json={"to": ALICE, "text": "ping once"})
    await control.post(f"/phones/{BOB}/wait", json={"chat": ALICE, "text": "pong once"})
    assert (await control.post("/faults/clear", json={})).status_code == 204
    assert (await control.get("/wire")).text.count("1@s.whatsapp.net ← server\n            <message ") == 3


async def test_faults_that_cannot_be(linked: Client, control: httpx.AsyncClient) -> None:
    async def answer(name: str, **body: Any) -> int:
        return (await control.post(f"/faults/{name}", json=body)).status_code

    assert await answer("earthquake") == 422
    assert await answer("stall") == 422, "how long?"
    assert await answer("drop", number=ALICE, device=9) == 404
    await linked.kill()
    while await answer("drop", number=ALICE) != 409:  # until the server has noticed
        await asyncio.sleep(0.05)


async def test_a_phone_without_network_gets_its_messages_later(linked: Client, control: httpx.AsyncClient) -> None:
    await control.put(f"/phones/{BOB}/presence", json={"online": False})
    await control.post(f"/phones/{BOB}/messages", json={"to": ALICE, "text": "ping 3"})
    await linked.until("message")
    none = await control.post(f"/phones/{BOB}/wait", json={"chat": ALICE, "text": "pong 3", "timeout": 0.2})
    assert (none.status_code, none.json()["detail"]) == (408, "No such line came within 0.2 seconds.")
    await control.put(f"/phones/{BOB}/presence", json={"online": True})
    assert (await control.post(f"/phones/{BOB}/wait", json={"chat": ALICE, "text": "pong 3"})).status_code == 200


async def test_unlinking_on_the_phone_logs_the_client_out(linked: Client, control: httpx.AsyncClient) -> None:
    [device] = (await control.get(f"/phones/{ALICE}")).json()["devices"]
    assert (await control.delete(f"/phones/{ALICE}/devices/{device['id']}")).status_code == 204
    await linked.until("logged-out")
    assert [phone["devices"] for phone in (await control.get("/phones")).json()] == [[], []]


async def test_what_is_refused(standalone: SimpleNamespace, control: httpx.AsyncClient) -> None:
    told = (await control.get("/about")).json()
    assert told == {name: value for name, value in vars(standalone).items() if name != "control_url"}
    assert (await control.post("/phones", json={"number": ALICE})).status_code == 409
    assert (await control.post("/phones", json={"number": "Alice"})).status_code == 422
    assert (await control.get("/phones/+4900000000")).status_code == 404
    assert (await control.get(f"/phones/{ALICE}/messages/+4900000000")).status_code == 404
    assert (await control.post(f"/phones/{ALICE}/wait", json={"chat": "+4900000000", "text": "x"})).status_code == 404
    assert (await control.post(f"/phones/{ALICE}/scan", json={"code": "https://example.org"})).status_code == 409
    rebound = await control.get("/phones", headers={"Host": "attacker.example"})
    assert rebound.status_code == 400, "a page whose name was pointed at 127.0.0.1 gets nothing"


async def test_a_port_that_is_taken_is_said(standalone: SimpleNamespace) -> None:
    port = standalone.control_url.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exponential", "loopback", "--port", port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert (process.returncode, output) == (2, b"")
    assert errors.decode().strip() == f"The control URL can't listen on 127.0.0.1:{port} (Address already in use)."


async def test_the_gateway_is_driven_as_the_help_says(
    standalone: SimpleNamespace, control: httpx.AsyncClient, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = {
        "WHATSAPP_MODE": "loopback",
        "WHATSAPP_PROXY_URL": standalone.proxy_url,
        "WHATSAPP_LOOPBACK_CA": standalone.ca_path,
        "WHATSAPP_LOOPBACK_NOISE_ROOT": standalone.noise_root,
        "GATEWAY_DATABASE_URL": database_url("gateway"),
        "EXPONENTIAL_DATA": str(tmp_path),
        "AUTH_SECRET": SECRET,
        "EXPONENTIAL_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "WHATSAPP_GATEWAY_PORT": "0",
    }
    who = {"Authorization": f"Bearer {service_tokens.issue(service_tokens.Identity('me'), secret=SECRET)}"}
    async with program("gateway", **settings) as process, asyncio.timeout(60):
        assert process.stderr
        while "gateway_listening" not in (line := (await process.stderr.readline()).decode()):
            assert line, "the gateway ended"
        url = f"http://127.0.0.1:{line.partition('port=')[2].split()[0]}"
        async with httpx.AsyncClient(base_url=url, headers=who, trust_env=False) as gateway:
            session = (await gateway.post("/login")).json()["sessionId"]
            while (picture := await gateway.get(f"/login/{session}/qr")).status_code != 200:
                await asyncio.sleep(0.1)
            linked = await control.post(f"/phones/{ALICE}/photo", files={"picture": picture.content})
            assert linked.status_code == 200, linked.text
            while not (status := (await gateway.get(f"/login/{session}/status")).json())["connected"]:
                await asyncio.sleep(0.1)
            assert status["phoneNumber"] == ALICE
