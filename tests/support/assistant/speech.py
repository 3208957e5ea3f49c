"""A voice that speaks (eSpeak NG), as WhatsApp's phones send it: Opus in Ogg."""

import ctypes
import io

import av
import espeakng_loader
import numpy as np

_Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def voice_note(words: str) -> bytes:
    """`words` as an .ogg file."""
    samples, rate = _speak(words)
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000, frame_size=960)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


def _speak(words: str) -> tuple[np.ndarray, int]:
    """Samples (16 bit) and their rate in Hz. The calls are those of github.com/espeak-ng/espeak-ng, speak_lib.h."""
    speech = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = speech.espeak_Initialize(1, 0, espeakng_loader.get_data_path().encode(), 0)  # 1: retrieval, not a speaker
    heard: list[bytes] = []

    def take(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            heard.append(ctypes.string_at(samples, count * 2))
        return 0

    callback = _Heard(take)
    speech.espeak_SetSynthCallback(callback)
    speech.espeak_SetVoiceByName(b"en-us")
    speech.espeak_SetParameter(1, 140, 0)  # 1: espeakRATE, in words a minute
    text = words.encode()
    speech.espeak_Synth(text, len(text) + 1, 0, 0, 0, 1, None, None)  # 1: espeakCHARS_UTF8
    speech.espeak_Synchronize()
    return np.frombuffer(b"".join(heard), dtype=np.int16), rate
