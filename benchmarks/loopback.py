"""The loopback server's ceiling: how many devices one process holds, and how many messages it carries per core.

    uv run python -m benchmarks.loopback [--devices 1000] [--messages 20000] [--rate 500]

The devices live in another process (benchmarks.swarm), so the figures are the server's and its phones' alone. Prints
one JSON object; `messages_per_core_second` is messages divided by the server's CPU seconds, from a phone's encryption
to the device's receipt.
"""

import argparse
import asyncio
import functools
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import Device, Key
from exponential.loopback.server.server import Loopback

SENDERS = 20  # contacts who write
WINDOW = 2000  # messages on their way at once when it goes as fast as it can


def waiting(devices: list[Device]) -> int:
    return sum(len(device.waiting) for device in devices)


async def link(whatsapp: Loopback, phones: list[Phone], swarm: asyncio.subprocess.Process) -> None:
    """Scan each code that the swarm shows with the next phone, until all devices are online."""
    assert swarm.stdout
    free, online = iter(phones), 0
    while online < len(phones):
        line = json.loads(await swarm.stdout.readline())
        if "qr" in line:
            await next(free).scan(line["qr"])
        else:
            online += 1


async def flood(senders: list[Phone], phones: list[Phone], devices: list[Device], count: int) -> dict[str, float]:
    """As fast as it can, with at most WINDOW messages under way."""
    cpu, begun = time.process_time(), time.monotonic()
    for number in range(count):
        senders[number % len(senders)].send_text(phones[number % len(phones)], f"message {number}")
        if number % 50 == 0:
            await asyncio.sleep(0)
        while number % WINDOW == 0 and waiting(devices) > WINDOW:
            await asyncio.sleep(0.005)
    while waiting(devices):
        await asyncio.sleep(0.005)
    cpu, wall = time.process_time() - cpu, time.monotonic() - begun
    return {"messages_per_core_second": round(count / cpu), "messages_per_second": round(count / wall)}


class Stopwatch:
    """How long messages are under way: from the phone's encryption until the server has the device's receipt."""

    def __init__(self, devices: list[Device]) -> None:
        self.milliseconds: list[float] = []
        self._begun: dict[Key, float] = {}
        for device in devices:
            assert device.progress, "a device isn't connected"
            device.progress = functools.partial(self._acknowledged, device.progress)

    def start(self, id: str, at: float) -> None:
        self._begun["message", id] = at

    def _acknowledged(self, go_on: Callable[[Key], object], key: Key) -> None:
        if key in self._begun:
            self.milliseconds.append((time.monotonic() - self._begun.pop(key)) * 1000)
        go_on(key)


async def steady(senders: list[Phone], phones: list[Phone], devices: list[Device], rate: int) -> dict[str, float]:
    """`rate` messages a second for ten seconds: milliseconds under way, and the CPU.

    `steady_behind_ms` is how late the latest one was sent: large when the machine had no time for this process.
    """
    watch, total, behind = Stopwatch(devices), rate * 10, 0.0
    cpu, begun = time.process_time(), time.monotonic()
    for number in range(total):
        due = begun + number / rate
        while (pause := due - time.monotonic()) > 0:
            await asyncio.sleep(min(pause, 0.002))
        await asyncio.sleep(0)  # the server goes on also while the sender catches up
        now = time.monotonic()
        behind = max(behind, now - due)
        line = senders[number % len(senders)].send_text(phones[number % len(phones)], f"steady {number}")
        watch.start(line.id, now)
    while waiting(devices):
        await asyncio.sleep(0.001)
    wall = time.monotonic() - begun
    return {
        "steady_messages_per_second": round(total / wall),
        "steady_core_share": round((time.process_time() - cpu) / wall, 2),
        "steady_p50_ms": round(statistics.median(watch.milliseconds), 1),
        "steady_p99_ms": round(statistics.quantiles(watch.milliseconds, n=100)[98], 1),
        "steady_behind_ms": round(behind * 1000),
    }


async def main(device_count: int, messages: int, rate: int) -> None:
    async with Loopback() as whatsapp:
        senders = [whatsapp.add_phone(f"+4916{index:07}", f"Sender {index}") for index in range(SENDERS)]
        phones = [whatsapp.add_phone(f"+4915{index:07}", f"Phone {index}") for index in range(device_count)]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        swarm = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.swarm", whatsapp.proxy_url, str(whatsapp.ca_path)),
            *(whatsapp.noise_root, str(device_count)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        begun = time.monotonic()
        await link(whatsapp, phones, swarm)
        report: dict[str, float] = {"devices": device_count, "link_seconds": round(time.monotonic() - begun, 1)}
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report["kilobytes_per_device"] = round((after - before) / device_count)
        devices = [device for phone in phones for device in phone.linked_devices]
        await flood(senders, phones, devices, device_count)  # conversations begin: keys are agreed once
        report |= await flood(senders, phones, devices, messages)
        report |= await steady(senders, phones, devices, rate)
        print(json.dumps(report))
        await swarm.communicate(b"stop\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rate", type=int, default=500)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.devices, arguments.messages, arguments.rate))
