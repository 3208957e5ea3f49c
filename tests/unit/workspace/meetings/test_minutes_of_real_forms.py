"""Transcripts as people have them: exports of Zoom, Teams, Meet and others, notes, chats. Held on 5 May 2026."""

from datetime import date
from pathlib import Path

import pytest

from exponential.workspace.meetings import minutes, transcripts

HERE = Path(__file__).parent / "minutes"
SOURCES = sorted(path for path in HERE.iterdir() if path.suffix != ".expected")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_minutes(source: Path) -> None:
    transcript = transcripts.read(source.read_bytes(), source.name)
    taken = minutes.take(transcript.lines, date(2026, 5, 5))
    wanted = (HERE / f"{source.stem}.expected").read_text(encoding="utf-8").splitlines()
    decisions = [line.removeprefix("decision: ") for line in wanted if line.startswith("decision: ")]
    actions = [line.removeprefix("action: ") for line in wanted if line.startswith("action: ")]
    assert [f"{found.owner or '-'} | {found.text} | {found.due or '-'}" for found in taken.actions] == actions
    assert len(taken.decisions) == len(decisions)
    for found, decision in zip(taken.decisions, decisions, strict=True):
        assert decision in found.text
    assert 3 <= len(taken.summary) <= minutes.SUMMARY_SENTENCES
    said = " ".join(line.text for line in transcript.lines)
    for sentence in taken.summary:
        assert sentence.split(": ", 1)[-1][-30:] in said.replace("**", "")
