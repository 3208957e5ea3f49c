"""Tools for reminders."""

from datetime import date, datetime, time
from typing import Any

from pydantic_ai import RunContext

from exponential.assistant import due_reminders
from exponential.assistant.tools.base import Args, Deps, Result, Toolset, ToolSpec
from exponential.workspace import reminders
from exponential.workspace.text.markdown import count, numbered, plain, when
from exponential.workspace.text.zones import zone_of

tools = Toolset()
_REPEAT = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year", "weekdays": "weekday"}


def _reminded(_args: Args, result: Result, now: datetime) -> str:
    return f"I'll remind you: {_reminder(result['reminder'], now)}."


def _reminder(reminder: Result, now: datetime) -> str:
    repeat, every = reminder["repeat"], reminder["every"]
    often = f", every {f'{every} {_REPEAT[repeat]}s' if every > 1 else _REPEAT[repeat]}" if repeat else ""
    return f"**{plain(reminder['text'])}**, {when(reminder['at'], now)}{often}"


@tools.declare(ToolSpec("Setting a reminder", done="Set a reminder:", tell=_reminded))
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


def _listed(_args: Args, result: Result, now: datetime) -> str:
    if not result["reminders"]:
        return "No reminders are set."
    lines = [_reminder(reminder, now) for reminder in result["reminders"]]
    return f"{count(result['count'], 'reminder')}:\n\n" + numbered(lines)


@tools.declare(ToolSpec("Looking at your reminders", tell=_listed))
async def list_reminders(ctx: RunContext[Deps]) -> dict[str, Any]:
    """List the reminders to come, the next one first."""
    found = await reminders.list_reminders(ctx.deps.session, ctx.deps.user.id)
    zone = zone_of(ctx.deps.user)
    return {"count": len(found), "reminders": [reminder.as_json(zone) for reminder in found]}


def _cancelled(_args: Args, result: Result, _now: datetime) -> str:
    return f"Cancelled the reminder **{plain(result['reminder']['text'])}**. *Undo* brings it back."


@tools.declare(ToolSpec("Cancelling a reminder", done="Cancelled the reminder:", destructive=True, tell=_cancelled))
async def cancel_reminder(ctx: RunContext[Deps], reminder: str) -> dict[str, Any]:
    """End a reminder for good, all of its repetitions too.

    Args:
        reminder: Its id, or words that stand in its text.
    """
    return _told(ctx, await reminders.cancel_reminder(ctx.deps.session, ctx.deps.user.id, reminder))


@tools.declare(ToolSpec("Putting off a reminder", done="Put off the reminder:", tell=_reminded))
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
