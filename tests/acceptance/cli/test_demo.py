"""The demo that exercises itself, and one that is started again in its data directory: the phone is still linked."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exponential.cli import demo


async def test_it_exercises_itself_and_its_phones_and_links_survive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: Callable[[str], str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url("app"))
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url("gateway"))
    monkeypatch.setenv("EXPONENTIAL_LOG_LEVEL", "warning")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exponential", "demo", "--exercise", "--data", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    report = json.loads(out)
    assert (process.returncode, report["ok"]) == (0, True), f"{report}\n{err.decode()}"
    assert [task["title"] for task in report["tasks"]] == ["buy milk"]
    first, last = report["replies"]
    assert "milk" in first and "milk" in last
    assert first.startswith("🤖") and last.startswith("🤖"), "answers stand out in one's own chat"
    assert {"start", "link", "first_reply", "gateway_restart"} <= set(report["timings_ms"])

    async with demo.running(tmp_path) as again:
        assert report["linked_phone"] == again.alice.number
        before = [line.text for line in again.alice.messages("me")]
        assert first in before
        again.alice.send_text("me", "What are my tasks?")
        answer = await again.alice.wait_for(
            lambda line: line.text == last and again.alice.messages("me").index(line) >= len(before),
            timeout=45,
        )
        assert answer.device == 1
        assert len(again.alice.linked_devices) == 1
