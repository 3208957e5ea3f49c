"""The line to WhatsApp as the outbox sees it, and how it fails."""

from typing import Protocol
from uuid import UUID

from exponential.gateway.worker.protocol import Original


class MessageSender(Protocol):
    """How messages reach WhatsApp; the supervisor is one.

    `send` and `typing` raise Unavailable when the session isn't online (surely not sent), SendFailed when WhatsApp or
    its client refused, and SendUnknown when the worker died or the answer never came.
    """

    def is_online(self, session_id: UUID) -> bool: ...

    async def send(
        self, session_id: UUID, message_id: UUID, chat: str, text: str, quote: Original | None = None
    ) -> str: ...

    async def typing(self, session_id: UUID, chat: str, on: bool) -> None: ...


class SendFailed(Exception):
    """WhatsApp or its client refused; `str(error)` has no message text in it."""


class SendUnknown(Exception):
    """Whether WhatsApp took the message can't be known."""
