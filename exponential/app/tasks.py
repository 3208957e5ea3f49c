"""The task list page."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from exponential.app.pages import fragment, page, wants_json
from exponential.app.state import SignedIn, State, TheState
from exponential.auth.users import User
from exponential.errors import BadInput
from exponential.workspace import tasks

router = APIRouter()
RECENTLY_DONE = 50


@router.get("/tasks")
async def tasks_page(request: Request, state: TheState, user: SignedIn) -> Response:
    return await _tasks_page(request, state, user)


@router.get("/tasks/list")
async def listing(request: Request, state: TheState, user: SignedIn) -> Response:
    """The lists alone, as HTML."""
    return fragment(request, "_tasks.html", **await _lists(state, user))


@router.post("/tasks")
async def create(
    request: Request,
    state: TheState,
    user: SignedIn,
    title: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
) -> Response:
    """`due` is an ISO date or empty."""
    try:
        async with state.database.transaction() as session:
            await tasks.create_task(session, user.id, title, _day(due))
    except BadInput as error:
        if wants_json(request):
            raise
        return await _tasks_page(request, state, user, status=error.status, error=str(error), draft=title)
    return _done(request)


@router.post("/tasks/{task_id}/complete")
async def complete(request: Request, state: TheState, user: SignedIn, task_id: UUID) -> Response:
    async with state.database.transaction() as session:
        await tasks.complete_task(session, user.id, task_id)
    return _done(request)


@router.post("/tasks/{task_id}/reopen")
async def reopen(request: Request, state: TheState, user: SignedIn, task_id: UUID) -> Response:
    async with state.database.transaction() as session:
        await tasks.reopen_task(session, user.id, task_id)
    return _done(request)


@router.get("/tasks/events")
async def events(state: TheState, user: SignedIn) -> Response:
    """Server-sent events: `changed` whenever the user's workspace has news."""
    return state.board.stream(tasks.CHANNEL, str(user.id))


async def _tasks_page(
    request: Request, state: State, user: User, *, status: int = 200, error: str = "", draft: str = ""
) -> Response:
    return await page(
        request,
        "tasks.html",
        status=status,
        error=error,
        draft=draft,
        max_title=tasks.MAX_TITLE,
        **await _lists(state, user),
    )


async def _lists(state: State, user: User) -> dict[str, Any]:
    async with state.database.transaction() as session:
        everything = await tasks.list_tasks(session, user.id, "all")
    done = sorted((task for task in everything if task.done_at), key=lambda task: task.done_at or task.created_at)
    return {
        "open_tasks": [task for task in everything if not task.done_at],
        "done_tasks": done[: -RECENTLY_DONE - 1 : -1],
        "done_count": len(done),
        "today": tasks.today_of(user),
        "zone": tasks.zone_of(user),
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput("The due date can't be read; it looks like 2026-11-30.", code="due_invalid") from None


def _done(request: Request) -> Response:
    return Response(status_code=204) if wants_json(request) else RedirectResponse("/tasks", 303)
