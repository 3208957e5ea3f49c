"""Voice notes to text on this machine, in a process of its own (sandbox.run).

Needs the extra "voice" (faster-whisper). The model is the name of one of its models, which is fetched once from the
model hub, or the path of a folder with one. What was heard is {"text"}, or {"note"}, a sentence, or {"problem"}: the
name of what keeps the model from being loaded.
"""

import io
import json
import os
import sys
from importlib.util import find_spec
from typing import Any

from exponential import sandbox

LONGEST = 15 * 60  # seconds of a voice note that are listened to
RATE = 16_000  # samples per second, as Whisper wants them
DAMAGED = "This voice note can't be opened; it may be damaged."
CUT = "I listened to the first 15 minutes of this voice note only."


def installed() -> bool:
    return find_spec("faster_whisper") is not None


def hear(model: str, data: bytes) -> dict[str, Any]:
    """What is said in a voice note. Never raises for what is wrong with it, or with the model."""
    from faster_whisper import WhisperModel
    from faster_whisper.audio import decode_audio

    try:
        sound = decode_audio(io.BytesIO(data), sampling_rate=RATE)
    except Exception:  # libraries raise whatever they like at a damaged file
        return {"note": DAMAGED}
    try:
        whisper = WhisperModel(model, device="cpu", compute_type="int8")
    except Exception as error:  # there is no such model, or no way to fetch it
        return {"problem": type(error).__name__}
    parts, _ = whisper.transcribe(sound[: LONGEST * RATE], vad_filter=True)
    text = " ".join(part.text.strip() for part in parts)
    return {"text": text, "note": CUT if text and len(sound) > LONGEST * RATE else ""}


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    about, data = sandbox.given()
    sys.stdout.write(json.dumps(hear(about["model"], data)))


if __name__ == "__main__":
    main()
