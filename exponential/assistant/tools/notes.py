"""Tools for notes: the owner's own, and the one tool that a guest's Paddy has, leaving a note to the owner."""

from typing import Any

from pydantic_ai import FunctionToolset, RunContext

from exponential.assistant import conversation
from exponential.assistant.turns.ledger import Deps
from exponential.workspace import notes
from exponential.workspace.text.zones import zone_of

tools = FunctionToolset[Deps]()
guest_tools = FunctionToolset[Deps]()


@tools.tool
async def keep_note(ctx: RunContext[Deps], text: str) -> dict[str, Any]:
    """Keep a text as a note, such as a forwarded message, because the user asked for it.

    Args:
        text: The whole text as it is.
    """
    note = await notes.keep_note(ctx.deps.session, ctx.deps.user.id, text)
    return {"note": note.as_json(zone_of(ctx.deps.user))}


@guest_tools.tool
async def leave_note(ctx: RunContext[Deps], text: str) -> dict[str, Any]:
    """Leave a note to the owner of this number, because the guest asked for it.

    Args:
        text: The note in the guest's words.
    """
    sender = await conversation.sender(ctx.deps.session, ctx.deps.turn_id)
    await notes.leave_note(ctx.deps.session, ctx.deps.user.id, text, sender)
    return {"left": True}
