"""Paddy's tools: thin wrappers over the workspace's use-cases, each limited to the user of the turn.

Their names are stable: people see them in the audit, over MCP and in `ask --json`. `OWNER` is what the owner's Paddy
has, `GUEST` what that of other people has. All else that there is to know of a tool is declared beside its function.
"""

from datetime import datetime
from typing import Any

from pydantic_ai import CombinedToolset

from exponential.assistant.tools import briefing, meetings, memory, notes, projects, questions, reminders, tasks
from exponential.assistant.tools.base import Deps, ToolSpec, spec_of
from exponential.workspace.text.markdown import plain

_OWNERS = [
    *(tasks.tools, projects.tools, meetings.tools, questions.tools),
    *(reminders.tools, memory.tools, notes.tools, briefing.tools),
]
OWNER = CombinedToolset[Deps](_OWNERS)
GUEST = notes.guest_tools


def specs() -> dict[str, ToolSpec]:
    """What each tool declares, by its name."""
    return {name: spec_of(tool) for toolset in (*_OWNERS, GUEST) for name, tool in toolset.tools.items()}


def find(name: str) -> ToolSpec | None:
    """What the tool of this name declares; None for one that isn't ours (any more)."""
    return next((spec_of(each.tools[name]) for each in (*_OWNERS, GUEST) if name in each.tools), None)


def tell(name: str, args: dict[str, Any], result: dict[str, Any], now: datetime) -> str:
    """What a call came to, in Markdown. `now` is the user's local time."""
    if "error" in result:
        return plain(str(result["error"]))
    spec = find(name)
    if spec is not None and spec.tell is not None:
        return spec.tell(args, result, now)
    return f"{((spec and spec.done) or name.replace('_', ' ').capitalize()).rstrip(':')}: done."
