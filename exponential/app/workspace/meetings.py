"""The meeting pages: import, minutes, action items that become tasks, and search."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import File, Form, Path, Query, Request, UploadFile
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.core import undo
from exponential.app.core.pagination import Number, paged
from exponential.app.core.rendering import page as shown
from exponential.app.core.rendering import wants_json
from exponential.app.core.state import IN_TURN, SignedIn, TheState
from exponential.auth.users import User
from exponential.core.errors import BadInput
from exponential.core.http.routes import Router
from exponential.workspace import tasks
from exponential.workspace.meetings import meetings, transcript_import, transcripts
from exponential.workspace.meetings.meetings import Hit
from exponential.workspace.text import zones

router = Router()
MAX_UPLOAD_BYTES = transcripts.MAX_BYTES + 1_000_000  # of the whole form
LINES_PER_PAGE = 400  # lines of a transcript on one page
SHOWN_LINE_CHARS = 1_000  # of a line there; a longer one has a page of its own
MAX_PASTED_CHARS = 900_000  # a form's text field holds 1 MB


@router.get("/meetings", dependencies=[IN_TURN])
async def meetings_page(
    request: Request,
    state: TheState,
    user: SignedIn,
    q: Annotated[str, Query(max_length=200)] = "",
    page: Number = 1,
) -> Response:
    """All meetings, or the lines that a search for `q` found."""
    wanted = q.strip()
    async with state.database.transaction() as session:
        hits = await _search(session, user.id, wanted) if wanted else []
        pages, found = await paged(session, meetings.held(user.id), page)
        counts = await meetings.counts(session, [meeting.id for meeting in found])
        context = await undo.toast(request, session, user)
    return await shown(
        request,
        "meetings.html",
        live="_meetings.html",
        meetings=found,
        pages=pages,
        counts=counts,
        hits=hits,
        wanted=wanted,
        part_of=part_of,
        today=zones.today_of(user),
        **context,
    )


@router.get("/meetings/import")
async def import_page(request: Request, state: TheState, user: SignedIn) -> Response:
    return await _import(request, user)


@router.post("/meetings", max_body_size=MAX_UPLOAD_BYTES)
async def create(
    request: Request,
    state: TheState,
    user: SignedIn,
    title: Annotated[str, Form()] = "",
    held_on: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """A transcript, pasted or as a file, is kept and its minutes are taken; then the page of the meeting."""
    try:
        source, name = await _source(file, text)
        if not source:
            raise BadInput("Paste what was said, or choose a file.", code="transcript_missing")
        today = zones.today_of(user)
        found = await transcript_import.read(source, name, caller=str(user.id), today=today, held_on=_day(held_on))
        async with undo.act_of(state, user, "import_meeting", title=title or None) as this:
            meeting = await meetings.import_meeting(this.session, user.id, found, title.strip() or None)
            this.tell(f"“{meeting.title}”")
    except BadInput as error:
        if wants_json(request):
            raise
        return await _import(request, user, status=error.status, error=str(error), title=title, text=text)
    return undo.answer(request, this.act, f"/meetings/{meeting.id}")


@router.get("/meetings/{meeting_id}", dependencies=[IN_TURN])
async def meeting_page(
    request: Request, state: TheState, user: SignedIn, meeting_id: UUID, part: Annotated[int, Query(ge=1, le=100)] = 1
) -> Response:
    """The minutes, and a part of what was said: all of it, unless it is long."""
    async with state.database.transaction() as session:
        meeting = await meetings.find(session, user.id, meeting_id)
        decisions = await meetings.items(session, meeting, "decision")
        actions = await meetings.items(session, meeting, "action")
        lines = await meetings.lines(session, meeting, (part - 1) * LINES_PER_PAGE, LINES_PER_PAGE)
        said = await meetings.count_lines(session, meeting)
        made = {task.id: task for task in await tasks.by_ids(session, [one.task_id for one in actions if one.task_id])}
        context = await undo.toast(request, session, user)
    return await shown(
        request,
        "meeting.html",
        live="_meeting.html",
        meeting=meeting,
        decisions=decisions,
        actions=actions,
        made=made,
        waiting=[item for item in actions if item.task_id is None],
        lines=lines,
        line_shown=SHOWN_LINE_CHARS,
        said=said,
        part=part,
        parts=-(-said // LINES_PER_PAGE),
        part_of=part_of,
        speakers=len({line.speaker for line in lines if line.speaker}) if said <= LINES_PER_PAGE else 0,
        today=zones.today_of(user),
        **context,
    )


@router.get("/meetings/{meeting_id}/lines/{number}", dependencies=[IN_TURN])
async def line_page(
    request: Request,
    state: TheState,
    user: SignedIn,
    meeting_id: UUID,
    number: Annotated[int, Path(ge=1, le=transcripts.MAX_LINES)],
) -> Response:
    """All of one line; the meeting's page shows the beginning of a long one."""
    async with state.database.transaction() as session:
        meeting = await meetings.find(session, user.id, meeting_id)
        line = await meetings.line(session, meeting, number)
    return await shown(request, "line.html", meeting=meeting, line=line, part_of=part_of)


@router.post("/meetings/{meeting_id}/tasks")
async def make_tasks(
    request: Request,
    state: TheState,
    user: SignedIn,
    meeting_id: UUID,
    item: Annotated[list[UUID] | None, Form()] = None,
) -> Response:
    """Tasks of these action items, or of all that have none yet."""
    async with undo.act_of(state, user, "create_task", meeting=str(meeting_id)) as this:
        meeting = await meetings.find(this.session, user.id, meeting_id)
        actions = await meetings.items(this.session, meeting, "action")
        chosen = item if item is not None else [one.id for one in actions if one.task_id is None]
        if not chosen or not set(chosen) <= {one.id for one in actions}:
            raise BadInput("None of these action items is left to make a task of.", code="nothing_chosen")
        for item_id in chosen:
            action = await meetings.without_task(this.session, user.id, item_id)
            task = await tasks.create_task(this.session, user.id, action.text[: tasks.MAX_TITLE_CHARS], action.due_on)
            action.task_id = task.id
        this.tell(f"“{task.title}”" if len(chosen) == 1 else f"of {len(chosen)} action items")
    return undo.answer(request, this.act, f"/meetings/{meeting_id}")


@router.post("/meetings/{meeting_id}/delete")
async def delete(
    request: Request, state: TheState, user: SignedIn, meeting_id: UUID, sure: Annotated[str, Form()] = ""
) -> Response:
    """For good, so the form says `sure=yes`."""
    if sure != "yes":
        raise BadInput("Deleting a meeting can’t be undone. Confirm it on its page.", code="not_confirmed")
    async with undo.act_of(state, user, "delete_meeting", meeting=str(meeting_id)) as this:
        this.tell(f"“{(await meetings.delete_meeting(this.session, user.id, meeting_id)).title}”")
    return undo.answer(request, this.act, "/meetings", undo=False)


def part_of(line: int) -> str:
    """The query of the page that has this line of a meeting; nothing for the first one."""
    part = (line - 1) // LINES_PER_PAGE + 1
    return f"?part={part}" if part > 1 else ""


async def _source(file: UploadFile | None, text: str) -> tuple[bytes | str, str]:
    """The transcript, and its file's name; browsers send an empty file where none was chosen."""
    if file is not None and (file.size or file.filename):
        return await file.read(), file.filename or ""
    return text, ""


async def _import(
    request: Request, user: User, *, status: int = 200, error: str = "", title: str = "", text: str = ""
) -> Response:
    return await shown(
        request,
        "meeting_import.html",
        status=status,
        error=error,
        draft_title=title,
        draft_text=text,
        max_title=meetings.MAX_TITLE_CHARS,
        max_text=MAX_PASTED_CHARS,
        today=zones.today_of(user),
    )


async def _search(session: AsyncSession, user_id: UUID, wanted: str) -> list[Hit]:
    try:
        return await meetings.search(session, user_id, wanted)
    except BadInput:
        return []  # "the" and the like: there is nothing to look for


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput("The day can't be read; it looks like 2026-11-30.", code="day_invalid") from None
