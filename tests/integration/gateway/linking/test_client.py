"""The linking client of our own: it says what the library says, and the library logs in with what it leaves."""

import asyncio
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from neonize._binder import gocode
from support.loopback.real_client import Client

from exponential.gateway.linking import client as linking
from exponential.gateway.linking import store
from exponential.gateway.linking.client import (
    AlreadyAnswered,
    Linked,
    LinkingClient,
    LinkingFailed,
    NotWaiting,
    PasskeyRefused,
)
from exponential.gateway.linking.connection import NotWhatsApp, Unreachable
from exponential.gateway.linking.device import NewDevice, library_version
from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker.workarounds import native_client
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.linking.webauthn import Passkey
from exponential.loopback.server.server import Loopback
from exponential.protocol.binary import JID, Node
from exponential.protocol.protobufs import ClientPayload, DeviceProps

VERSION = library_version(Path(gocode._name))
PROPS = native_client.DEVICE_PROPS
T = TypeVar("T")
Start = Callable[..., "Attempt"]


class Attempt:
    """A linking client that runs, and what it reported."""

    def __init__(self, whatsapp: Loopback, root: bytes | None = None, timing: LinkingTiming | None = None) -> None:
        self.codes: asyncio.Queue[str] = asyncio.Queue()
        self.seconds: list[float] = []
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.compared: asyncio.Queue[str] = asyncio.Queue()
        self.saved: list[Linked] = []
        self.device = NewDevice()
        self.client = LinkingClient(
            self.device,
            VERSION,
            PROPS,
            self,
            self._save,
            root=root or bytes.fromhex(whatsapp.noise_root),
            proxy=whatsapp.proxy_url,
            tls=ssl.create_default_context(cafile=str(whatsapp.ca_path)),
            timing=timing or LinkingTiming(goodbye=0.5),
        )
        self.running = asyncio.create_task(self.client.run())

    def code(self, code: str, seconds: float) -> None:
        self.codes.put_nowait(code)
        self.seconds.append(seconds)

    def passkey(self, options: dict[str, Any], seconds: float) -> None:
        self.asked.put_nowait(options)

    def compare(self, code: str) -> None:
        self.compared.put_nowait(code)

    async def _save(self, linked: Linked) -> None:
        self.saved.append(linked)

    async def next(self, reports: asyncio.Queue[T]) -> T:
        """The next report of a kind, or what the attempt ended with instead."""
        report = asyncio.create_task(reports.get())
        async with asyncio.timeout(30):
            await asyncio.wait([report, self.running], return_when=asyncio.FIRST_COMPLETED)
        if report.done():
            return report.result()
        report.cancel()
        raise AssertionError(f"ended instead: {self.running!r}")


@pytest.fixture
async def start(whatsapp: Loopback) -> Any:
    made: list[Attempt] = []

    def begin(**how: Any) -> Attempt:
        made.append(Attempt(whatsapp, **how))
        return made[-1]

    yield begin
    for attempt in made:
        attempt.running.cancel()
        with suppress(BaseException):
            await attempt.running


def empty_store(tmp_path: Path) -> bytes:
    """A store as the library makes it, without a device."""
    path = tmp_path / "empty"
    program = (
        "import sys, exponential.protocol.libmagic; from neonize._binder import gocode, func_callback_bytes2;"
        "gocode.GetAllDevices(sys.argv[1].encode(), func_callback_bytes2(lambda *_: None))"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, str(path)], check=True, capture_output=True)
    with closing(sqlite3.connect(path)) as db:
        return db.serialize()


async def logged_in(new_client: Callable[[str], Client], tmp_path: Path, linked: Linked) -> Client:
    """The real client, on the store that the linking left."""
    (tmp_path / "ours").write_bytes(store.filled(empty_store(tmp_path), linked))
    client = new_client("ours")
    await client.start()
    await client.until("connected")
    return client


async def test_the_library_logs_in_with_a_device_that_was_linked_by_qr_code(
    start: Start, alice: Phone, new_client: Callable[[str], Client], tmp_path: Path
) -> None:
    attempt = start()
    device = await alice.scan(await attempt.next(attempt.codes))
    linked = await attempt.running
    assert attempt.saved == [linked]
    assert (linked.jid, linked.lid) == (device.jid, device.lid)
    client = await logged_in(new_client, tmp_path, linked)
    alice.send_text("me", "ping 1")
    assert "ping 1" in await client.until("message")
    await alice.wait_for("pong 1")


async def test_and_with_one_that_was_linked_by_pairing_code(
    start: Start, alice: Phone, bob: Phone, new_client: Callable[[str], Client], tmp_path: Path
) -> None:
    attempt = start()
    with pytest.raises(NotWaiting):
        await attempt.client.pairing_code("4915110000001")
    await attempt.next(attempt.codes)
    code, seconds = await attempt.client.pairing_code("4915110000001")
    assert await attempt.client.pairing_code("4915110000001") == (code, pytest.approx(seconds, abs=5))
    with pytest.raises(LinkError, match="not the code"):
        await alice.enter_code("1" * 8 if code[0] != "1" else "2" * 8)
    await alice.enter_code(code)
    client = await logged_in(new_client, tmp_path, await attempt.running)
    alice.send_text("me", "ping 1")
    assert "ping 1" in await client.until("message")


@pytest.mark.parametrize("by", ["qr code", "pairing code"])
@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_and_with_one_that_was_confirmed_by_passkey(
    start: Start, alice: Phone, new_client: Callable[[str], Client], tmp_path: Path, by: str, algorithm: Any
) -> None:
    alice.account.passkey, alice.account.key = True, Passkey.make(algorithm)
    attempt = start()
    code = await attempt.next(attempt.codes)
    if by == "pairing code":
        code, _ = await attempt.client.pairing_code("4915110000001")
        scanning = asyncio.create_task(alice.enter_code(code))
    else:
        scanning = asyncio.create_task(alice.scan(code))
    options = await attempt.next(attempt.asked)
    assert options["rpId"] == "whatsapp.com"
    assert not scanning.done()
    await attempt.client.answer(alice.account.key.sign(options["challenge"]))
    device = await scanning
    linked = await attempt.running
    assert linked.jid == device.jid
    client = await logged_in(new_client, tmp_path, linked)
    alice.send_text("me", "ping 1")
    assert "ping 1" in await client.until("message")


async def test_a_late_answer_is_confirmed_by_comparing_two_codes(start: Start, alice: Phone) -> None:
    alice.account.passkey, alice.account.key = True, Passkey.make()
    attempt = start(timing=LinkingTiming(proof=-1))
    scanning = asyncio.create_task(alice.scan(await attempt.next(attempt.codes)))
    options = await attempt.next(attempt.asked)
    with pytest.raises(NotWaiting):
        await attempt.client.confirm()
    await attempt.client.answer(alice.account.key.sign(options["challenge"]))
    code = await attempt.next(attempt.compared)
    exchange = alice.exchange()
    assert exchange is not None and exchange.code == code
    assert not scanning.done()
    with pytest.raises(AlreadyAnswered):
        await attempt.client.answer(alice.account.key.sign(options["challenge"]))
    await attempt.client.confirm()
    assert (await scanning).jid == (await attempt.running).jid


@pytest.mark.parametrize("how", ["wrong_key", "stale", "refused"])
async def test_a_passkey_that_whatsapp_refuses_may_be_tried_again(start: Start, alice: Phone, how: Any) -> None:
    alice.account.passkey, alice.account.key = True, Passkey.make()
    attempt = start()
    whatsapp = alice._server
    whatsapp.faults.spoil_passkey(how)
    scanning = asyncio.create_task(alice.scan(await attempt.next(attempt.codes)))
    options = await attempt.next(attempt.asked)
    with pytest.raises(PasskeyRefused) as refused:
        await attempt.client.answer(alice.account.key.sign(options["challenge"]))
    assert refused.value.expired == (how == "stale")
    exchange = alice.exchange()
    assert exchange is not None
    exchange.spoiled = None
    await attempt.client.answer(alice.account.key.sign(options["challenge"]))
    assert (await scanning).jid == (await attempt.running).jid


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://web.whatsapp.com.evil.example"},
        {"flags": 0x01},
        {"challenge": "AAAA"},
    ],
)
async def test_the_server_checks_what_a_browser_signed(start: Start, alice: Phone, wrong: dict[str, Any]) -> None:
    alice.account.passkey, alice.account.key = True, Passkey.make()
    attempt = start()
    scanning = asyncio.create_task(alice.scan(await attempt.next(attempt.codes)))
    options = await attempt.next(attempt.asked)
    with pytest.raises(PasskeyRefused):
        await attempt.client.answer(alice.account.key.sign(**{"challenge": options["challenge"], **wrong}))
    attempt.running.cancel()
    with pytest.raises(LinkError, match="protected by a passkey"):
        await scanning
    assert alice.linked_devices == []


async def test_codes_change_every_fifteen_seconds_and_then_it_is_over(start: Start, alice: Phone) -> None:
    assert LinkingTiming().qr_code == 15
    attempt = start(timing=LinkingTiming(qr_code=0.05, last_scan=0.05))
    with pytest.raises(LinkingFailed) as failed:
        await attempt.running
    assert failed.value.outcome == "exhausted"
    codes = {attempt.codes.get_nowait() for _ in range(attempt.codes.qsize())}
    assert len(codes) == 6
    with pytest.raises(LinkError, match="expired"):
        await alice.scan(codes.pop())


async def test_somebody_else_than_whatsapp_hears_nothing(start: Start, whatsapp: Loopback) -> None:
    with pytest.raises(NotWhatsApp, match="wasn't signed by WhatsApp"):
        await start(root=bytes(range(32))).running
    whatsapp.faults.expire_certificate()
    with pytest.raises(NotWhatsApp, match="expired"):
        await start().running
    whatsapp.faults.clear()
    assert whatsapp.registrations == {}
    whatsapp.faults.refuse(405)
    with pytest.raises(LinkingFailed) as outdated:
        await start().running
    assert outdated.value.outcome == "err-client-outdated"
    await whatsapp._proxy.stop()
    with pytest.raises(Unreachable):
        await start().running


async def test_what_the_account_did_not_sign_is_refused(start: Start, alice: Phone) -> None:
    attempt = start()
    code = await attempt.next(attempt.codes)
    parts = code.split(",")
    forged = ",".join([*parts[:3], "A" * 43 + "=", *parts[4:]])  # another secret
    with pytest.raises(LinkError, match="refused the phone's answer"):
        await alice.scan(forged)
    with pytest.raises(LinkingFailed):
        await attempt.running
    assert attempt.saved == [] and alice.linked_devices == []


# --- the same, stanza by stanza, as the library


def outline(node: Node) -> Any:
    """A stanza without what is another one each time: ids, keys, times."""
    own = {"id", "t", "jid"}
    attrs = {name: "*" if name in own or (node.tag == "unified_session") else str(v) for name, v in node.attrs.items()}
    if isinstance(node.content, list):
        return node.tag, attrs, [outline(child) for child in node.content]
    return node.tag, attrs, type(node.content).__name__ if node.content is not None else None


def said_unlinked(whatsapp: Loopback) -> list[Any]:
    """What clients said before they were linked, without pings.

    Nor with their goodbye, a unified_session: WhatsApp may have hung up before it hears that.
    """
    entries = [entry.stanza for entry in whatsapp.wire if entry.direction == "in" and entry.device == "unlinked"]
    return [outline(its) for its in entries if its.text("xmlns") != "w:p" and its.tag != "ib"]


async def by_qr(code: Awaitable[str], phone: Phone, _pair: Any) -> None:
    await phone.scan(await code)


async def by_code(code: Awaitable[str], phone: Phone, pair: Callable[[], Awaitable[str]]) -> None:
    await code
    await phone.enter_code(await pair())


@pytest.mark.parametrize("way", [by_qr, by_code])
async def test_it_says_what_the_library_says(
    start: Start, alice: Phone, bob: Phone, new_client: Callable[[str], Client], whatsapp: Loopback, way: Any
) -> None:
    theirs = new_client("theirs")
    await theirs.start()

    async def their_code() -> str:
        await theirs.say("pair +4915110000001")
        return await theirs.until("pair-code")

    qr = await theirs.until("qr")
    [registration] = set(map(id, whatsapp.registrations.values()))
    payload = next(iter(whatsapp.registrations.values())).payload
    await way(_value(qr), alice, their_code)
    await theirs.until("connected")
    expected = said_unlinked(whatsapp)

    whatsapp.wire._entries.clear()
    attempt = start()
    code = await attempt.next(attempt.codes)
    own = next(its for its in whatsapp.registrations.values() if id(its) != registration).payload

    async def our_code() -> str:
        return (await attempt.client.pairing_code("4915110000002"))[0]

    await way(_value(code), bob, our_code)
    await attempt.running
    assert said_unlinked(whatsapp) == expected
    assert shape(own) == shape(payload)
    assert code.split(",")[4:] == qr.split(",")[4:]
    assert len(code.split(",")[1]) == len(qr.split(",")[1])


def shape(payload: ClientPayload) -> Any:
    """A registration's payload without the device's own keys."""
    other = ClientPayload()
    other.CopyFrom(payload)
    keys = other.devicePairingData
    lengths = [len(getattr(keys, name)) for name in ("eRegid", "eIdent", "eSkeyVal", "eSkeySig")]
    for name in ("eRegid", "eIdent", "eSkeyVal", "eSkeySig"):
        keys.ClearField(name)
    keys.deviceProps = b""
    props = DeviceProps.FromString(payload.devicePairingData.deviceProps)
    return lengths, str(other), str(props)


async def _value(value: str) -> str:
    return value


def test_a_store_of_another_schema_is_refused(tmp_path: Path) -> None:
    device = NewDevice()
    identity = linking.adv.ADVSignedDeviceIdentity(details=b"d", accountSignature=b"s" * 64)
    linked = Linked(device, identity, JID("49", device=1), JID("1", "lid", 1), "android", "")
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("create table whatsmeow_device (jid, something_new)")
        schema = db.serialize()
    for content in (schema, b"", b"no database"):
        with pytest.raises(store.UnknownStore):
            store.filled(content, linked)
