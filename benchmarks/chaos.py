"""Kills worker, gateway and app processes and drops the network while messages flow, and counts what that did.

    uv run python -m benchmarks.chaos --messages 10000 --kills 100 --seed 1 [--sessions 20 --chats 50] [--rate 25]

Simulated phones on the loopback server write numbered requests, each for one task. At the end, when all is quiet, it
prints one JSON line: `acknowledged` messages (to WhatsApp, by the gateway's client), and of those `lost` (no task or no
answer at the phone), `out_of_order` (stored, done or answered after one that was sent later), `answered_twice`
(replies that repeat one) and `doubled_effects` (tasks there twice). Exit code 0 when docs/durability.md's bar holds.
What is sent where and what is broken when hangs on the seed alone; at which instruction a kill hits, on the machine.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import chaos_count, chaos_plan
from benchmarks.chaos_plan import Blow, Message, Plan
from benchmarks.chaos_stage import Stage, staged
from exponential.core import log

QUIET = 3.0  # seconds without anything on its way
STUCK = 90.0  # seconds without any change after which what is on its way counts as stuck
SHOWN = 20  # labels that are listed of each kind of fault


class Run:
    """One run of a plan. `hits` tells what was broken, and how many seconds after the start."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self._stage = stage
        self._plan = plan
        self._due: asyncio.Queue[Blow] = asyncio.Queue()
        self._began = time.monotonic()
        self.sent: list[tuple[Message, str]] = []
        self.hits: list[str] = []
        self.kills = 0

    async def play(self) -> None:
        """Send everything while the blows fall; then wait until all is quiet, or nothing moves any more."""
        striking = asyncio.create_task(self._strike())
        await self._send()
        await striking
        await self._until_quiet()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    async def _send(self) -> None:
        blows = list(self._plan.blows)
        at = time.monotonic()
        for message in self._plan.messages:
            at += message.pause
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            chat = self._stage.chats[message.chat]
            self.sent.append((message, chat.phone.send_text(chat.to, message.text).id))
            while blows and blows[0].after <= message.number:
                self._due.put_nowait(blows.pop(0))

    async def _strike(self) -> None:
        for _ in self._plan.blows:
            blow = await self._due.get()
            await asyncio.sleep(blow.delay)
            while not self._hit(blow):  # it is just being started: hit it as soon as it is there
                await asyncio.sleep(0.01)
            self.kills += blow.kind in chaos_plan.TARGETS
            self.hits.append(f"{blow} at {self.seconds:.1f}")

    def _hit(self, blow: Blow) -> bool:
        match blow.kind:
            case "worker":
                return self._stage.gateway.kill_worker(blow.where)
            case "gateway":
                return self._stage.gateway.kill()
            case "app":
                return self._stage.app.kill()
        device = self._stage.chats[blow.where % len(self._stage.chats)].device
        faults = self._stage.whatsapp.faults
        try:
            faults.drop(device) if blow.kind == "drop" else faults.stall(blow.seconds, device)
        except LookupError:
            return False
        return True

    async def _until_quiet(self) -> None:
        before, since = None, time.monotonic()
        while True:
            now = await chaos_count.pending(self._stage)
            if now != before:
                before, since = now, time.monotonic()
            waited = time.monotonic() - since
            if waited > (QUIET if now.quiet else STUCK):
                if not now.quiet:
                    print(f"stuck: {asdict(now)}", await chaos_count.standing(self._stage), sep="\n", file=sys.stderr)
                return
            await asyncio.sleep(0.25)


async def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The report of a run with its files in `folder`."""
    plan = chaos_plan.make(
        options.seed, messages=options.messages, kills=options.kills, chats=options.chats, rate=options.rate
    )
    async with staged(folder, sessions=options.sessions, chats=options.chats) as stage:
        this = Run(stage, plan)
        await this.play()
        found = await chaos_count.count(stage, this.sent)
        seconds = this.seconds
    faults = {
        name: getattr(found, name)
        for name in ("lost", "out_of_order", "answered_twice", "doubled_effects", "unacknowledged")
    }
    return {
        "seed": options.seed,
        "messages": len(this.sent),
        "acknowledged": found.acknowledged,
        **{name: len(labels) for name, labels in faults.items()},
        "kills": this.kills,
        "seconds": round(seconds, 1),
        "sessions": options.sessions,
        "chats": len(stage.chats),
        "which": {name: labels[:SHOWN] for name, labels in faults.items() if labels},
        "hits": this.hits,
    }


def holds(report: dict[str, Any]) -> bool:
    """Whether the report meets the bar: nothing lost, late or done twice; one repeated reply in 100 kills."""
    broken = sum(report[name] for name in ("lost", "out_of_order", "doubled_effects", "unacknowledged"))
    return not broken and report["answered_twice"] <= -(-report["kills"] // 100)


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill things while messages flow, and count what that did.")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--chats", type=int, default=50, help="at least as many as sessions")
    parser.add_argument("--rate", type=float, default=25, help="messages a second, on average")
    parser.add_argument("--keep", type=Path, help="a new folder for data and log, which stays")
    options = parser.parse_args()
    log.configure("warning", service="chaos")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="exponential-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # the embedded Postgres may run as a user of its own
    try:
        report = asyncio.run(run(folder, options))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    sys.exit(0 if holds(report) else 1)


if __name__ == "__main__":
    main()
