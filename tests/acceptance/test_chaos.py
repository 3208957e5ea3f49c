"""A small run of the kill harness: what docs/durability.md promises, with the services killed under way."""

import asyncio
import json
import sys
from pathlib import Path

from benchmarks import chaos_plan

ROOT = Path(__file__).parent.parent.parent


async def test_kills_lose_nothing_and_double_nothing() -> None:
    """Each kind of process is killed among 80 messages: a way to lose or double one shows. How rarely it does is what
    the large run counts, `python -m benchmarks.chaos`."""
    command = ["--messages", "80", "--kills", "3", "--seed", "7", "--sessions", "3", "--chats", "5", "--rate", "8"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.chaos", *command),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 240)
    report = json.loads(out or "{}")
    told = f"{out.decode()}\n{err.decode()}"
    assert report.get("kills") == 3, told
    assert report["messages"] == report["acknowledged"] == 80, told
    assert (report["lost"], report["out_of_order"], report["doubled_effects"]) == (0, 0, 0), told
    assert report["answered_twice"] <= 1, told


def test_a_plan_hangs_on_its_seed_alone() -> None:
    plans = [chaos_plan.make(seed, messages=500, kills=30, chats=9, rate=10) for seed in (3, 3, 4)]
    assert plans[0] == plans[1] != plans[2]
    kinds = [blow.kind for blow in plans[0].blows]
    assert [kinds.count(target) for target in chaos_plan.TARGETS] == [10, 10, 10]
    assert [blow.after for blow in plans[0].blows] == sorted(blow.after for blow in plans[0].blows)
