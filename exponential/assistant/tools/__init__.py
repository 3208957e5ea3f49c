"""Paddy's tools: thin wrappers over the workspace's use-cases, each limited to the user of the turn.

Their names are stable: people see them in the audit, over MCP and in `ask --json`. `OWNER` is what the owner's Paddy
has, `GUEST` what that of other people has.
"""

from pydantic_ai import CombinedToolset

from exponential.assistant.tools import briefing, meetings, memory, notes, projects, questions, reminders, tasks
from exponential.assistant.turns.ledger import Deps

OWNER = CombinedToolset[Deps](
    [
        *(tasks.tools, projects.tools, meetings.tools, questions.tools),
        *(reminders.tools, memory.tools, notes.tools, briefing.tools),
    ]
)
GUEST = notes.guest_tools
OF_FILES = frozenset(("import_meeting",))  # what a file may set off that came without a word
