"""The tool that sets the morning briefing."""

from datetime import datetime, time
from typing import Any, Literal

from pydantic_ai import RunContext

from exponential.assistant import briefing
from exponential.assistant.tools.base import Args, Deps, Result, Toolset, ToolSpec

tools = Toolset()


def _set(_args: Args, result: Result, _now: datetime) -> str:
    if result["briefing"] is None:
        return "No more briefings." if result.get("ended", True) else "There was no briefing to end."
    return f"☀️ You get your briefing {briefing.often(result['briefing'])}. *Stop the briefing* ends it."


@tools.declare(ToolSpec("Setting your briefing", done="Changed the briefing:", tell=_set))
async def set_briefing(
    ctx: RunContext[Deps], at: time | Literal["off"], days: Literal["daily", "weekdays"] = "daily"
) -> dict[str, Any]:
    """Send the user a briefing every morning: what is due and overdue, projects at risk, open action items, reminders.

    Args:
        at: Local time of day, as 07:30; "off" ends the briefings.
        days: daily, or weekdays (Monday to Friday).
    """
    if at == "off":
        return {"briefing": None, "ended": await briefing.switch_off(ctx.deps.session, ctx.deps.user.id)}
    wish = await briefing.switch_on(ctx.deps.session, ctx.deps.user.id, at, days)
    return {"briefing": wish.as_json()}
