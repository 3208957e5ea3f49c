"""What users have agreed to: which text, in which version, and when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock
from exponential.core.database import AppBase

WHATSAPP = "whatsapp-warning"
WHATSAPP_VERSION = "2026-11-30"  # of the text in app/templates/_warning.html; a test pins them to each other


class Consent(AppBase):
    """A user has agreed to a text; kept for good, so that it can be shown what was agreed to, and when."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_user_id_what", "user_id", "what"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    what: Mapped[str] = mapped_column(String(50))
    version: Mapped[str] = mapped_column(String(50))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


async def record(session: AsyncSession, user_id: UUID, what: str, version: str) -> Consent:
    """The consent to this version; a second one changes nothing."""
    known = await latest(session, user_id, what, version)
    if known is None:
        known = Consent(user_id=user_id, what=what, version=version)
        session.add(known)
    return known


async def latest(session: AsyncSession, user_id: UUID, what: str, version: str) -> Consent | None:
    """The user's consent to this version of a text, if it was given."""
    query = select(Consent).where(Consent.user_id == user_id, Consent.what == what, Consent.version == version)
    return (await session.execute(query.order_by(Consent.at).limit(1))).scalar_one_or_none()
