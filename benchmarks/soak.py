"""An hour of heavy use of the loopback server in minutes: is anything lost, doubled, out of order or left behind?

    uv run python -m benchmarks.soak [--seed 1] [--messages 36000] [--phones 12]

Phones write to each other, type, read, come and go, while connections drop, stall, end with errors and deliver twice;
each phone has two light linked devices that decrypt what they get. Prints one JSON object and leaves with status 1
when `problems` isn't empty. The same seed does the same things, though not at the same moments.

Phones keep their chats, so memory grows with messages: what a message costs must not grow itself.
"""

import argparse
import asyncio
import gc
import itertools
import json
import os
import random
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from benchmarks import swarm
from exponential.loopback.phones.phone import Phone
from exponential.loopback.phones.signal import SessionBook, unpad
from exponential.loopback.phones.signal_wire import DuplicateMessage, SignalError
from exponential.loopback.server.connection import Connection
from exponential.loopback.server.directory import Device
from exponential.loopback.server.server import Loopback
from exponential.protocol.binary import Node
from exponential.protocol.protobufs import Message

DEVICES = 2  # linked to each phone
WAITING = 1_500  # stanzas that may wait before nobody writes any more
AGAIN = 0.05  # seconds until a light device connects again
GROWTH = 1.25  # how much more a message may cost in the second half than in the first
NOISE = 16_000_000  # bytes by which measuring a process's memory is off


class Heard:
    """What one device heard, per direction of a chat: numbers that must count up from 0."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.next: Counter[str] = Counter()
        self.problems: list[str] = []

    def take(self, text: str) -> None:
        """`text` is what `Soak` writes: the direction, then a number."""
        direction, number = text.rsplit(" ", 1)
        if int(number) != self.next[direction]:
            self.problems.append(f"{self.name}: {direction} {number} came instead of {self.next[direction]}")
        self.next[direction] = int(number) + 1


class Soak:
    """Does to a server and its phones, in an order that `seed` decides, what people and networks do."""

    def __init__(self, whatsapp: Loopback, phones: list[Phone], seed: int) -> None:
        self.whatsapp = whatsapp
        self.phones = phones
        self.sent: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._actions: dict[Callable[[], None], int] = {
            self._write: 900,
            self._type: 40,
            self._read: 20,
            self._come_or_go: 20,
            self._leave_or_return: 10,
            self._drop: 3,
            self._end: 2,
            self._stall: 3,
            self._disturb: 2,
        }

    async def run(self, messages: int) -> None:
        """Go on until that many more messages are written, then let everything arrive."""
        wanted = sum(self.sent.values()) + messages
        while sum(self.sent.values()) < wanted:
            (action,) = self._random.choices(list(self._actions), list(self._actions.values()))
            self.done[action.__name__.strip("_")] += 1
            action()
            await asyncio.sleep(0)
            while self.waiting() > WAITING:
                await asyncio.sleep(0.005)
                self._go_on()
        await self.settle()

    async def settle(self, timeout: float = 60) -> None:
        """Break nothing more and wait until all is acknowledged. Raises TimeoutError."""
        self._go_on()
        self.whatsapp.faults.clear()
        async with asyncio.timeout(timeout):
            while self.waiting():
                await asyncio.sleep(0.01)

    def waiting(self) -> int:
        return sum(len(device.waiting) for phone in self.phones for device in phone.account.devices.values())

    def expected(self, phone: Phone) -> Counter[str]:
        """What each device of `phone` must have heard: what others wrote to it, and what it wrote itself."""
        return Counter({way: count for way, count in self.sent.items() if phone.number in way.split(">")})

    def problems(self) -> list[str]:
        """Messages that a phone doesn't show once, in order, or whose ticks are missing."""
        found = []
        for way, count in self.sent.items():
            writer, reader = (next(phone for phone in self.phones if phone.number == n) for n in way.split(">"))
            texts = [f"{way} {number}" for number in range(count)]
            for phone, other in ((writer, reader), (reader, writer)):
                if [line.text for line in phone.messages(other) if line.text.startswith(way)] != texts:
                    found.append(f"{phone.number} does not show {way} as it was written")
            lines = [line for line in writer.messages(reader) if line.text.startswith(way)]
            if any(line.status == "sent" for line in lines):
                found.append(f"{way}: a message is not shown as delivered")
        return found

    def _go_on(self) -> None:
        for phone in self.phones:
            if not phone.online:
                phone.go_online()

    def _two(self) -> tuple[Phone, Phone]:
        writer, reader = self._random.sample(self.phones, 2)
        return writer, reader

    def _device(self) -> Device | None:
        """A device that is connected, if the one that was drawn is."""
        device = self._random.choice([device for phone in self.phones for device in phone.linked_devices])
        return device if self.whatsapp.connection(device) else None

    def _write(self) -> None:
        writer, reader = self._two()
        way = f"{writer.number}>{reader.number}"
        writer.send_text(reader, f"{way} {self.sent[way]}")
        self.sent[way] += 1

    def _type(self) -> None:
        writer, reader = self._two()
        writer.show_typing(reader, self._random.random() < 0.5, recording=self._random.random() < 0.2)

    def _read(self) -> None:
        reader, writer = self._two()
        reader.mark_read(writer)

    def _come_or_go(self) -> None:
        one, other = self._two()
        one.watch(other)
        one.appear(self._random.random() < 0.5)

    def _leave_or_return(self) -> None:
        phone, _ = self._two()
        (phone.go_offline if phone.online else phone.go_online)()

    def _drop(self) -> None:
        device = self._device()
        if device:
            self.whatsapp.faults.drop(device)

    def _end(self) -> None:
        device, code = self._device(), self._random.choice((503, 515))
        if device:
            self.whatsapp.faults.stream_error(code, device)

    def _stall(self) -> None:
        device, seconds = self._device(), self._random.uniform(0.01, 0.3)
        if device:
            self.whatsapp.faults.stall(seconds, device)

    def _disturb(self) -> None:
        """Deliver to one device twice, or to nobody any more. (Late deliveries are overtaken, which is their point.)"""
        device, twice = self._device(), self._random.random() < 0.5
        self.whatsapp.faults.clear()
        if device and twice:
            self.whatsapp.faults.disturb(device, copies=2)


class Listener(swarm.Device):
    """A light device that reads what it gets, and comes back when it falls off."""

    def __init__(self, proxy: str, tls: ssl.SSLContext, root: bytes) -> None:
        super().__init__(proxy, tls, root)
        self.heard = Heard("unlinked")
        self.connections = 0
        self._book = SessionBook(self.keys)

    async def stay(self, online: asyncio.Event) -> None:
        """Link, then log in again and again."""
        while True:
            try:
                await self._session(online)
            except (ConnectionClosed, InvalidHandshake, OSError):
                pass
            await asyncio.sleep(AGAIN)

    async def _handle(self, socket: ClientConnection, stanza: Node, online: asyncio.Event) -> None:
        if stanza.tag == "message":
            self._read(stanza)
        elif stanza.tag in ("receipt", "notification"):
            named = {"id": stanza.text("id"), "class": stanza.tag, "type": stanza.text("type")}
            await self._send(socket, Node("ack", {**named, "to": stanza.attrs["from"]}))
        elif stanza.tag == "success":
            self.connections += 1
            self.heard.name = str(self.jid)
            if online.is_set():
                return  # its pre-keys are there
        await super()._handle(socket, stanza, online)

    def _read(self, stanza: Node) -> None:
        enc = stanza.child("enc")
        assert enc
        try:
            plain = unpad(self._book.decrypt(str(stanza.attrs["from"]), enc.text("type"), enc.data()))
        except DuplicateMessage:
            return  # delivered again, as it should be when the receipt was lost
        except SignalError as error:
            self.heard.problems.append(f"{self.heard.name}: {stanza.text('id')}: {error}")
            return
        message = Message.FromString(plain)
        said = message.deviceSentMessage.message if message.HasField("deviceSentMessage") else message
        self.heard.take(said.conversation)


async def link(whatsapp: Loopback, phones: list[Phone]) -> tuple[list[Listener], list[asyncio.Task[None]]]:
    """DEVICES light devices for each phone, and the tasks that keep them online."""
    tls = ssl.create_default_context(cafile=str(whatsapp.ca_path))
    listeners, tasks = [], []
    for phone in phones:
        for _ in range(DEVICES):
            codes: asyncio.Queue[str] = asyncio.Queue()
            listener, online = Listener(whatsapp.proxy_url, tls, bytes.fromhex(whatsapp.noise_root)), asyncio.Event()
            listener.show = codes.put_nowait  # type: ignore[method-assign, assignment]
            tasks.append(asyncio.create_task(listener.stay(online)))
            await phone.scan(await codes.get())
            await online.wait()
            listeners.append(listener)
    return listeners, tasks


def left_behind(whatsapp: Loopback) -> dict[str, int]:
    """What must be as many as there are devices, or none, whenever it is quiet."""
    gc.collect()
    alive = [thing for thing in gc.get_objects() if type(thing) is Connection and thing.server is whatsapp]
    return {
        "logged_in": len(whatsapp.connections),
        "connections": len(alive),  # and so their deliveries, each of which holds its connection
        "tasks": len(asyncio.all_tasks()),
        "open_files": len(os.listdir("/proc/self/fd")),
    }


def resident() -> int:
    """This process's memory, bytes."""
    gc.collect()
    with open("/proc/self/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def check(soak: Soak, listeners: list[Listener], owners: list[Phone]) -> list[str]:
    """Everything that went wrong, in words."""
    found = soak.problems()
    for listener, phone in zip(listeners, owners, strict=True):
        found += listener.heard.problems
        if listener.heard.next != soak.expected(phone):
            found.append(f"{listener.heard.name} did not hear all that was written")
    return found


async def main(seed: int, messages: int, count: int) -> int:
    async with Loopback() as whatsapp:
        phones = [whatsapp.add_phone(f"+4915{index:07}", f"Phone {index}") for index in range(count)]
        owners = [phone for phone in phones for _ in range(DEVICES)]
        listeners, tasks = await link(whatsapp, phones)
        soak = Soak(whatsapp, phones, seed)
        await soak.run(messages // 10)  # conversations begin, the wire log fills up
        await everybody_online(whatsapp, len(listeners))
        begun, memory, quiet = time.monotonic(), [resident()], left_behind(whatsapp)
        for _ in range(2):
            await soak.run(messages // 2)
            memory.append(resident())
        problems = check(soak, listeners, owners)
        halves = [round((after - before) / (messages // 2)) for before, after in itertools.pairwise(memory)]
        if halves[1] > halves[0] * GROWTH + NOISE / messages:
            problems.append(f"a message costs {halves[1]} bytes in the second half, {halves[0]} in the first")
        await everybody_online(whatsapp, len(listeners))
        problems += await leaks(whatsapp, quiet)
        report = {
            "seed": seed,
            "messages": sum(soak.sent.values()),
            "heard": sum(sum(listener.heard.next.values()) for listener in listeners),
            "seconds": round(time.monotonic() - begun, 1),
            "logins": sum(listener.connections for listener in listeners),
            "actions": dict(soak.done),
            "bytes_per_message": halves,
            "left": left_behind(whatsapp),
            "problems": problems,
        }
        print(json.dumps(report))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 1 if problems else 0


async def leaks(whatsapp: Loopback, before: dict[str, int], patience: float = 60) -> list[str]:
    """What is there after `patience` seconds and wasn't `before`. Connections that were ended live a little on."""
    ends = time.monotonic() + patience
    while True:
        after = left_behind(whatsapp)
        wanted = {**before, "connections": after["logged_in"]}
        found = [f"{after[what]} {what} instead of {wanted[what]}" for what in wanted if after[what] > wanted[what]]
        if not found or time.monotonic() > ends:
            return found
        await asyncio.sleep(0.5)


async def everybody_online(whatsapp: Loopback, count: int) -> None:
    """Wait until all devices have come back. Raises TimeoutError."""
    async with asyncio.timeout(30):
        while len(whatsapp.connections) < count:
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=36_000)
    parser.add_argument("--phones", type=int, default=12)
    arguments = parser.parse_args()
    sys.exit(asyncio.run(main(arguments.seed, arguments.messages, arguments.phones)))
