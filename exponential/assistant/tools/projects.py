"""Tools for projects."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic_ai import RunContext

from exponential.assistant.tools.base import Args, Deps, Result, Toolset, ToolSpec
from exponential.workspace import project_status as progress
from exponential.workspace import projects
from exponential.workspace.changes import named
from exponential.workspace.projects import ProjectChanges
from exponential.workspace.text.markdown import count, numbered, plain, task, when
from exponential.workspace.text.zones import zone_of

tools = Toolset()
_STATUS = {"active": "active", "on_hold": "on hold", "done": "done"}


def _created(_args: Args, result: Result, now: datetime) -> str:
    review = result["project"]["review_on"]
    return f"Started project **{plain(result['project']['name'])}**{f', review {when(review, now)}' if review else ''}."


@tools.declare(ToolSpec("Starting a project", done="Started project", tell=_created))
async def create_project(ctx: RunContext[Deps], name: str, review_on: date | None = None) -> dict[str, Any]:
    """Start a project that tasks can belong to.

    Args:
        name: What it is called.
        review_on: Day on which the user wants to look at it again, if one was named.
    """
    project = await projects.create_project(ctx.deps.session, ctx.deps.user.id, name, review_on)
    return {"project": project.as_json()}


def _listed(args: Args, result: Result, now: datetime) -> str:
    status = args.get("status", "active")
    kind = "" if status == "all" else f"{_STATUS[status]} "
    if not result["projects"]:
        return f"You have no {kind}projects."
    lines = [_project(project, now) for project in result["projects"]]
    return f"You have {count(result['count'], f'{kind}project')}:\n\n" + numbered(lines)


def _project(project: Result, now: datetime) -> str:
    review = f", review {when(project['review_on'], now)}" if project["review_on"] else ""
    return f"**{plain(project['name'])}** ({_STATUS[project['status']]}{review})"


@tools.declare(ToolSpec("Looking at your projects", tell=_listed))
async def list_projects(ctx: RunContext[Deps], status: projects.State | Literal["all"] = "active") -> dict[str, Any]:
    """List the user's projects.

    Args:
        status: active, on_hold, done or all.
    """
    found = await projects.list_projects(ctx.deps.session, ctx.deps.user.id, status)
    return {"count": len(found), "projects": [project.as_json() for project in found]}


def _stands(_args: Args, result: Result, now: datetime) -> str:
    stands = result["status"]
    total = stands["open"] + stands["done"]
    project = stands["project"]
    lines = [f"**{plain(project['name'])}** ({_STATUS[project['status']]}): "]
    lines[0] += f"{stands['done']} of {count(total, 'task')} done ({stands['percent']}%)." if total else "no tasks yet."
    if stands["next"]:
        lines.append(f"Next: {task(stands['next'], now)}")
    if stands["overdue"]:
        lines.append("Overdue: " + "; ".join(task(late, now) for late in stands["overdue"][:5]))
    if stands["at_risk"]:
        lines.append("⚠️ At risk: " + " ".join(plain(risk) for risk in stands["risks"]))
    if project["note"]:
        lines.append(f"Last update: {plain(project['note'])}")
    return "\n".join([lines[0], *(f"- {line}" for line in lines[1:])]).replace("\n", "\n\n", 1)


@tools.declare(ToolSpec("Looking at the project", tell=_stands))
async def project_status(ctx: RunContext[Deps], project: str) -> dict[str, Any]:
    """How a project stands: progress, what is overdue, what comes next, whether it is at risk and why.

    Args:
        project: Its id, or its name or part of it.
    """
    stands = await progress.project_status(ctx.deps.session, ctx.deps.user.id, project)
    return {"status": stands.as_json(zone_of(ctx.deps.user))}


def _updated(args: Args, result: Result, now: datetime) -> str:
    note = f" Noted: {plain(result['project']['note'])}" if args.get("note") else ""
    return f"Updated {_project(result['project'], now)}.{note}"


@tools.declare(ToolSpec("Updating a project", done="Updated project", tell=_updated))
async def update_project(
    ctx: RunContext[Deps],
    project: str,
    name: str | None = None,
    status: projects.State | None = None,
    review_on: date | Literal["none"] | None = None,
    note: str | None = None,
) -> dict[str, Any]:
    """Change a project, or note what is new in it; what isn't given stays.

    Args:
        project: Its id, or its name or part of it.
        name: Its new name.
        status: active, on_hold or done.
        review_on: Day of its next review, or "none".
        note: A status update in the user's words.
    """
    changes = ProjectChanges(named(name), named(status), None if review_on == "none" else named(review_on), named(note))
    changed = await projects.update_project(ctx.deps.session, ctx.deps.user.id, project, changes)
    return {"project": changed.as_json()}
