"""The project pages: how each stands, and changing one."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request
from fastapi.responses import Response

from exponential.app.core import undo
from exponential.app.core.pagination import Number, Page, paged
from exponential.app.core.rendering import page as shown
from exponential.app.core.rendering import wants_json
from exponential.app.core.state import IN_TURN, SignedIn, State, TheState
from exponential.app.workspace.task_lists import grouped
from exponential.auth.users import User
from exponential.core.errors import BadInput, Conflict
from exponential.core.http.routes import Router
from exponential.workspace import project_status, projects, tasks
from exponential.workspace.changes import named
from exponential.workspace.projects import ProjectChanges
from exponential.workspace.projects import State as Status
from exponential.workspace.text import zones

router = Router()
MAX_DONE_SHOWN = 50
PROJECTS_PER_PAGE = 100  # projects on a page
STATUSES = (("active", "Active"), ("on_hold", "On hold"), ("done", "Done"))


@router.get("/projects", dependencies=[IN_TURN])
async def projects_page(request: Request, state: TheState, user: SignedIn, page: Number = 1) -> Response:
    return await _list(request, state, user, number=page)


@router.post("/projects", dependencies=[IN_TURN])
async def create(
    request: Request,
    state: TheState,
    user: SignedIn,
    name: Annotated[str, Form()] = "",
    review_on: Annotated[str, Form()] = "",
) -> Response:
    try:
        async with undo.act_of(state, user, "create_project", name=name) as this:
            project = await projects.create_project(this.session, user.id, name, _day(review_on))
            this.tell(f"“{project.name}”")
    except (BadInput, Conflict) as error:
        if wants_json(request):
            raise
        return await _list(request, state, user, status=error.status, error=str(error), draft=name)
    return undo.answer(request, this.act, "/projects")


@router.get("/projects/{project_id}", dependencies=[IN_TURN])
async def project_page(
    request: Request, state: TheState, user: SignedIn, project_id: UUID, page: Number = 1
) -> Response:
    async with state.database.transaction() as session:
        stands = await project_status.project_status(session, user.id, project_id)
        is_open = await tasks.list_ids(session, user.id, tasks.TaskFilter("open", project=project_id))
        done = await tasks.list_ids(session, user.id, tasks.TaskFilter("done", project=project_id))
        pages = Page(page, len(is_open))
        listed = await tasks.by_ids(session, pages.of(is_open))
        done_tasks = await tasks.by_ids(session, done[:MAX_DONE_SHOWN])
        context = await undo.toast(request, session, user)
    today = zones.today_of(user)
    return await shown(
        request,
        "project.html",
        live="_project.html",
        stands=stands,
        project=stands.project,
        groups=grouped(listed, today),
        pages=pages,
        done_tasks=done_tasks,
        done_count=len(done),
        max_title=tasks.MAX_TITLE_CHARS,
        **_shared(user),
        **context,
    )


@router.get("/projects/{project_id}/edit", dependencies=[IN_TURN])
async def edit_page(request: Request, state: TheState, user: SignedIn, project_id: UUID) -> Response:
    return await _edit(request, state, user, project_id)


@router.post("/projects/{project_id}", dependencies=[IN_TURN])
async def update(
    request: Request,
    state: TheState,
    user: SignedIn,
    project_id: UUID,
    name: Annotated[str, Form()] = "",
    status: Annotated[Status, Form()] = "active",
    review_on: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """All fields as the form has them, but an empty `note` leaves the last one."""
    try:
        async with undo.act_of(state, user, "update_project", project=str(project_id)) as this:
            before = await projects.find(this.session, user.id, project_id)
            news = note.strip() if note.strip() != (before.note or "") else ""
            changes = ProjectChanges(name, status, _day(review_on), named(news or None))
            changed = await projects.update_project(this.session, user.id, project_id, changes)
            this.tell(f"“{changed.name}”")
    except (BadInput, Conflict) as error:
        if wants_json(request):
            raise
        return await _edit(request, state, user, project_id, status=error.status, error=str(error))
    return undo.answer(request, this.act, f"/projects/{project_id}")


async def _list(
    request: Request,
    state: State,
    user: User,
    *,
    number: int = 1,
    status: int = 200,
    error: str = "",
    draft: str = "",
) -> Response:
    async with state.database.transaction() as session:
        pages, known = await paged(session, projects.by_status(user.id), number, PROJECTS_PER_PAGE)
        everything = await project_status.of_projects(session, user.id, known)
        context = await undo.toast(request, session, user)
    groups = [(name, [one for one in everything if one.project.status == value]) for value, name in STATUSES]
    groups[0][1].sort(key=lambda one: not one.risks)  # those at risk first
    return await shown(
        request,
        "projects.html",
        status=status,
        live="_projects.html",
        groups=[(name, found) for name, found in groups if found],
        pages=pages,
        error=error,
        draft=draft,
        max_name=projects.MAX_NAME_CHARS,
        **_shared(user),
        **context,
    )


async def _edit(
    request: Request, state: State, user: User, project_id: UUID, *, status: int = 200, error: str = ""
) -> Response:
    async with state.database.transaction() as session:
        project = await projects.find(session, user.id, project_id)
    return await shown(
        request,
        "project_edit.html",
        status=status,
        live="_project_edit.html",
        project=project,
        error=error,
        statuses=STATUSES,
        max_name=projects.MAX_NAME_CHARS,
        max_note=projects.MAX_NOTE_CHARS,
    )


def _shared(user: User) -> dict[str, Any]:
    return {"today": zones.today_of(user), "zone": zones.zone_of(user), "status_names": dict(STATUSES)}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput("The review date can't be read; it looks like 2026-11-30.", code="review_invalid") from None
