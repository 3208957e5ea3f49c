"""Tools for reminders."""

from datetime import date, datetime, time
from typing import Any

from pydantic_ai import FunctionToolset, RunContext

from exponential.assistant import due_reminders
from exponential.assistant.turns.ledger import Deps
from exponential.workspace import reminders
from exponential.workspace.text.zones import zone_of

tools = FunctionToolset[Deps]()


@tools.tool
async def remind(
    ctx: RunContext[Deps], text: str, at: datetime, repeat: reminders.Repeat | None = None, every: int = 1
) -> dict[str, Any]:
    """Remind the user of something at a moment to come.

    Args:
        text: What to remind of.
        at: The first local time, as 2026-05-01T09:00.
        repeat: daily, weekdays (Monday to Friday), weekly, monthly or yearly, if it repeats.
        every: Repeat only every so many days, weeks, months or years.
    """
    made = await reminders.remind(ctx.deps.session, ctx.deps.user.id, text, at, repeat, every)
    await due_reminders.keep_place(ctx.deps.session, made, ctx.deps.turn_id)
    return _told(ctx, made)


@tools.tool
async def list_reminders(ctx: RunContext[Deps]) -> dict[str, Any]:
    """List the reminders to come, the next one first."""
    found = await reminders.list_reminders(ctx.deps.session, ctx.deps.user.id)
    zone = zone_of(ctx.deps.user)
    return {"count": len(found), "reminders": [reminder.as_json(zone) for reminder in found]}


@tools.tool
async def cancel_reminder(ctx: RunContext[Deps], reminder: str) -> dict[str, Any]:
    """End a reminder for good, all of its repetitions too.

    Args:
        reminder: Its id, or words that stand in its text.
    """
    return _told(ctx, await reminders.cancel_reminder(ctx.deps.session, ctx.deps.user.id, reminder))


@tools.tool
async def snooze_reminder(
    ctx: RunContext[Deps], reminder: str, until: datetime | date | time | None = None
) -> dict[str, Any]:
    """Put a reminder off; one that came already comes again.

    Args:
        reminder: Its id, or words of its text.
        until: Local time at which it comes instead; a day or an hour alone keeps the other; if none, in ten minutes.
    """
    return _told(ctx, await reminders.snooze_reminder(ctx.deps.session, ctx.deps.user.id, reminder, until))


def _told(ctx: RunContext[Deps], reminder: reminders.Reminder) -> dict[str, Any]:
    return {"reminder": reminder.as_json(zone_of(ctx.deps.user))}
