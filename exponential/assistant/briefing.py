"""The morning briefing: when a user wants it, what it says, and saying it once a day, also after a restart."""

from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from sqlalchemy import Date, DateTime, ForeignKey, String, Time, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.assistant.channels import notifications
from exponential.auth import users
from exponential.auth.users import User
from exponential.core import clock, log
from exponential.core.database import AppBase, Database, notify
from exponential.workspace import project_status, projects, reminders, tasks
from exponential.workspace.history import CHANNEL
from exponential.workspace.meetings import meetings
from exponential.workspace.text.markdown import plain, task, when
from exponential.workspace.text.zones import zone_of

Days = Literal["daily", "weekdays"]
SKIP_AFTER = timedelta(hours=6)  # a briefing whose time is further past is not said any more that day
BATCH_USERS = 500  # users whose briefings one query takes up
MAX_NAMED = 10  # records of a kind that a briefing names
_OPEN_SINCE = timedelta(days=30)  # action items of older meetings are not brought up

_log = log.get(__name__)


class Briefing(AppBase):
    """A user's wish for a briefing at `at` (local time) on `days`. `said_on`: the last local day that has had its."""

    __tablename__ = "briefings"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[time] = mapped_column(Time)
    days: Mapped[str] = mapped_column(String(16), default="daily")
    said_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    def as_json(self) -> dict[str, Any]:
        """{"at": "07:30", "days": daily or weekdays}"""
        return {"at": f"{self.at:%H:%M}", "days": self.days}


def often(wish: dict[str, Any]) -> str:
    """A briefing's `as_json` in words: "every weekday at 07:30"."""
    return f"{'every weekday' if wish['days'] == 'weekdays' else 'every day'} at {wish['at']}"


async def get(session: AsyncSession, user_id: UUID) -> Briefing | None:
    return await session.get(Briefing, user_id)


async def switch_on(session: AsyncSession, user_id: UUID, at: time, days: Days = "daily") -> Briefing:
    """From the next time that the clock shows `at`. Raises NotFound (user)."""
    user = await users.get(session, user_id)
    now = clock.now().astimezone(zone_of(user))
    wish = await get(session, user_id) or Briefing(user_id=user_id)
    wish.at, wish.days = at.replace(second=0, microsecond=0, tzinfo=None), days
    if now.time() >= wish.at:
        wish.said_on = now.date()  # today's time has passed
    elif wish.said_on is not None and wish.said_on >= now.date():
        wish.said_on = None
    session.add(wish)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return wish


async def switch_off(session: AsyncSession, user_id: UUID) -> bool:
    """Whether there was one."""
    wish = await get(session, user_id)
    if wish is None:
        return False
    await session.delete(wish)
    await session.flush()
    await notify(session, CHANNEL, str(user_id))
    return True


async def send_due(database: Database) -> None:
    """Say all briefings whose time has come. Several processes may do so at once; each is said by one of them."""
    after = UUID(int=0)
    while True:
        async with database.transaction() as session:
            query = select(Briefing, User).join(User, User.id == Briefing.user_id).where(Briefing.user_id > after)
            found = (await session.execute(query.order_by(Briefing.user_id).limit(BATCH_USERS))).all()
        for wish, user in found:
            if _is_due(wish, user):
                try:
                    async with database.transaction() as session:
                        await _say(session, user.id)
                except Exception as error:  # one that can't be said must not hold up the others
                    _log.warning("briefing_not_said", user=str(user.id), error=error)
        if len(found) < BATCH_USERS:
            return
        after = found[-1][0].user_id


def _is_due(wish: Briefing, user: User) -> bool:
    now = clock.now().astimezone(zone_of(user))
    if wish.said_on is not None and wish.said_on >= now.date():
        return False
    if wish.days == "weekdays" and now.weekday() > 4:
        return False
    return timedelta(0) <= now.replace(tzinfo=None) - datetime.combine(now.date(), wish.at) < SKIP_AFTER


async def _say(session: AsyncSession, user_id: UUID) -> None:
    """The message, its way out, and that today has had its briefing: all in one transaction."""
    query = select(Briefing).where(Briefing.user_id == user_id).with_for_update(skip_locked=True)
    wish = (await session.execute(query)).scalar_one_or_none()
    user = await users.get(session, user_id)
    if wish is None or not _is_due(wish, user):
        return  # another process says it, or it was switched off meanwhile
    today = clock.now().astimezone(zone_of(user)).date()
    text = await write(session, user)
    # An id made of user and moment: it is also the key by which a channel sends the message once.
    key = uuid5(user.id, f"briefing {today.isoformat()} {wish.at.isoformat()}")
    mind: list[ModelMessage] = [
        ModelRequest(parts=[UserPromptPart("(It is time for the briefing.)", timestamp=clock.now())]),
        ModelResponse(parts=[TextPart(text)]),
    ]
    await notifications.tell(session, user.id, key, text, mind)
    wish.said_on = today


async def write(session: AsyncSession, user: User) -> str:
    """The briefing of this moment, in Markdown."""
    now = clock.now().astimezone(zone_of(user))
    parts = [
        *await _tasks(session, user, now),
        *await _projects(session, user),
        *await _action_items(session, user, now),
        *await _reminders(session, user, now),
    ]
    head = f"☀️ Good morning! It is {now:%A}, {now.day} {now:%B}." if now.hour < 12 else f"Your briefing, {now:%A}:"
    if not parts:
        return f"{head}\n\nNothing is due today, and nothing is overdue."
    return "\n\n".join([head, *parts])


async def _tasks(session: AsyncSession, user: User, now: datetime) -> list[str]:
    found = await tasks.list_tasks(session, user.id, wanted=tasks.TaskFilter("open", until=now.date()))
    zone = zone_of(user)
    late = [one for one in found if one.due_on and one.due_on < now.date()]
    due = [one for one in found if one.due_on == now.date()]
    return [
        *_section("Due today", [task(one.as_json(zone), now) for one in due]),
        *_section("⚠️ Overdue", [task(one.as_json(zone), now) for one in late]),
    ]


async def _projects(session: AsyncSession, user: User) -> list[str]:
    active = await projects.list_projects(session, user.id, "active")
    stand = await project_status.of_projects(session, user.id, active)
    lines = [f"**{plain(one.project.name)}**: {plain(' '.join(one.risks))}" for one in stand if one.risks]
    return _section("Projects at risk", lines)


async def _action_items(session: AsyncSession, user: User, now: datetime) -> list[str]:
    """Those of recent meetings that no task was made of yet."""
    lines = []
    since = now.date() - _OPEN_SINCE
    for meeting, item in await meetings.all_action_items(session, user.id, since, without_task=True):
        owner = f"{plain(item.owner)}: " if item.owner else ""
        due = f", due {when(item.due_on.isoformat(), now)}" if item.due_on else ""
        lines.append(f"{owner}{plain(item.text)}{due} ({plain(meeting.title)})")
    return _section("Open action items of meetings", lines)


async def _reminders(session: AsyncSession, user: User, now: datetime) -> list[str]:
    today = await reminders.list_reminders(session, user.id, now.date(), now.date())
    lines = [f"{reminder.at.astimezone(now.tzinfo):%H:%M} **{plain(reminder.text)}**" for reminder in today]
    return _section("Reminders", lines)


def _section(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"… and {len(lines) - MAX_NAMED} more"] if len(lines) > MAX_NAMED else []
    return [f"**{title}**\n\n" + "\n".join(f"- {line}" for line in [*lines[:MAX_NAMED], *more])]
