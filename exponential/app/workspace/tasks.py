"""The task pages: lists, quick add, editing, and many at once."""

from datetime import date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Form, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.core import undo
from exponential.app.core.pagination import Number
from exponential.app.core.rendering import day_name, page, wants_json
from exponential.app.core.state import IN_TURN, SignedIn, State, TheState
from exponential.app.core.theme import came_from
from exponential.app.workspace import quick_add, task_lists
from exponential.app.workspace.task_lists import ListFilter, View
from exponential.auth.users import User
from exponential.core.errors import BadInput, Conflict
from exponential.core.http.routes import Router
from exponential.workspace import history, projects, tasks
from exponential.workspace.changes import UNCHANGED, named
from exponential.workspace.tasks import Priority, TaskChanges
from exponential.workspace.text import zones

router = Router()
MAX_BULK_TASKS = 500


@router.get("/tasks", dependencies=[IN_TURN])
async def tasks_page(
    request: Request,
    state: TheState,
    user: SignedIn,
    view: View = "open",
    project: Annotated[str, Query(max_length=64)] = "",
    priority: Priority | Literal[""] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    select: bool = False,
    page: Number = 1,
) -> Response:
    return await _page(request, state, user, ListFilter(view, project, priority, q.strip(), select, page))


@router.get("/tasks/events")
async def events(state: TheState, user: SignedIn) -> Response:
    """Server-sent events: `changed` whenever the user's workspace has news."""
    return state.live_updates.stream(history.CHANNEL, str(user.id))


@router.get("/tasks/reading")
async def reading(
    state: TheState, user: SignedIn, title: Annotated[str, Query(max_length=tasks.MAX_TITLE_CHARS)] = ""
) -> Any:
    """How the quick add would read a line: {"due", "priority", "project"}, each a few words or empty."""
    async with state.database.transaction() as session:
        read = await quick_add.read(session, user, title)
    return JSONResponse(
        {
            "due": _in_words(read.due, zones.today_of(user)) if read.due else "",
            "priority": read.priority.capitalize() if read.priority else "",
            "project": read.project_name or "",
        }
    )


@router.post("/tasks", dependencies=[IN_TURN])
async def create(
    request: Request,
    state: TheState,
    user: SignedIn,
    title: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    at: Annotated[str, Form()] = "",
    priority: Annotated[Priority | Literal[""], Form()] = "",
    project: Annotated[str, Form()] = "",
) -> Response:
    """A task from one line; what the fields say goes before what the line says. `due` is an ISO date or empty, `at` an
    ISO time, `project` an id."""
    try:
        async with undo.act_of(state, user, "create_task", title=title) as this:
            read = await quick_add.read(this.session, user, title)
            task = await tasks.create_task(
                this.session,
                user.id,
                read.title,
                _moment(due, at, zones.today_of(user)) or read.due,
                priority=priority or read.priority or "normal",
                project=_id(project, "project") if project else read.project,
            )
            this.tell(f"“{task.title}”")
    except BadInput as error:
        if wants_json(request):
            raise
        return await _page(request, state, user, ListFilter(), status=error.status, error=str(error), draft=title)
    return undo.answer(request, this.act, _back(request))


@router.post("/tasks/bulk")
async def bulk(
    request: Request,
    state: TheState,
    user: SignedIn,
    do: Annotated[Literal["complete", "reopen", "delete", "change"], Form()],
    task: Annotated[list[UUID] | None, Form()] = None,
    due: Annotated[str, Form()] = "",
    priority: Annotated[Priority | Literal[""], Form()] = "",
    project: Annotated[str, Form()] = "",
) -> Response:
    """One act on many tasks. The fields are those of `change`: what is empty stays; `project` may be "none"."""
    chosen = list(dict.fromkeys(task or []))
    if not chosen or len(chosen) > MAX_BULK_TASKS:
        raise BadInput(f"Choose between 1 and {MAX_BULK_TASKS} tasks first.", code="nothing_chosen")
    name = {"change": "update_task"}.get(do, f"{do}_task")
    async with undo.act_of(state, user, name, tasks=[str(task_id) for task_id in chosen]) as this:
        for task_id in chosen:
            await _do(this.session, user, do, task_id, due, priority, project)
        this.tell("1 task" if len(chosen) == 1 else f"{len(chosen)} tasks")
    return undo.answer(request, this.act, _back(request))


@router.get("/tasks/{task_id}", dependencies=[IN_TURN])
async def task_page(request: Request, state: TheState, user: SignedIn, task_id: UUID) -> Response:
    return await _task_page(request, state, user, task_id)


@router.post("/tasks/{task_id}", dependencies=[IN_TURN])
async def update(
    request: Request,
    state: TheState,
    user: SignedIn,
    task_id: UUID,
    title: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    at: Annotated[str, Form()] = "",
    priority: Annotated[Priority, Form()] = "normal",
    project: Annotated[str, Form()] = "",
) -> Response:
    """All fields as the form has them: what is empty is taken away."""
    try:
        async with undo.act_of(state, user, "update_task", task=str(task_id)) as this:
            changes = TaskChanges(
                title,
                _moment(due, at, zones.today_of(user)),
                keep_time=False,
                priority=priority,
                project=_id(project, "project") if project else None,
            )
            changed = await tasks.update_task(this.session, user.id, task_id, changes)
            this.tell(f"“{changed.title}”")
    except BadInput as error:
        if wants_json(request):
            raise
        return await _task_page(request, state, user, task_id, status=error.status, error=str(error))
    return undo.answer(request, this.act, "/tasks")


@router.post("/tasks/{task_id}/{what}")
async def one(
    request: Request,
    state: TheState,
    user: SignedIn,
    task_id: UUID,
    what: Literal["complete", "reopen", "delete"],
) -> Response:
    verb = {"complete": tasks.complete_task, "reopen": tasks.reopen_task, "delete": tasks.delete_task}[what]
    async with undo.act_of(state, user, f"{what}_task", task=str(task_id)) as this:
        this.tell(f"“{(await verb(this.session, user.id, task_id)).title}”")
    back = _back(request)
    return undo.answer(request, this.act, "/tasks" if back.startswith("/tasks/") else back)


async def _do(
    session: AsyncSession,
    user: User,
    do: str,
    task_id: UUID,
    due: str,
    priority: Priority | Literal[""],
    project: str,
) -> None:
    if do == "complete":
        try:
            await tasks.complete_task(session, user.id, task_id)
        except Conflict:
            pass  # done already: as it was wanted
    elif do == "reopen":
        await tasks.reopen_task(session, user.id, task_id)
    elif do == "delete":
        await tasks.delete_task(session, user.id, task_id)
    else:
        changes = TaskChanges(
            due=named(_moment(due, "", zones.today_of(user))),
            priority=priority or UNCHANGED,
            project=None if project == "none" else _id(project, "project") if project else UNCHANGED,
        )
        await tasks.update_task(session, user.id, task_id, changes)


async def _page(
    request: Request,
    state: State,
    user: User,
    shown: ListFilter,
    *,
    status: int = 200,
    error: str = "",
    draft: str = "",
) -> Response:
    async with state.database.transaction() as session:
        context = await task_lists.lists(session, user, shown)
        context |= await undo.toast(request, session, user)
    return await page(
        request,
        "tasks.html",
        status=status,
        live="_tasks.html",
        error=error,
        draft=draft,
        max_title=tasks.MAX_TITLE_CHARS,
        views=task_lists.VIEWS,
        priorities=tasks.PRIORITIES,
        **context,
    )


async def _task_page(
    request: Request, state: State, user: User, task_id: UUID, *, status: int = 200, error: str = ""
) -> Response:
    async with state.database.transaction() as session:
        task = await tasks.get_task(session, user.id, task_id)
        known = await projects.choices(session, user.id, task.project)
    zone = zones.zone_of(user)
    return await page(
        request,
        "task.html",
        status=status,
        live="_task.html",
        error=error,
        task=task,
        zone=zone,
        projects=known,
        priorities=tasks.PRIORITIES,
        max_title=tasks.MAX_TITLE_CHARS,
    )


def _moment(due: str, at: str, today: date) -> date | datetime | None:
    """A day, or a local time without offset; a time alone is today's."""
    try:
        day = date.fromisoformat(due) if due else None
        clock_time = time.fromisoformat(at).replace(tzinfo=None) if at else None
    except ValueError:
        raise BadInput("The due date can't be read; it looks like 2026-11-30.", code="due_invalid") from None
    if clock_time is None:
        return day
    return datetime.combine(day or today, clock_time)


def _in_words(due: date | datetime, today: date) -> str:
    if isinstance(due, datetime):
        return f"{day_name(due.date(), today)}, {due:%H:%M}"
    return day_name(due, today)


def _id(text: str, noun: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(f"This {noun} can't be read.", code=f"{noun}_invalid") from None


def _back(request: Request) -> str:
    back = came_from(request)
    return back if back != "/" else "/tasks"
