"""Files in a conversation: what a channel hands in with a message, kept encrypted beside it."""

import asyncio
import mimetypes
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Integer, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, defer, mapped_column

from exponential.assistant.tables import Chat, Message
from exponential.auth import user_data
from exponential.auth.user_data import StoredFile
from exponential.core import clock, encryption
from exponential.core.database import AppBase
from exponential.core.encryption import EncryptedBytes, EncryptedJSON, EncryptedText
from exponential.core.errors import BadInput, NotFound

Kind = Literal["image", "document", "voice", "video", "sticker"]
MAX_FILES = 10  # files with one message
DEFAULT_LIMIT_MB = 16  # MB of one file, unless EXPONENTIAL_MEDIA_LIMIT says otherwise
MAX_NAME_CHARS = 255  # characters
NOT_KEPT = "This came while I was silent here, so I didn't keep it."
_KINDS: dict[str, Kind] = {"image": "image", "audio": "voice", "video": "video"}
_UNKNOWN = "application/octet-stream"
_MIME = re.compile(r"^[a-z]+/[a-z0-9][a-z0-9!#$&^_.+-]*")  # RFC 6838, section 4.2


@dataclass(frozen=True)
class Attachment:
    """A file that came with a message. `name` is what its sender called it, often empty.

    One that could not be had has no `data`; `problem` says why, in a sentence.
    """

    kind: Kind
    mime: str
    name: str
    data: bytes
    problem: str = ""


class StoredAttachment(AppBase):
    """An Attachment as kept: `size` in bytes, in the order of `position`.

    `understood` is what was read of it, such as {"text"}; null until it was read. `note` says in a sentence what could
    not be. `view` is a picture as models get it: a JPEG of modest size.
    """

    __tablename__ = "attachments"
    __table_args__ = (Index("ix_attachments_message_id", "message_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    kind: Mapped[Kind] = mapped_column(String(16))
    mime: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(EncryptedText)
    size: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(EncryptedBytes)
    understood: Mapped[Any] = mapped_column(EncryptedJSON, nullable=True)
    note: Mapped[str | None] = mapped_column(EncryptedText)
    view: Mapped[bytes | None] = mapped_column(EncryptedBytes)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    @property
    def read(self) -> bool:
        """Whether it is known what can be read of it."""
        return self.understood is not None


_HEAVY = (StoredAttachment.data, StoredAttachment.view, StoredAttachment.understood)


def attachment(name: str, mime: str, data: bytes) -> Attachment:
    """A file as a browser or a script uploads it; a missing or meaningless `mime` is guessed from the name."""
    mime = _type(mime)
    if mime == _UNKNOWN:
        mime = mimetypes.guess_type(name)[0] or _UNKNOWN
    return Attachment(_KINDS.get(mime.partition("/")[0], "document"), mime, name, data)


def without_data(files: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """What is kept of files that nobody will read: that they came."""
    return tuple(replace(file, data=b"", problem=file.problem or NOT_KEPT) for file in files)


async def keep(session: AsyncSession, message_id: UUID, files: Sequence[Attachment]) -> None:
    """Store a new message's files."""
    for file in files:
        session.add(
            StoredAttachment(
                message_id=message_id,
                kind=file.kind,
                mime=_type(file.mime),
                name=_plain(file.name),
                size=len(file.data),
                data=file.data,
                understood={} if file.problem else None,
                note=file.problem or None,
            )
        )
        await session.flush()  # one by one: positions tell their order


def check(files: Sequence[Attachment], limit: int = DEFAULT_LIMIT_MB) -> None:
    """Raises BadInput when there are too many files, an empty one, or one above `limit` (MB)."""
    if limit == 0 and any(file.data for file in files):
        raise BadInput("Files are switched off here; write what you want to say.", code="files_off")
    if len(files) > MAX_FILES:
        raise BadInput(f"These are {len(files)} files; send at most {MAX_FILES} at once.", code="too_many_files")
    for file in files:
        if not file.data and not file.problem:
            raise BadInput("A file is empty; there is nothing in it to read.", code="file_empty")
        if len(file.data) > limit * 1_000_000:
            raise BadInput(
                f"A file has {len(file.data) / 1e6:.1f} MB; Paddy takes up to {limit} MB. Send a smaller one.",
                code="file_too_large",
            )


async def unread(session: AsyncSession, message_ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """How many files each message has, and how many of them weren't read yet; a message without any is left out."""
    query = (
        select(
            StoredAttachment.message_id,
            func.count(),
            func.count().filter(StoredAttachment.understood.is_(None)),
        )
        .where(StoredAttachment.message_id.in_(list(message_ids)))
        .group_by(StoredAttachment.message_id)
    )
    return {message_id: (files, waiting) for message_id, files, waiting in await session.execute(query)}


async def of_messages(
    session: AsyncSession, message_ids: Iterable[UUID], *, understood: bool = False
) -> dict[UUID, list[StoredAttachment]]:
    """The files of these messages, in their order, without their data, and without what was read of them unless that is
    wanted, for it may be long; a message that has none is left out."""
    heavy = _HEAVY[:2] if understood else _HEAVY
    query = (
        select(StoredAttachment)
        .where(StoredAttachment.message_id.in_(list(message_ids)))
        .order_by(StoredAttachment.position)
        .options(*(defer(column, raiseload=True) for column in heavy))
    )
    found: dict[UUID, list[StoredAttachment]] = {}
    for file in (await session.execute(query)).scalars():
        found.setdefault(file.message_id, []).append(file)
    return found


async def of_user(session: AsyncSession, user_id: UUID, attachment_id: UUID) -> StoredAttachment:
    """One file without its data and what was read of it, for its owner alone. Raises NotFound."""
    query = (
        select(StoredAttachment)
        .join(Message, Message.id == StoredAttachment.message_id)
        .join(Chat, Chat.id == Message.chat_id)
        .where(StoredAttachment.id == attachment_id, Chat.user_id == user_id)
        .options(*(defer(column, raiseload=True) for column in _HEAVY))
    )
    file = (await session.execute(query)).scalar_one_or_none()
    if file is None:
        raise _no_such_file()
    return file


async def data_of(session: AsyncSession, attachment_id: UUID) -> bytes:
    """A file's data, decrypted in a thread. Raises NotFound."""
    sealed = await user_data.read(session, StoredFile(AppBase.metadata.tables["attachments"].c.data, attachment_id))
    if sealed is None:
        raise _no_such_file()
    return await asyncio.to_thread(encryption.decrypt, sealed)


def _no_such_file() -> NotFound:
    return NotFound("There is no such file in your conversations.", code="unknown_file")


async def content_of(session: AsyncSession, user_id: UUID, attachment_id: UUID) -> tuple[bytes | str, str]:
    """A document of the user's own conversations, or the words of a voice note, and its name. Raises NotFound, BadInput
    (nothing to read)."""
    query = (
        select(StoredAttachment)
        .join(Message, Message.id == StoredAttachment.message_id)
        .join(Chat, Chat.id == Message.chat_id)
        .where(StoredAttachment.id == attachment_id, Chat.user_id == user_id, Chat.kind != "contact")
    )
    file = (await session.execute(query)).scalar_one_or_none()
    if file is None:
        raise NotFound("There is no such file in your conversation.", code="unknown_file")
    if file.kind == "document":
        return file.data, file.name
    text = (file.understood or {}).get("text")
    if not text:
        raise BadInput(file.note or "This file has no text.", code="file_unreadable")
    return text, file.name


def _type(mime: str) -> str:
    """A media type without its parameters; what isn't one is unknown, for browsers are told it when they fetch it."""
    mime = (mime or "").partition(";")[0].strip().lower()[:100]
    return mime if _MIME.fullmatch(mime) else _UNKNOWN


def _plain(name: str) -> str:
    """A file's name without folders or control characters, short enough to show."""
    name = "".join(character for character in PurePosixPath(name.replace("\\", "/")).name if character.isprintable())
    return name[-MAX_NAME_CHARS:]
