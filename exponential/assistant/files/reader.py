"""Reading the files of messages before Paddy answers them: text of documents, words of voice notes, views of pictures.

What was found is stored with the file, so it is read once; what can't be read is said in a sentence.
"""

import base64
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import prompts
from exponential.assistant.files import extraction
from exponential.assistant.files.attachments import StoredAttachment
from exponential.assistant.files.transcription import Transcribes
from exponential.assistant.tables import Message
from exponential.core import log, sandbox
from exponential.core.database import Database
from exponential.workspace.text import documents

TIMEOUT_SECONDS = 3.0 * extraction.CPU_SECONDS  # for the processor may be busy with others
TOO_LONG = "This file takes too long to read, so I left it."
VIDEO = "I can't watch videos."
_log = log.get(__name__)


class FileReader:
    """Reads files in the sandbox, each `within` so many seconds; voice notes with `ears`."""

    def __init__(self, transcriber: Transcribes, *, within: float = TIMEOUT_SECONDS) -> None:
        self._transcriber = transcriber
        self._within = within

    async def read_waiting(self, database: Database, chat_id: UUID, *, caller: str) -> None:
        """Read the files of the chat's unanswered messages that weren't read yet, on the `caller`'s turn."""
        while True:
            async with database.transaction() as session:
                file = await _next(session, chat_id)
            if file is None:
                return
            found = await self.read(file, caller=caller)
            async with database.transaction() as session:
                stored = await session.get(StoredAttachment, file.id)
                if stored is not None:
                    view = found.pop("view", None)
                    stored.view = base64.b64decode(view) if view else None
                    stored.note = found.pop("note", None)
                    stored.understood = found

    async def read(self, file: StoredAttachment, *, caller: str) -> dict[str, Any]:
        """What `extraction` finds in a file, or the "text" of a voice note; and a "note" about what can't be read."""
        try:
            if file.kind == "video":
                return {"note": VIDEO}
            if file.kind == "voice":
                text, note = await self._transcriber.transcribe(file.data, file.mime, caller=caller)
                return {"text": text, **({"note": note} if note else {})} if text else {"note": note}
            return await self._extract(file, caller)
        except Exception as error:  # whatever it is, the message is answered
            _log.error("file_not_read", attachment=str(file.id), error=error)
            return {"note": documents.DAMAGED}

    async def _extract(self, file: StoredAttachment, caller: str) -> dict[str, Any]:
        most = prompts.MAX_GUEST_CHARS if caller == sandbox.GUESTS else extraction.MAX_CHARS
        about = {"kind": file.kind, "name": file.name, "most": str(most)}
        async with sandbox.slot(caller):
            try:
                found = await sandbox.run(extraction.__name__, file.data, about, within=self._within)
            except TimeoutError:
                return {"note": TOO_LONG}
        return found if found is not None else {"note": documents.TOO_LARGE}


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
