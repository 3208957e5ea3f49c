"""Tools for projects."""

from datetime import date
from typing import Any, Literal

from pydantic_ai import FunctionToolset, RunContext

from exponential.assistant.turns.ledger import Deps
from exponential.workspace import project_status as progress
from exponential.workspace import projects
from exponential.workspace.text.zones import zone_of

tools = FunctionToolset[Deps]()


@tools.tool
async def create_project(ctx: RunContext[Deps], name: str, review_on: date | None = None) -> dict[str, Any]:
    """Start a project that tasks can belong to.

    Args:
        name: What it is called.
        review_on: Day on which the user wants to look at it again, if one was named.
    """
    project = await projects.create_project(ctx.deps.session, ctx.deps.user.id, name, review_on)
    return {"project": project.as_json()}


@tools.tool
async def list_projects(ctx: RunContext[Deps], status: projects.State | Literal["all"] = "active") -> dict[str, Any]:
    """List the user's projects.

    Args:
        status: active, on_hold, done or all.
    """
    found = await projects.list_projects(ctx.deps.session, ctx.deps.user.id, status)
    return {"count": len(found), "projects": [project.as_json() for project in found]}


@tools.tool
async def project_status(ctx: RunContext[Deps], project: str) -> dict[str, Any]:
    """How a project stands: progress, what is overdue, what comes next, whether it is at risk and why.

    Args:
        project: Its id, or its name or part of it.
    """
    stands = await progress.project_status(ctx.deps.session, ctx.deps.user.id, project)
    return {"status": stands.as_json(zone_of(ctx.deps.user))}


@tools.tool
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
    changed = await projects.update_project(
        ctx.deps.session, ctx.deps.user.id, project, name=name, status=status, review_on=review_on, note=note
    )
    return {"project": changed.as_json()}
