"""Voice notes to text on this machine, in a process of its own (sandbox.run).

Needs the extra "voice" (faster-whisper). The model is the name of one of its models, which is fetched once from the
model hub, or the path of a folder with one. What was heard is {"text"}, or {"note"}, a sentence, or {"problem"}: the
name of what keeps the model from being loaded.
"""

import contextlib
import io
import json
import os
import re
import sys
from importlib.util import find_spec
from typing import Any

from exponential.core import sandbox

MAX_SECONDS = 15 * 60  # seconds of a voice note that are listened to
CPU_SECONDS = 60  # for the decoding of one
SAMPLE_RATE_HZ = 16_000  # samples per second, as Whisper wants them
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 192_000  # samples per second of a recording
_FORMATS = tuple(  # FFmpeg's name for a container, and how its files begin
    (form, re.compile(begins, re.DOTALL))
    for form, begins in (
        ("ogg", rb"OggS"),
        ("mp3", rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfb]"),
        ("aac", rb"\xff[\xf0\xf1\xf8\xf9]"),
        ("mov", rb"....ftyp"),
        ("wav", rb"RIFF....WAVE"),
        ("matroska", rb"\x1a\x45\xdf\xa3"),
        ("flac", rb"fLaC"),
        ("amr", rb"#!AMR"),
        ("aiff", rb"FORM....AIF[FC]"),
        ("caf", rb"caff"),
    )
)
DAMAGED = "This voice note can't be opened; it may be damaged."
CUT = "I listened to the first 15 minutes of this voice note only."


def installed() -> bool:
    return find_spec("faster_whisper") is not None


def transcribe(model: str, data: bytes) -> dict[str, Any]:
    """What is said in a voice note. Never raises for what is wrong with it, or with the model."""
    from faster_whisper import WhisperModel

    try:
        with sandbox.confined(CPU_SECONDS):
            sound = decode(data)
    except Exception:  # libraries raise whatever they like at a damaged file
        return {"note": DAMAGED}
    try:
        whisper = WhisperModel(model, device="cpu", compute_type="int8")
    except Exception as error:  # there is no such model, or no way to fetch it
        return {"problem": type(error).__name__}
    parts, _ = whisper.transcribe(sound[: MAX_SECONDS * SAMPLE_RATE_HZ], vad_filter=True)
    text = " ".join(part.text.strip() for part in parts)
    return {"text": text, "note": CUT if text and len(sound) > MAX_SECONDS * SAMPLE_RATE_HZ else ""}


def decode(data: bytes) -> Any:
    """The sound as Whisper wants it: an array of floats from -1 to 1, mono, at SAMPLE_RATE_HZ; a little more than
    MAX_SECONDS of it.

    Raises ValueError, and what PyAV and numpy raise, when `data` is no recording of a usual kind: other formats of
    FFmpeg's open files and connections of their own.
    """
    import av
    import numpy

    data = data if _form(data) else data.lstrip(b"\0")
    if (form := _form(data)) is None:
        raise ValueError("no recording of a usual kind")
    resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE_HZ)
    parts, size = [], 0
    with av.open(io.BytesIO(data), "r", format=form, metadata_errors="ignore") as container:
        with contextlib.suppress(av.error.InvalidDataError):  # what came before the damage is heard
            for frame in container.decode(container.streams.audio[0]):
                if not MIN_RATE_HZ <= frame.sample_rate <= MAX_RATE_HZ:
                    raise ValueError("no rate at which people record")
                for part in resampler.resample(frame):
                    parts.append(part.to_ndarray().reshape(-1))
                    size += parts[-1].size
                if size > MAX_SECONDS * SAMPLE_RATE_HZ:
                    break
    parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)]
    return numpy.concatenate(parts).astype(numpy.float32) / 32_768


def _form(data: bytes) -> str | None:
    """FFmpeg's name for the container that begins here."""
    return next((form for form, begins in _FORMATS if begins.match(data)), None)


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    about, data = sandbox.given()
    sys.stdout.write(json.dumps(transcribe(about["model"], data)))


if __name__ == "__main__":
    main()
