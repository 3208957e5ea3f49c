"""Reminders that are due: said when their moment has come, once."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.assistant.channels import notifications
from exponential.assistant.channels.base import Place
from exponential.assistant.tables import Message
from exponential.auth import users
from exponential.core import clock, log
from exponential.core.database import AppBase, Database, notify
from exponential.core.encryption import EncryptedText
from exponential.workspace import history
from exponential.workspace.reminders import Reminder, Repeat, following
from exponential.workspace.text.markdown import plain, when
from exponential.workspace.text.zones import zone_of

LATE_AFTER = timedelta(minutes=1)  # from then on, a reminder says which time it was for
BATCH_REMINDERS = 100  # reminders that one look takes up

_log = log.get(__name__)


class ReminderPlace(AppBase):
    """The chat that a reminder is said in: where it was asked for, until that can't be reached any more."""

    __tablename__ = "reminder_places"

    reminder_id: Mapped[UUID] = mapped_column(ForeignKey("reminders.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    account: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(EncryptedText)

    @property
    def place(self) -> Place:
        return Place(self.channel, self.account, self.address)


async def keep_place(session: AsyncSession, reminder: Reminder, turn_id: UUID) -> None:
    """Have a new reminder said where the last message of this turn came from, if that has a place."""
    query = select(Message).where(Message.turn_id == turn_id, Message.role == "user").order_by(Message.position.desc())
    asked = (await session.execute(query.limit(1))).scalar_one_or_none()
    if asked is not None and asked.place is not None:
        session.add(ReminderPlace(reminder_id=reminder.id, **asdict(asked.place)))


async def move(session: AsyncSession, user_id: UUID, place: Place, to: Place) -> None:
    """Have the user's reminders that are said in one place said in another one from now on."""
    query = select(ReminderPlace).join(Reminder, Reminder.id == ReminderPlace.reminder_id)
    query = query.where(Reminder.user_id == user_id, ReminderPlace.account == place.account)
    for kept in await session.scalars(query):
        if kept.place == place:
            kept.channel, kept.account, kept.address = to.channel, to.account, to.address


async def send_due(database: Database) -> None:
    """Say all reminders whose moment has come. Several processes may do so at once; each is said by one of them."""
    async with database.transaction() as session:
        query = select(Reminder.id).where(Reminder.ended_at.is_(None), Reminder.at <= clock.now())
        due = (await session.execute(query.order_by(Reminder.at).limit(BATCH_REMINDERS))).scalars().all()
    for reminder_id in due:
        try:
            async with database.transaction() as session:
                await _say(session, reminder_id)
        except Exception as error:  # one that can't be read must not hold up the others
            _log.warning("reminder_not_said", reminder=str(reminder_id), error=error)


async def _say(session: AsyncSession, reminder_id: UUID) -> None:
    """The message, its way out and the reminder's next moment: all in one transaction."""
    query = select(Reminder).where(Reminder.id == reminder_id, Reminder.ended_at.is_(None), Reminder.at <= clock.now())
    reminder = (await session.execute(query.with_for_update(skip_locked=True))).scalar_one_or_none()
    if reminder is None:
        return  # another process says it, or it was put off meanwhile
    user = await users.get(session, reminder.user_id)
    zone = zone_of(user)
    text = _text(reminder, zone)
    # An id made of reminder and moment: it is also the key by which a channel sends the message once.
    key = uuid5(reminder.id, reminder.at.astimezone(UTC).isoformat())
    kept = await session.get(ReminderPlace, reminder.id)
    mind = _told(reminder.as_json(zone), str(key), text)
    await notifications.tell(session, user.id, key, text, mind, kept.place if kept else None)
    _move_on(reminder, zone)
    await notify(session, history.CHANNEL, str(user.id))


def _move_on(reminder: Reminder, zone: ZoneInfo) -> None:
    reminder.sent_at = clock.now()
    if reminder.repeat is None:
        reminder.ended_at = reminder.sent_at
    else:
        reminder.at = following(reminder.began_at, cast(Repeat, reminder.repeat), reminder.every, zone)


def _text(reminder: Reminder, zone: ZoneInfo) -> str:
    now: datetime = clock.now().astimezone(zone)
    late = now - reminder.at > LATE_AFTER
    was = f" (this was for {when(reminder.at.astimezone(zone).isoformat(), now)}; I couldn't say it then)"
    return f"⏰ **{plain(reminder.text)}**{was if late else ''}"


def _told(reminder: dict[str, Any], call_id: str, text: str) -> list[ModelMessage]:
    """The reminder as Paddy has it in mind, so that "snooze it" and "done" are understood."""
    tool, result = "list_reminders", {"count": 1, "reminders": [reminder]}
    return [
        ModelRequest(parts=[UserPromptPart("(The moment of a reminder has come.)", timestamp=clock.now())]),
        ModelResponse(parts=[ToolCallPart(tool, {}, tool_call_id=call_id)]),
        ModelRequest(parts=[ToolReturnPart(tool, result, tool_call_id=call_id)]),
        ModelResponse(parts=[TextPart(text)]),
    ]
