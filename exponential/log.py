"""Structured logs to stderr, one line an event. Secrets, message text and phone numbers never reach them.

Call sites pass ids, never content; the redaction here is the second fence, not the first.
"""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"secret|token|password|authorization|cookie|text|body|phone|qr|jid|lid|url", re.IGNORECASE)
_ID = r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # of ours: no number of anybody's
_LONG_DIGITS = re.compile(rf"({_ID})|\+?\d{{8,}}")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
SECRET_PATHS = ("sign-in", "invite", "start", "open")  # what follows them in a path lets somebody in
_SECRETS_OF_PATHS = re.compile(rf"(/(?:{'|'.join(SECRET_PATHS)})/|/oidc/callback\?)[^\s\"'<>]+")
_ACCESS_TOKEN = re.compile(r"exp_[\w-]+")
# Chatty, and some of them show at their debug level what they send: a language model's client its messages.
_NOISY = (
    *("httpx", "httpx2", "httpcore", "httpcore2", "openai", "anthropic", "pydantic_ai"),
    *("uvicorn", "procrastinate", "alembic", "websockets"),
)


def redact(text: str) -> str:
    """Blot out what looks like a phone number, a JWT, an access token, or a link that lets somebody in."""
    text = _SECRETS_OF_PATHS.sub(r"\1…", text)
    return _LONG_DIGITS.sub(lambda found: found[1] or "…", _ACCESS_TOKEN.sub("…", _JWT.sub("…", text)))


def frames(error: BaseException) -> str:
    """Where an error arose, the innermost frame first; without its message, which may hold what somebody wrote."""
    trace = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(trace))


def _clean(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in ("timestamp", "level", "port", "pid") or isinstance(value, bool | int | float):
            continue
        event[key] = "…" if _SECRET_KEYS.search(key) else redact(str(value))
    return event


def configure(level: str = "info", *, service: str = "") -> None:
    """Send structlog and the standard library's logging through one redacting line format on stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
        _clean,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], sort_keys=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(**({"service": service} if service else {}))


def get(name: str) -> Any:
    """A logger; use `log.info("what_happened", session=str(id), count=3)`."""
    return structlog.stdlib.get_logger(name)
