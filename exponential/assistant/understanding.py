"""Reading the files of messages before Paddy answers them: text of documents, words of voice notes, views of pictures.

What was found is stored with the file, so it is read once; what can't be read is said in a sentence.
"""

import asyncio
import base64
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import apart, extraction
from exponential.assistant.media import StoredAttachment
from exponential.assistant.records import Message
from exponential.assistant.transcribing import Ears
from exponential.database import Database

WITHIN = 30.0  # seconds for one file
AT_ONCE = 2  # of this process; each may take as much memory as extraction.MEMORY
TOO_LONG = "This file takes too long to read, so I left it."
VIDEO = "I can't watch videos."


class Reader:
    """Reads files: in processes of their own, voice notes with `ears`."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._room = asyncio.Semaphore(AT_ONCE)

    async def read_waiting(self, database: Database, chat_id: UUID) -> None:
        """Read the files of the chat's unanswered messages that weren't read yet."""
        while True:
            async with database.transaction() as session:
                file = await _next(session, chat_id)
            if file is None:
                return
            found = await self.read(file.kind, file.mime, file.data)
            async with database.transaction() as session:
                stored = await session.get(StoredAttachment, file.id)
                if stored is not None:
                    view = found.pop("view", None)
                    stored.view = base64.b64decode(view) if view else None
                    stored.understood = found

    async def read(self, kind: str, mime: str, data: bytes) -> dict[str, Any]:
        """{"text"}, or {"view"} (a JPEG in base64), or nothing; and a "note" about what can't be read."""
        if kind == "video":
            return {"note": VIDEO}
        if kind == "voice":
            text, note = await self._ears.transcribe(data, mime)
            return {"text": text, **({"note": note} if note else {})} if text else {"note": note}
        async with self._room:
            return await _extract(kind, data)


async def is_waiting(session: AsyncSession, chat_id: UUID) -> bool:
    """Whether an unanswered message has a file that wasn't read yet."""
    return await _next(session, chat_id, StoredAttachment.id) is not None


async def _next(session: AsyncSession, chat_id: UUID, what: Any = StoredAttachment) -> Any:
    query = (
        select(what)
        .join(Message, Message.id == StoredAttachment.message_id)
        .where(
            Message.chat_id == chat_id,
            Message.turn_id.is_(None),
            Message.role == "user",
            StoredAttachment.understood.is_(None),
        )
        .order_by(StoredAttachment.position)
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def _extract(kind: str, data: bytes) -> dict[str, Any]:
    try:
        found = await apart.work(extraction.__name__, kind, data=data, within=WITHIN)
    except TimeoutError:
        return {"note": TOO_LONG}
    return found if found is not None else {"note": extraction.TOO_LARGE}
