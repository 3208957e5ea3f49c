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
_LONG_DIGITS = re.compile(r"\+?\d{8,}")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
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
    return _LONG_DIGITS.sub("…", _ACCESS_TOKEN.sub("…", _JWT.sub("…", text)))


def frames(error: BaseException) -> str:
    """Where an error arose, the innermost frame first; without its message, which may hold what somebody wrote."""
    trace = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(trace))


class _Unquoted(logging.Filter):
    """Leaves of what quoting libraries log where in their code it was, and the error's type and frames."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in _QUOTING:
            record.msg, record.args = "%s, line %d", (record.pathname.rpartition("/")[2], record.lineno)
            error = record.exc_info[1] if record.exc_info else None
            if error is not None:
                record.__dict__.update(error=type(error).__name__, at=frames(error))
            record.exc_info = record.exc_text = record.stack_info = None
        return True


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
    handler.addFilter(_Unquoted())
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
