"""Voice notes to text: by a server that speaks OpenAI's transcription API, or on this machine."""

import asyncio
import contextlib
import mimetypes
import re
from typing import Protocol

import httpx

from exponential.assistant.files import local_transcription
from exponential.assistant.timing import Timing
from exponential.core import log, sandbox
from exponential.core.backoff import Backoff
from exponential.core.errors import ConfigurationError
from exponential.core.limits.fair_semaphore import FairSemaphore

REQUEST_TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds
TRIES = 3
MAX_TEXT_CHARS = 60_000  # characters of one voice note
MODEL = "whisper-1"  # unless the URL names one
LOCAL_MODEL = "base"  # of faster-whisper's, unless "local" names one: many languages, 150 MB
NOT_SET_UP = "I can't listen to voice notes here: no transcription is set up. Please write it."
AWAY = "I couldn't listen to this voice note: the transcription service doesn't answer. Please write it, or try later."
REFUSED = (
    "I couldn't listen to this voice note: the transcription service refused it. Whoever runs this installation should "
    "check EXPONENTIAL_TRANSCRIPTION_URL and its key."
)
TOO_LONG = "This voice note takes too long to listen to here. Please write it."
NO_MODEL = (
    "I couldn't listen to this voice note: the speech model can't be loaded. Whoever runs this installation should "
    "check EXPONENTIAL_TRANSCRIPTION_URL."
)
SILENT = "I heard no words in this voice note."
_LOCAL = re.compile(r"local(?:#(?P<model>\S.*))?")
_FETCHING = ("HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_OFFLINE", "HTTPS_PROXY", "SSL_CERT_FILE")
_URL = re.compile(r"(?P<base>https?://[^#\s]+?)/*(?:#(?P<model>\S+))?")
_EXTENSIONS = {"audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "audio/webm": ".webm"}
_AGAIN = (408, 409, 425, 429)
_log = log.get(__name__)


class Transcribes(Protocol):
    async def transcribe(self, data: bytes, mime: str, *, caller: str) -> tuple[str, str]:
        """(what is said in it, "" or a sentence about what is missing), or ("", why that is not known). `caller`: whose
        it is, as for FairSemaphore, where one has to wait."""
        ...


def choose(url: str, key: str = "", timing: Timing | None = None) -> Transcribes:
    """For EXPONENTIAL_TRANSCRIPTION_URL: "http(s)://host/v1#model", "local", "local#model", or nothing.

    Raises ConfigurationError when it is none of these, or local and the extra isn't installed.
    """
    local = _LOCAL.fullmatch(url)
    return LocalTranscriber(local["model"] or LOCAL_MODEL, timing) if local else Transcriber(url, key, timing)


class LocalTranscriber:
    """One voice note at a time: each takes all of a processor and a model's memory. `model` as in
    local_transcription.py.
    """

    def __init__(self, model: str, timing: Timing | None = None) -> None:
        if not local_transcription.installed():
            raise ConfigurationError(
                'EXPONENTIAL_TRANSCRIPTION_URL is "local", but the extra "voice" isn\'t installed. '
                "Run `uv sync --extra voice`, or name a transcription server."
            )
        self._model = model
        self._within = (timing or Timing()).local_transcription
        self._slots = FairSemaphore(1)

    async def transcribe(self, data: bytes, mime: str, *, caller: str) -> tuple[str, str]:
        async with self._slots.slot(caller):
            try:
                about = {"model": self._model}
                heard = await sandbox.run(
                    local_transcription.__name__, data, about, within=self._within, environment=_FETCHING
                )
            except TimeoutError:
                return "", TOO_LONG
        if heard is None:
            return "", local_transcription.DAMAGED
        if "problem" in heard:
            _log.error("speech_model_not_loaded", error=heard["problem"])
            return "", NO_MODEL
        text = _clean(heard.get("text", ""))
        return text, heard.get("note", "") or ("" if text else SILENT)


class Transcriber:
    """`url` is "http(s)://host/v1#model". Raises ConfigurationError when it is neither that nor empty."""

    def __init__(self, url: str, key: str = "", timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        match = _URL.fullmatch(url) if url else None
        if url and match is None:
            raise ConfigurationError(
                "EXPONENTIAL_TRANSCRIPTION_URL can't be read; it looks like http://localhost:8000/v1#whisper-1, "
                "or is local."
            )
        self._base = match["base"] if match else ""
        self._model = (match["model"] if match else None) or MODEL
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def transcribe(self, data: bytes, mime: str, *, caller: str) -> tuple[str, str]:
        """(what is said in it, ""), or ("", why that is not known, in a sentence)."""
        if not self._base:
            return "", NOT_SET_UP
        name = "voice" + (_EXTENSIONS.get(mime) or mimetypes.guess_extension(mime) or ".ogg")
        note, pauses = AWAY, Backoff(self._timing.transcription_pause)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.transcription):
                for tries in range(TRIES):
                    if tries:
                        await pauses.wait()
                    text, note, again = await self._try(data, name, mime)
                    if not again:
                        return text, note
        return "", note

    async def _try(self, data: bytes, name: str, mime: str) -> tuple[str, str, bool]:
        """Text, note, and whether another try may help."""
        try:
            async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT, headers=self._headers) as http:
                answer = await http.post(
                    f"{self._base}/audio/transcriptions",
                    files={"file": (name, data, mime)},
                    data={"model": self._model, "response_format": "json"},
                )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            _log.warning("transcription_failed", error=error)
            return "", AWAY, True
        if answer.is_success:
            text = _text(answer)
            return (text, "" if text else SILENT, False) if text is not None else ("", AWAY, True)
        _log.warning("transcription_failed", status=answer.status_code)
        again = answer.status_code >= 500 or answer.status_code in _AGAIN
        return "", AWAY if again else REFUSED, again


def _text(answer: httpx.Response) -> str | None:
    try:
        text = answer.json()["text"]
    except (ValueError, KeyError, TypeError):
        return None
    return _clean(text) if isinstance(text, str) else None


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()[:MAX_TEXT_CHARS]
