"""Structured logs to stderr, one line an event. Secrets, message text and phone numbers never reach them.

Call sites pass ids, never content; the redaction here is the second fence, not the first. They pass an exception as
`error=error`: the line tells its kind and where it arose. What an exception says may hold what somebody wrote, so it is
told of those alone that say nothing but the system's own words. The same failure again and again is one line a minute.
"""

import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import Any

import structlog

_SECRET_KEYS = re.compile(
    r"secret|token|password|authorization|cookie|text|body|phone|qr|jid|lid|address|handle|sender|url", re.IGNORECASE
)
_ID = r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # of ours: no number of anybody's
_LONG_DIGITS = re.compile(rf"({_ID})|\+?\d{{8,}}")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_OURS = "exponential"
INNERMOST = 3  # frames of libraries that are told
AGAIN = 60.0  # seconds for which the same failure is not told again
KEPT = 600.0  # seconds for which it is known how often it came
SECRET_PATHS = ("sign-in", "invite", "start", "open")  # what follows them in a path lets somebody in
_SECRETS_OF_PATHS = re.compile(rf"(/(?:{'|'.join(SECRET_PATHS)})/|/oidc/callback\?)[^\s\"'<>]+")
_ACCESS_TOKEN = re.compile(r"exp_[\w-]+")
# Chatty, and some of them show at their debug level what they send: a language model's client its messages.
_NOISY = (
    *("httpx", "httpx2", "httpcore", "httpcore2", "openai", "anthropic", "pydantic_ai"),
    *("uvicorn", "procrastinate", "alembic", "websockets", "python_multipart"),
)
# They log what they were sent, at any level and in their errors. ("client" is mcp's, too.)
_QUOTING = ("mcp", "fastmcp", "client")


def redact(text: str) -> str:
    """Blot out what looks like a phone number, a JWT, an access token, or a link that lets somebody in."""
    text = _SECRETS_OF_PATHS.sub(r"\1…", text)
    return _LONG_DIGITS.sub(lambda found: found[1] or "…", _ACCESS_TOKEN.sub("…", _JWT.sub("…", text)))


def _kind(error: BaseException) -> str:
    """An exception's type, with the system's or the database's own word for it."""
    original = getattr(error, "orig", None)  # SQLAlchemy's, around the driver's
    said = getattr(original or error, "sqlstate", None) or (error.strerror if isinstance(error, OSError) else None)
    return f"{type(error).__name__} ({said})" if said else type(error).__name__


def _frames(error: BaseException) -> str:
    """Where it arose: the innermost frames first, then those of ours; no locals, no source."""
    trace = [frame for frame in reversed(traceback.extract_tb(error.__traceback__))]
    told = [frame for depth, frame in enumerate(trace) if depth < INNERMOST or _OURS in PurePath(frame.filename).parts]
    return " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in told)


def _describe(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = event.get("error")
    info = event.pop("exc_info", None)
    if error is None and info:
        error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else sys.exception()
    if isinstance(error, BaseException):
        event.update(error=_kind(error), at=_frames(error))
    return event


class _Once:
    """Lets one line a minute pass of the same failure of the same thing; its next line says how many there were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[tuple[str, ...], tuple[float, int]] = {}  # when, and how many times since

    def __call__(self, _logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if "at" not in event:
            return event
        same = tuple(f"{name}={event[name]}" for name in sorted(event) if isinstance(event[name], str))
        now = time.monotonic()
        with self._lock:
            told_at, more = self._told.get(same, (now - AGAIN, 0))
            if now - told_at < AGAIN:
                self._told[same] = told_at, more + 1
                raise structlog.DropEvent
            self._told = {key: told for key, told in self._told.items() if now - told[0] < KEPT}
            self._told[same] = now, 0
        if more:
            event["times"] = more + 1
        return event


class _Unquoted(logging.Filter):
    """Leaves of what quoting libraries log where in their code it was, and the error's type and frames."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in _QUOTING:
            record.msg, record.args = "%s, line %d", (record.pathname.rpartition("/")[2], record.lineno)
            error = record.exc_info[1] if record.exc_info else None
            if error is not None:
                record.__dict__.update(error=error)
            record.exc_info = record.exc_text = record.stack_info = None
        return True


def _clean(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in ("timestamp", "level", "port", "pid") or isinstance(value, bool | int | float):
            continue
        event[key] = "…" if _SECRET_KEYS.search(key) else redact(str(value))
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    _describe,
    _clean,
]
_TIME = structlog.processors.TimeStamper(fmt="iso", utc=True)
_LINE = structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], sort_keys=False)


def configure(level: str = "info", *, service: str = "") -> None:
    """Send structlog and the standard library's logging through one redacting line format on stderr."""
    structlog.configure(
        processors=[*_SHARED, _Once(), _TIME, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Unquoted())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, _TIME],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _LINE],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in (*_NOISY, *_QUOTING):
        adopt(noisy)
    structlog.contextvars.bind_contextvars(**({"service": service} if service else {}))


def adopt(library: str) -> None:
    """Have a library log warnings and errors alone, and through our handler: some bring one of their own."""
    logger = logging.getLogger(library)
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.WARNING)


def get(name: str) -> Any:
    """A logger; use `log.info("what_happened", session=str(id), count=3)`."""
    return structlog.stdlib.get_logger(name)


# Until a service configures its log, as a short command never does, the same fence.
structlog.configure(
    processors=[*_SHARED, _TIME, _LINE], logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr)
)
