"""A demo that is started again in its data directory: the phone is still linked, Paddy answers without a scan."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exponential.cli import demo


async def test_the_phones_and_links_of_a_demo_survive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: Callable[[str], str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url("app"))
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url("gateway"))
    monkeypatch.setenv("EXPONENTIAL_LOG_LEVEL", "warning")
    report = await demo.exercise(tmp_path)
    assert report.ok, report.error
    async with demo.running(tmp_path) as again:
        before = [line.text for line in again.alice.messages("me")]
        assert report.replies[0] in before
        again.alice.send_text("me", "What are my tasks?")
        answer = await again.alice.wait_for(
            lambda line: line.text == report.replies[1] and again.alice.messages("me").index(line) >= len(before),
            timeout=45,
        )
        assert answer.device == 1
        assert len(again.alice.linked_devices) == 1
