"""Baileys, a client that shares no code with whatsmeow: what it asks loopback is answered, what it says arrives.

It is installed from its lock file; without Node, npm or their registry these tests are skipped, and say so.
"""

import asyncio
import base64
import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until

SOURCE = Path(__file__).parent / "baileys"
INSTALL_SECONDS = 180
OFFLINE = re.compile(r"E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|5\d\d)|SOCKET_TIMEOUT")
PICTURE = secrets.token_bytes(5000)  # nobody looks at it


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed program."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("Baileys is NOT tested against loopback: Node and npm are not installed.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"Baileys is NOT tested against loopback: it needs Node 20 or newer, this is {version}.")
    folder = tmp_path_factory.mktemp("baileys")
    for file in SOURCE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"]
    try:
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"Baileys is NOT tested against loopback: npm didn't install it within {INSTALL_SECONDS} s.")
    if done.returncode and OFFLINE.search(done.stderr):
        pytest.skip("Baileys is NOT tested against loopback: npm's registry can't be reached.")
    assert done.returncode == 0, done.stderr
    return folder / "client.js"


class Baileys:
    """The program as a linked device: it is given orders, and tells what happens as events."""

    def __init__(self, whatsapp: Loopback, program: Path, store: Path) -> None:
        self._whatsapp = whatsapp
        self._program = program
        self._store = store
        self._events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    async def start(self) -> None:
        environment = {
            **os.environ,
            "PROXY_URL": self._whatsapp.proxy_url,
            "NODE_EXTRA_CA_CERTS": str(self._whatsapp.ca_path),
            "NOISE_ROOT": self._whatsapp.noise_root,
        }
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(self._program),
            str(self._store),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            print("Baileys:", line.decode().rstrip())
            if line.startswith(b"{"):
                self._events.append(json.loads(line))
                self._news.set()

    async def until(self, event: str, **wanted: Any) -> dict[str, Any]:
        """The first event of this name with these values that has not been asked for yet."""
        async with asyncio.timeout(30):
            while True:
                for index, told in enumerate(self._events):
                    if told["event"] == event and wanted.items() <= told.items():
                        return self._events.pop(index)
                self._news.clear()
                await self._news.wait()

    async def do(self, order: str, **details: Any) -> Any:
        """Give an order; what came of it."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"order": order, **details}).encode() + b"\n")
        await self._process.stdin.drain()
        done = await self.until("done")
        assert "error" not in done, done["error"]
        return done["result"]

    async def stop(self) -> None:
        """End the program, which saves its credentials first."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await self._process.wait()
            assert self._process.returncode == 0
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            await self._reading


@pytest.fixture
async def baileys(whatsapp: Loopback, alice: Phone, program: Path, tmp_path: Path) -> AsyncIterator[Baileys]:
    """Linked to Alice's phone. What it asked of the server must have had an answer when the test ends."""
    client = Baileys(whatsapp, program, tmp_path / "store")
    await client.start()
    try:
        await alice.scan((await client.until("qr"))["text"])
        assert (await client.until("open"))["id"] == str(alice.linked_devices[0].jid)
        yield client
    finally:
        await client.stop()
    assert [stanza for stanza in whatsapp.stanzas("out", "iq") if stanza.text("type") == "error"] == []


async def test_it_reads_answers_and_confirms(baileys: Baileys, alice: Phone, bob: Phone) -> None:
    sent = bob.send_text(alice, "hello")
    heard = await baileys.until("message", text="hello")
    assert (heard["key"]["remoteJid"], heard["key"]["fromMe"]) == (str(bob.account.lid), False)
    await until(bob, lambda: sent.status == "delivered")
    await baileys.do("read", key=heard["key"])
    await until(bob, lambda: sent.status == "read")
    await baileys.do("text", to=str(bob.account.jid), text="hello Bob")
    assert (await bob.wait_for("hello Bob", chat=alice)).device == 1
    await until(alice, lambda: [line.text for line in alice.messages(bob)] == ["hello", "hello Bob"])


async def test_receipts_come_from_the_address_it_wrote_to(baileys: Baileys, alice: Phone, bob: Phone) -> None:
    for address in (str(bob.account.jid), str(bob.account.lid)):
        key = await baileys.do("text", to=address, text=f"to {address}")
        await baileys.until("receipt", id=key["id"], type="delivered", **{"from": address})
        await bob.wait_for(address, chat=alice)
        bob.mark_read(alice)
        await baileys.until("receipt", id=key["id"], type="read", **{"from": address})


async def test_pictures_go_both_ways(baileys: Baileys, alice: Phone, bob: Phone) -> None:
    bob.send_image(alice, PICTURE, "look")
    assert base64.b64decode((await baileys.until("message", text="look"))["file"]) == PICTURE
    file = base64.b64encode(PICTURE).decode()
    await baileys.do("image", to=str(bob.account.lid), file=file, text="nice")
    assert bob.open_file(await bob.wait_for("nice", chat=alice)) == PICTURE


async def test_it_logs_in_again_with_the_keys_that_the_server_has(
    baileys: Baileys, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    bob.send_text(alice, "before")
    await baileys.until("message", text="before")
    await baileys.stop()
    bob.send_text(alice, "meanwhile")
    await whatsapp.restart()
    await baileys.start()
    await baileys.until("open")
    await baileys.until("message", text="meanwhile")
    await baileys.do("text", to=str(bob.account.lid), text="back again")
    await bob.wait_for("back again", chat=alice)
    uploads = [stanza for stanza in whatsapp.stanzas("in", "iq") if stanza.child("list") and stanza.child("skey")]
    assert len(uploads) == 1


async def test_what_only_the_phone_has_is_asked_of_it(
    baileys: Baileys, whatsapp: Loopback, alice: Phone, bob: Phone
) -> None:
    whatsapp.faults.withhold()
    bob.send_text(alice, "for the phone alone")
    await baileys.until("message", text="for the phone alone")


async def test_a_group_hears_it(baileys: Baileys, alice: Phone, bob: Phone) -> None:
    group = bob.create_group("Alpha", [alice])
    bob.send_to_group(group, "hello all")
    heard = await baileys.until("message", text="hello all")
    await baileys.do("read", key=heard["key"])
    await until(bob, lambda: bob.messages(group)[0].status == "read")
    await baileys.do("text", to=str(group.jid), text="hello Alpha")
    await bob.wait_for("hello Alpha", chat=group)


async def test_what_it_asks_about_the_account_is_answered(baileys: Baileys, alice: Phone, bob: Phone) -> None:
    lid, number = str(bob.account.lid), str(bob.account.jid)
    await baileys.do("updateReadReceiptsPrivacy", given=["none"])
    assert (await baileys.do("fetchPrivacySettings", given=[True]))["readreceipts"] == "none"
    assert await baileys.do("fetchBlocklist", given=[]) == []
    assert await baileys.do("getBotListV2", given=[]) == []
    assert await baileys.do("getBusinessProfile", given=[lid]) is None
    assert await baileys.do("onWhatsApp", given=[bob.number]) == [{"jid": number, "exists": True}]
    await baileys.do("resyncAppState", given=[["regular", "critical_block"], False])
    await baileys.do("rotateSignedPreKey", given=[])
    await baileys.do("digestKeyBundle", given=[])
    bob.send_text(alice, "with the new key")
    await baileys.until("message", text="with the new key")
