"""The tool that answers questions about the user's own data."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic_ai import RunContext

from exponential.assistant.tools.base import Args, Deps, Result, Toolset, ToolSpec
from exponential.workspace import queries, tasks
from exponential.workspace.text.markdown import beginning, count, plain, when

MAX_NAMED = 10  # records named in an answer
MAX_TEXT = 300  # characters of a note that is named among others

tools = Toolset()


def _answered(args: Args, result: Result, now: datetime) -> str:
    number, about = result["count"], result["about"].replace("_", " ").removesuffix("s")
    status = args.get("status")
    kind = "" if status in (None, "all", "active") else f"{str(status).replace('_', ' ')} "
    head = count(number, f"{kind}{about}")
    if args.get("without"):
        head += f" without a {args['without'].replace('_', ' ').replace('due', 'due date')}"
    if result.get("compared"):
        other = result["compared"]["count"]
        word = "more than" if number > other else "fewer than" if number < other else "as many as"
        head += f" — {word} the {other} of the other time" if number != other else " — as many as the other time"
    longest = MAX_TEXT if number > 1 else None
    lines = [f"- {_record(record, now, longest)}" for record in result["records"][:MAX_NAMED]]
    if result.get("groups"):
        lines = [f"- {plain(name)}: {size}" for name, size in result["groups"].items()]
    if number > MAX_NAMED and not result.get("groups"):
        lines.append(f"- … and {number - MAX_NAMED} more")
    return head + (":\n\n" + "\n".join(lines) if lines else ".")


def _record(record: Result, now: datetime, longest: int | None) -> str:
    name = record.get("title") or record.get("name") or beginning(record["text"], longest)
    at = next((record[key] for key in ("done_on", "due", "held_on", "at", "left_at") if record.get(key)), None)
    sender = f"{plain(record['from'])}: " if record.get("from") else ""
    return f"{sender}**{plain(name)}**{f' ({when(at, now)})' if at else ''}"


@tools.declare(ToolSpec("Looking through your workspace", tell=_answered))
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
