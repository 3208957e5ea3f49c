"""The tool that answers questions about the user's own data."""

from datetime import date
from typing import Any, Literal

from pydantic_ai import FunctionToolset, RunContext

from exponential.assistant.turns.ledger import Deps
from exponential.workspace import queries, tasks

tools = FunctionToolset[Deps]()


@tools.tool
async def query(
    ctx: RunContext[Deps],
    about: queries.About,
    status: queries.Status | None = None,
    since: date | None = None,
    until: date | None = None,
    due: Literal["today", "tomorrow", "week"] | None = None,
    created: bool = False,
    project: str | None = None,
    priority: tasks.Priority | None = None,
    owner: str | None = None,
    without: queries.Without | None = None,
    group_by: queries.GroupBy | None = None,
    compare_since: date | None = None,
    compare_until: date | None = None,
) -> dict[str, Any]:
    """Count, filter, group and compare the user's records, and name them. Answer from what it returns alone.

    Args:
        about: Which records. "notes" are those that the user kept and guests left.
        status: For tasks open (if not given), done, overdue or all; for projects active, on_hold, done, overdue or
            at_risk.
        since: First day of a range: when tasks were done (with status done) or are due, or meetings were held.
        until: Last day of that range.
        due: Only tasks due by then.
        created: The range is about when tasks were made.
        project: Only tasks of this project.
        priority: Only tasks of this priority.
        owner: Only action items of this person; "me" is the user.
        without: Only tasks without a due date or project, or active projects without a next step.
        group_by: Count in groups.
        compare_since: First day of a second range to compare with.
        compare_until: Last day of it.
    """
    question = queries.Question(
        about,
        status,
        since,
        until,
        due=due,
        created=created,
        project=project,
        priority=priority,
        owner=owner,
        without=without,
        group_by=group_by,
        compare_since=compare_since,
        compare_until=compare_until,
    )
    return await queries.answer(ctx.deps.session, ctx.deps.user.id, question)
