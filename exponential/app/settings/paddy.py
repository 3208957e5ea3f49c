"""Settings of Paddy: the model and what it used, what Paddy remembers, reminders, and what was done, with undo."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from exponential.app.api.approvals import MAX_SHOWN_CHARS
from exponential.app.core import action_names
from exponential.app.core.pagination import Number, paged
from exponential.app.core.state import IN_TURN, SignedIn, TheState
from exponential.app.settings.account import back, settings_page
from exponential.assistant import approvals
from exponential.assistant.llm import usage
from exponential.core import clock
from exponential.core.http.routes import Router
from exponential.workspace import facts, history, reminders
from exponential.workspace.history import Act, Change
from exponential.workspace.text.zones import zone_of

router = Router(prefix="/settings")
USAGE_DAYS = 30
ACTS_PER_PAGE = 100
ROWS_PER_PAGE = 100  # facts and reminders on a page


@router.get("/paddy", dependencies=[IN_TURN])
async def paddy_page(
    request: Request, state: TheState, user: SignedIn, facts_page: Number = 1, reminders_page: Number = 1
) -> Response:
    async with state.database.transaction() as session:
        used = await usage.summary(session, user.id, clock.now() - timedelta(days=USAGE_DAYS))
        facts_shown, known = await paged(session, facts.remembered(user.id), facts_page, ROWS_PER_PAGE)
        reminders_shown, waiting = await paged(session, reminders.to_come(user.id), reminders_page, ROWS_PER_PAGE)
        required = await approvals.is_required(session, user.id)
        held = await approvals.waiting(session, user.id, MAX_SHOWN_CHARS)
        held_in_all = len(await approvals.pending_of(session, user.id))
    most = max((day.tokens for day in used.days.values()), default=0)
    return await settings_page(
        request,
        "settings-paddy.html",
        model=_model(state.settings.model),
        used=used.total,
        days=[(day, spent, round(100 * spent.tokens / most) if most else 0) for day, spent in used.days.items()][::-1],
        usage_days=USAGE_DAYS,
        limit=state.settings.daily_tokens,
        facts=known,
        facts_page=facts_shown,
        reminders=waiting,
        reminders_page=reminders_shown,
        reachable=await state.channels.can_reach(user) if waiting else None,
        required=required,
        held=held,
        held_in_all=held_in_all,
        zone=zone_of(user),
    )


@router.post("/facts/{fact_id}/forget")
async def forget(state: TheState, user: SignedIn, fact_id: UUID) -> Response:
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "forget", "web", {"fact": str(fact_id)})
        await facts.forget(session, user.id, fact_id)
    return back("/paddy", "forgotten")


@router.post("/reminders/{reminder_id}/cancel")
async def cancel(state: TheState, user: SignedIn, reminder_id: UUID) -> Response:
    async with state.database.transaction() as session:
        await history.begin(session, user.id, "cancel_reminder", "web", {"reminder": str(reminder_id)})
        await reminders.cancel_reminder(session, user.id, reminder_id)
    return back("/paddy", "cancelled")


@router.get("/activity", dependencies=[IN_TURN])
async def activity_page(request: Request, state: TheState, user: SignedIn) -> Response:
    async with state.database.transaction() as session:
        found = await history.acts(session, user.id, ACTS_PER_PAGE)
    undoable = {act.id for act, changes in found if changes and not act.undone_at and act.name != history.UNDO}
    zone = zone_of(user)
    return await settings_page(
        request,
        "settings-activity.html",
        acts=[(act, _sentence(act, changes), act.created_at.astimezone(zone)) for act, changes in found],
        undoable=undoable,
        channels=state.channels,
        most=ACTS_PER_PAGE,
    )


@router.post("/activity/{act_id}/undo")
async def undo(state: TheState, user: SignedIn, act_id: UUID) -> Response:
    """Take back one act. 404, or 409 when it can't be taken back (any more)."""
    async with state.database.transaction() as session:
        await history.begin(session, user.id, history.UNDO, "web", {"act": str(act_id)})
        await history.undo_act(session, user.id, act_id)
    return back("/activity", "undone")


def _model(name: str) -> str:
    """The model's name as people know it, without where it is."""
    if not name:
        return ""
    return name.rpartition("#")[2] if "://" in name else name


def _sentence(act: Act, changes: list[Change]) -> str:
    """What was done, and to what: the title, name or text of what it changed, else what was asked for."""
    given = act.args if isinstance(act.args, dict) else {}
    if isinstance(given.get("said"), str):
        return str(given["said"])
    for change in changes:
        state: dict[str, Any] = change.after or change.before or {}
        for key in ("title", "name", "text"):
            if isinstance(state.get(key), str):
                return action_names.said(act.name, state[key])
    subject = "" if act.name == history.UNDO else ", ".join(str(value) for value in given.values() if value)
    return action_names.said(act.name, subject)
