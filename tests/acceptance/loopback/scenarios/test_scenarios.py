"""Every scenario that is shipped, with the real client in it: what the file expects, and what the client says of it."""

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from support.loopback.real_client import Client, program

from exponential.loopback.phones.phone import Phone
from exponential.loopback.scenarios import scenario
from exponential.loopback.scenarios.scenario import ScenarioError
from exponential.loopback.server.server import Loopback

# What the real client reports, beyond what the file itself expects; and whether it is connected in the end.
OUTCOMES = {
    "flaky-network": ("disconnected", "", True),
    "restart-in-a-burst": ("disconnected", "", True),
    "replaced-elsewhere": ("replaced", "", False),
    "outdated-client": ("outdated", "", False),
    "banned": ("banned", "1 3600", False),
    "deaf": ("disconnected", "", True),
}


@pytest.mark.parametrize("name", scenario.shipped())
async def test_a_shipped_scenario(linked: Any, whatsapp: Loopback, alice: Phone, name: str) -> None:
    word, rest, connected = OUTCOMES[name]
    await whatsapp.play(name)
    assert (await linked.until(word)).startswith(rest)
    (device,) = alice.linked_devices
    assert (whatsapp.connection(device) is not None) == connected


async def test_repeated_and_reordered_messages_are_heard_once(linked: Any, whatsapp: Loopback) -> None:
    await whatsapp.play("flaky-network")
    heard = []
    while not heard or heard[-1] != "ping after":
        heard.append((await linked.until("message")).split(" ", 2)[2])
    numbered = [text for text in heard if text.startswith("number")]
    assert sorted(numbered) == [f"number {n}" for n in range(1, 7)]
    assert numbered != sorted(numbered), "they came in another order"


async def test_a_scenario_that_takes_another_turn(linked: Any, whatsapp: Loopback, tmp_path: Any) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(
        """
        phones = { alice = { number = "+4915110000001" }, bob = { number = "+4915110000002" } }
        [[steps]]
        send = { from = "bob", to = "alice", text = "ping" }
        [[steps]]
        wait = { phone = "bob", chat = "alice", text = "pang", within = 1 }
        """
    )
    with pytest.raises(ScenarioError) as raised:
        await whatsapp.play(file)
    assert str(raised.value) == ("wrong.toml, step 2: no line with 'pang' came into bob's chat 'alice' within 1 s.")


async def test_the_command_line_plays_one(tmp_path: Path) -> None:
    async with program("loopback", "--scenario", "deaf") as process:
        assert process.stdout
        said = SimpleNamespace(**json.loads(await process.stdout.readline()))
        client = Client(said, tmp_path / "store")
        await client.start()
        try:
            scan = f"{said.control_url}/api/phones/+4915110000001/scan"
            async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
                assert (await http.post(scan, json={"code": await client.until("qr")})).status_code == 200
            async with asyncio.timeout(40):
                assert json.loads(await process.stdout.readline()) == {"played": "deaf"}
        finally:
            await client.kill()


async def test_the_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    phones = 'phones = { alice = { number = "+4915110000001" } }\n'
    wait = '[[steps]]\nuntil = { phone = "alice", connected = true, within = 0.1 }'
    for steps, code, told, output in (
        ('[[steps]]\nonline = "bob"', 2, "step 1: there is no phone 'bob', only alice.", 0),
        (wait, 1, "step 1: a device of alice was not connected after 0.1 s.", 1),
    ):
        (tmp_path / "mine.toml").write_text(phones + steps, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "exponential", "loopback", "--scenario", str(tmp_path / "mine.toml")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        assert (process.returncode, errors.decode().strip()) == (code, f"mine.toml, {told}")
        assert len(out.splitlines()) == output
