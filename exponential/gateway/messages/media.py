"""Files on their way to the app: fetched by the worker before their message is handed over, and put into it.

A message is never held up for good: when its file can't be had, it says so and goes on without.
"""

import asyncio
import base64
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from exponential.core import log
from exponential.core.errors import Unavailable
from exponential.gateway.messages.inbox import InboxMessage
from exponential.gateway.messages.rate_limits import FileLimiter
from exponential.gateway.messages.sender import SendFailed, SendUnknown
from exponential.gateway.worker import media
from exponential.gateway.worker.supervisor import Supervisor

MEDIA_HOST_SECONDS = 60.0  # that a media host which gives nothing may hold a chat up
WORKER_SECONDS = 600.0  # for a worker that isn't there: that is our fault, not the file's
TOO_MANY = "No more files are taken of you today; please send it again tomorrow."
KINDS = ("image", "document", "voice", "audio", "sticker")
_log = log.get(__name__)


class MediaFetcher:
    """`limit` in bytes; 0 means that no files are wanted. Sealed files lie in the sessions' folders below `folder`.

    `rates` says when contacts have sent enough for now; their messages go on without files then.
    """

    def __init__(
        self, supervisor: Supervisor, folder: Path, spool_keys: Sequence[bytes], limit: int, rates: FileLimiter
    ) -> None:
        self._supervisor = supervisor
        self._folder = folder
        self._keys = list(spool_keys)
        self._limit = limit
        self._rates = rates
        self._problems: dict[int, str] = {}  # by inbox row: why its file can't be had; "" when it lies here
        self._since: dict[int, float] = {}

    def ready(self, row: InboxMessage) -> bool:
        """Whether this message can be handed over as it is."""
        return not (row.payload or {}).get("media") or row.seq in self._problems

    async def fetch(self, row: InboxMessage) -> bool:
        """Get its file here, or learn that it can't be had. False: try again after a pause."""
        assert row.payload is not None
        guest = row.payload["sender"] if row.payload["role"] == "guest" else ""
        problem = await self._outcome(row, row.payload["type"], row.payload["media"], guest)
        if problem is None:
            return False
        self._since.pop(row.seq, None)
        self._problems[row.seq] = problem
        if problem:
            _log.warning("file_not_fetched", session=str(row.session_id), message=row.seq, kind=row.payload["type"])
        return True

    async def payload(self, row: InboxMessage) -> dict[str, Any]:
        """What the app is sent; its `media`: {"mime", "name", "size"} and "data" (base64) or "problem" (a sentence)."""
        payload = dict(row.payload or {})
        file = payload.get("media")
        if not file:
            return payload
        told = {"mime": file["mime"], "name": file["name"], "size": file["size"]}
        problem = self._problems.get(row.seq, "")
        data = None if problem else await asyncio.to_thread(self._read, row)
        if data is None:
            problem = problem or "The file was lost on its way through the gateway."
            return {**payload, "media": {**told, "problem": problem}}
        encoded = await asyncio.to_thread(base64.b64encode, data)
        return {**payload, "media": {**told, "size": len(data), "data": encoded.decode()}}

    def without(self, row: InboxMessage, problem: str) -> None:
        """Hand this message over without its file, for that reason."""
        self._problems[row.seq] = problem

    def forget(self, row: InboxMessage) -> None:
        """The app has it."""
        if self._problems.pop(row.seq, None) is not None:
            self._path(row).unlink(missing_ok=True)

    async def _outcome(self, row: InboxMessage, kind: str, file: dict[str, Any], guest: str) -> str | None:
        """ "" when the file lies here, why it can't be had, or None when it is to be tried again."""
        if self._limit == 0:
            return "Files are switched off on this gateway."
        if kind not in KINDS:
            return f"Files of this kind ({kind}) are not fetched."
        if file["size"] > self._limit:
            return str(media.too_large(file["size"], self._limit))
        if await asyncio.to_thread(self._read, row) is not None:
            return ""
        session = str(row.session_id)
        if guest and self._rates.is_over(session, guest):
            _log.warning("contact_over_limit", session=session, what="files")
            return TOO_MANY
        try:
            await self._supervisor.fetch(row.session_id, row.message_id, kind, file, self._limit)
            if guest:
                self._rates.add(session, guest, self._path(row).stat().st_size)
            return ""
        except SendFailed as error:
            return str(error)
        except (SendUnknown, Unavailable) as error:
            patience = MEDIA_HOST_SECONDS if isinstance(error, SendUnknown) else WORKER_SECONDS
            since = self._since.setdefault(row.seq, time.monotonic())
            gave_up = time.monotonic() - since > patience
            return "The file could not be fetched from WhatsApp." if gave_up else None

    def _read(self, row: InboxMessage) -> bytes | None:
        return media.unseal(self._session(row.session_id), row.message_id, self._keys)

    def _path(self, row: InboxMessage) -> Path:
        return media.path_of(self._session(row.session_id), row.message_id)

    def _session(self, session_id: UUID) -> Path:
        return self._folder / str(session_id)
