"""Facts that the user asked Paddy to remember: kept, looked up, forgotten."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rapidfuzz import fuzz, utils
from sqlalchemy import DateTime, ForeignKey, Index, Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth import users
from exponential.core import clock
from exponential.core.database import AppBase, notify
from exponential.core.encryption import EncryptedText
from exponential.core.errors import NotFound
from exponential.workspace.history import CHANNEL, Undoable
from exponential.workspace.names import valid_text
from exponential.workspace.text import matching

MAX_FACT_CHARS = 1_000
_KIND = matching.RecordKind["Fact"]("fact", lambda fact: fact.text)
_SMALL = frozenset("i my me the a an is are am do does did what when where who about of on in to you know that".split())


class Fact(Undoable, AppBase):
    __tablename__ = "facts"
    __table_args__ = (Index("ix_facts_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(EncryptedText)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def as_json(self) -> dict[str, Any]:
        return {"id": str(self.id), "text": self.text}


async def remember(session: AsyncSession, user_id: UUID, fact: str) -> Fact:
    """What is known already, word for word, is not kept twice. Raises BadInput, NotFound (user)."""
    text = valid_text(fact, "fact", MAX_FACT_CHARS)
    await users.get(session, user_id)
    for known in await recall(session, user_id):
        if known.text.casefold() == text.casefold():
            return known
    made = Fact(user_id=user_id, text=text)
    session.add(made)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return made


def remembered(user_id: UUID) -> Select[Fact]:
    """In the order it was said."""
    return select(Fact).where(Fact.user_id == user_id).order_by(Fact.id)


async def recall(session: AsyncSession, user_id: UUID, about: str | None = None) -> list[Fact]:
    """What is remembered, in the order it was said; with `about`, what shares a word with it, typing errors allowed."""
    known = list((await session.execute(remembered(user_id))).scalars())
    asked = set(utils.default_process(about or "").split()) - _SMALL
    return [fact for fact in known if _shares(asked, fact.text)] if asked else known


async def forget(session: AsyncSession, user_id: UUID, fact: UUID | str) -> Fact:
    """Forget one fact, given its id or words of it; what it was.

    Raises NotFound, Conflict (`ambiguous`, or `unsure` when the words only resemble one), BadInput.
    """
    known: Sequence[Fact] = await recall(session, user_id)
    found = next((one for one in known if str(one.id) == str(fact).strip()), None)
    if found is None and isinstance(fact, UUID):
        raise NotFound("I remember no such thing.", code="unknown_fact")
    if found is None:
        found = matching.one(str(fact), _KIND, known, sure=True)
    await session.delete(found)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return found


def _shares(asked: set[str], text: str) -> bool:
    words = set(utils.default_process(text).split()) - _SMALL
    return any(fuzz.ratio(word, other) >= matching.CLOSE_ENOUGH for word in asked for other in words)
