"""Reminders: once or repeating. Sending them when they are due is the assistant's business."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, ForeignKey, Index, Integer, Select, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock
from exponential.core.database import AppBase, notify
from exponential.core.encryption import EncryptedText
from exponential.core.errors import BadInput, NotFound
from exponential.workspace.history import CHANNEL, Undoable
from exponential.workspace.names import valid_text
from exponential.workspace.text import matching, zones
from exponential.workspace.text.days import add_months

MAX_TEXT_CHARS = 2_000
MAX_INTERVAL = 1_000  # days, weeks, months or years between two times
DEFAULT_SNOOZE = timedelta(minutes=10)
Repeat = Literal["daily", "weekdays", "weekly", "monthly", "yearly"]
_DAYS = {"daily": 1, "weekly": 7}
_MONTHS = {"monthly": 1, "yearly": 12}
_KIND = matching.RecordKind["Reminder"]("reminder", lambda reminder: reminder.text)


class Reminder(Undoable, AppBase):
    """`at` is when it comes next; `began_at` its first time, which a repeating one keeps its hour and day from.
    `sent_at`: when it last came (the assistant says it); `ended_at`: it comes no more."""

    __tablename__ = "reminders"
    __table_args__ = (
        Index("ix_reminders_user_id", "user_id"),
        Index("ix_reminders_at", "at", postgresql_where="ended_at is null"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(EncryptedText)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    began_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    repeat: Mapped[str | None] = mapped_column(String(16))
    every: Mapped[int] = mapped_column(Integer, default=1)
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """{"id", "text", "at": ISO datetime in `zone`, "repeat": or null, "every": number}"""
        at = self.at.astimezone(zone).isoformat()
        return {"id": str(self.id), "text": self.text, "at": at, "repeat": self.repeat, "every": self.every}


async def remind(
    session: AsyncSession, user_id: UUID, text: str, at: datetime, repeat: Repeat | None = None, every: int = 1
) -> Reminder:
    """A reminder at a moment to come (without offset: in the user's zone). `every`: each so many days, weeks, …

    Raises BadInput (text; a moment that has passed or is too far off; `every` that isn't 1 to MAX_INTERVAL, or with
    weekdays), NotFound (user).
    """
    text = valid_text(text, "reminder", MAX_TEXT_CHARS)
    zone = await zones.zone(session, user_id)
    first = zones.aware(at, zone)
    if not 1 <= every <= MAX_INTERVAL or (every > 1 and repeat in (None, "weekdays")):
        raise BadInput("I can repeat every so many days, weeks, months or years.", code="repeat_invalid")
    if first <= clock.now():
        if repeat is None:
            raise BadInput("That moment has passed. Name one to come.", code="moment_passed")
        first = following(first, repeat, every, zone)
    reminder = Reminder(user_id=user_id, text=text, at=first, began_at=first, repeat=repeat, every=every)
    session.add(reminder)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return reminder


def to_come(user_id: UUID) -> Select[Reminder]:
    """The next one first."""
    query = select(Reminder).where(Reminder.user_id == user_id, Reminder.ended_at.is_(None))
    return query.order_by(Reminder.at, Reminder.id)


async def list_reminders(
    session: AsyncSession, user_id: UUID, since: date | None = None, until: date | None = None
) -> list[Reminder]:
    """Those to come, the next one first; `since` and `until` are days, both included."""
    then = zones.during(Reminder.at, since, until, await zones.zone(session, user_id))
    return list((await session.execute(to_come(user_id).where(*then))).scalars())


async def cancel_reminder(session: AsyncSession, user_id: UUID, reminder: UUID | str) -> Reminder:
    """End a reminder for good, a repeating one too.

    Raises NotFound, Conflict (`ambiguous`, or `unsure` when the words only resemble it).
    """
    found = await _find(session, user_id, reminder, sure=True)
    found.ended_at = clock.now()
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return found


async def snooze_reminder(
    session: AsyncSession, user_id: UUID, reminder: UUID | str, until: datetime | date | time | None = None
) -> Reminder:
    """Put a reminder off, by 10 minutes from now if no moment is named; one that has come, comes again. Until a day,
    it keeps its hour; until an hour, its day.

    Raises NotFound, Conflict `ambiguous`, BadInput (a moment that has passed).
    """
    found = await _find(session, user_id, reminder, ended=True)
    zone = await zones.zone(session, user_id)
    moment = (
        zones.aware(_moved(found.at.astimezone(zone), until), zone)
        if until is not None
        else clock.now() + DEFAULT_SNOOZE
    )
    if moment <= clock.now():
        raise BadInput("That moment has passed. Name one to come.", code="moment_passed")
    found.at, found.ended_at = moment, None
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return found


def _moved(local: datetime, until: datetime | date | time) -> datetime:
    if isinstance(until, datetime):
        return until
    day, hour = (local.date(), until) if isinstance(until, time) else (until, local.time())
    return datetime.combine(day, hour)


def following(began: datetime, repeat: Repeat, every: int, zone: ZoneInfo) -> datetime:
    """The first moment after now of a repetition that began at `began`; its hour is that of the clock in `zone`, and
    the 31st is the last day of shorter months."""
    local, now = began.astimezone(zone), clock.now().astimezone(zone)
    if repeat == "weekdays":
        day = max(local.date(), now.date() - timedelta(days=1))
        while True:
            moment = _on(day, local)
            if moment > now and day.weekday() < 5:
                return moment
            day += timedelta(days=1)
    times = 0
    while True:
        moment = _on(_step(local.date(), repeat, every * times), local)
        if moment > now:
            return moment
        times += 1


def _step(day: date, repeat: Repeat, times: int) -> date:
    if repeat in _DAYS:
        return day + timedelta(days=_DAYS[repeat] * times)
    return add_months(day, _MONTHS[repeat] * times)


def _on(day: date, local: datetime) -> datetime:
    return datetime.combine(day, local.time(), local.tzinfo)


async def _find(
    session: AsyncSession, user_id: UUID, reminder: UUID | str, *, sure: bool = False, ended: bool = False
) -> Reminder:
    query = select(Reminder).where(Reminder.user_id == user_id).order_by(Reminder.id.desc()).with_for_update()
    everything: Sequence[Reminder] = (await session.execute(query)).scalars().all()
    waiting = [known for known in everything if known.ended_at is None]
    over = [known for known in everything if known.ended_at is not None] if ended else []
    for known in (*waiting, *over):
        if str(known.id) == str(reminder).strip():
            return known
    if isinstance(reminder, UUID):
        raise NotFound("There is no such reminder in your workspace.", code="unknown_reminder")
    kind = _KIND
    if sure:  # several that say the same are told apart by when they come
        zone = await zones.zone(session, user_id)
        kind = replace(_KIND, detail=lambda known: f" ({known.at.astimezone(zone):%Y-%m-%d %H:%M})")
    return matching.one(reminder, kind, waiting, over, sure=sure)
