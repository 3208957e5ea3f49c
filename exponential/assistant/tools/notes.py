"""Tools for notes: the owner's own, and the one tool that a guest's Paddy has, leaving a note to the owner."""

from datetime import datetime
from typing import Any

from pydantic_ai import RunContext

from exponential.assistant import conversation
from exponential.assistant.tools.base import Args, Deps, Result, Toolset, ToolSpec
from exponential.workspace import notes
from exponential.workspace.text.markdown import beginning, plain
from exponential.workspace.text.zones import zone_of

tools = Toolset()
guest_tools = Toolset()


def _kept(_args: Args, result: Result, _now: datetime) -> str:
    return f"Kept as a note: “{plain(beginning(result['note']['text'], 80))}”. Say *show my notes* to see it again."


@tools.declare(ToolSpec("Keeping a note", done="Kept a note", tell=_kept))
async def keep_note(ctx: RunContext[Deps], text: str) -> dict[str, Any]:
    """Keep a text as a note, such as a forwarded message, because the user asked for it.

    Args:
        text: The whole text as it is.
    """
    note = await notes.keep_note(ctx.deps.session, ctx.deps.user.id, text)
    return {"note": note.as_json(zone_of(ctx.deps.user))}


def _left(_args: Args, _result: Result, _now: datetime) -> str:
    return "I'll pass that on."


@guest_tools.declare(ToolSpec("Leaving a note", done="Left a note", tell=_left))
async def leave_note(ctx: RunContext[Deps], text: str) -> dict[str, Any]:
    """Leave a note to the owner of this number, because the guest asked for it.

    Args:
        text: The note in the guest's words.
    """
    sender = await conversation.sender(ctx.deps.session, ctx.deps.turn_id)
    await notes.leave_note(ctx.deps.session, ctx.deps.user.id, text, sender)
    return {"left": True}
