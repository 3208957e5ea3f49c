"""The WhatsApp Connection window: each view is a part of a page for the script, and a page of its own without one."""

import asyncio
import json
import math
from base64 import b64encode
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from exponential.app.core.rendering import fragment, page, wants_json
from exponential.app.core.state import SignedIn, TheState, state_of
from exponential.app.whatsapp import connection, passkeys, troubleshooting, views
from exponential.app.whatsapp.window import Gateway, TheWindow
from exponential.assistant.channels.whatsapp import WhatsApp
from exponential.auth.users import User
from exponential.core import clock, validation
from exponential.core.errors import Conflict, ExponentialError, NotFound, Unavailable
from exponential.core.http.routes import Router
from exponential.gateway.client import GatewayClient
from exponential.gateway.schema import SessionInfo
from exponential.workspace.text.zones import zone_of

router = Router(prefix="/whatsapp")
PASSKEY_SCAN = "passkey_scan"  # the gateway's word: scan a second code, then confirm with the passkey
LIMITS = ("session_limit", "user_session_limit")
# Seconds after which a page without script loads itself again.
AGAIN = {"preparing": 3, "connecting": 3, "passkey-sent": 3}
By = Literal["qr", "code"]


async def _view(request: Request, template: str, **context: Any) -> Response:
    """`template` alone for the script, else inside a page."""
    done = views.DONE.get(request.query_params.get("done", ""))
    given = {"done": done, "again": AGAIN.get(context.get("view", "")), **context}
    if wants_json(request):
        return await fragment(request, template, **given)
    return await page(request, "whatsapp.html", inner=template, **given)


def _go(path: str, **query: str) -> Response:
    parameters = "&".join(f"{key}={quote(value)}" for key, value in query.items())
    return RedirectResponse(f"/whatsapp{path}" + (f"?{parameters}" if parameters else ""), 303)


@router.get("")
async def overview(request: Request, state: TheState, window: TheWindow, user: SignedIn) -> Response:
    if window.gateway is None:
        return await _view(request, "_wa_overview.html", view="unconfigured")
    told = await window.told.sessions(user)
    zone = zone_of(user)
    if told.error is not None:
        rows = [views.row(session, zone) for session in told.sessions]
        last = {"accounts": [row for row in rows if not row.pending], "told_at": told.at and told.at.astimezone(zone)}
        return await _view(request, "_wa_overview.html", view="unreachable", sentence=str(told.error), **last)
    found = told.sessions
    consent = await connection.agreement(state, user)
    if not found:
        view = "none" if consent.at else "warning"
        return await _view(request, "_wa_overview.html", view=view, consent=consent)
    parked = await asyncio.gather(*(_parked(window.gateway, user, session) for session in found))
    rows = [views.row(session, zone, count) for session, count in zip(found, parked, strict=True)]
    return await _view(
        request,
        "_wa_overview.html",
        view="sessions",
        accounts=[row for row in rows if not row.pending],
        pending=[row for row in rows if row.pending],
        summary=views.summary(rows),
        consent=consent,
    )


async def _parked(gateway: GatewayClient, user: User, session: SessionInfo) -> int:
    if session.status not in ("connected", "reconnecting"):
        return 0
    try:
        return len(await gateway.parked(user.identity, session.session_id))
    except ExponentialError:
        return 0  # an older gateway doesn't tell


@router.get("/warning")
async def warning(request: Request, state: TheState, user: SignedIn) -> Response:
    consent = await connection.agreement(state, user)
    return await _view(request, "_wa_overview.html", view="warning", consent=consent)


@router.post("/connect")
async def connect(
    state: TheState, gateway: Gateway, user: SignedIn, version: Annotated[str, Form(max_length=50)] = ""
) -> Response:
    """Begin to link an account. With `version`, the user accepts the warning of that version by doing so."""
    if version:
        await connection.agree(state, user, version)
    try:
        session_id = await connection.begin(state, gateway, user)
    except Conflict as error:
        if error.code in LIMITS:
            return _go("", done="limit")
        if error.code == "consent_needed":
            return _go("/warning")
        raise
    return _go(f"/link/{session_id}")


@router.get("/link/{session_id}")
async def link(request: Request, state: TheState, gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    return await _linking(request, gateway, user, session_id, by="qr")


@router.get("/link/{session_id}/code")
async def by_code(request: Request, gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    return await _linking(request, gateway, user, session_id, by="code")


@router.post("/link/{session_id}/code")
async def ask_for_code(
    request: Request,
    gateway: Gateway,
    user: SignedIn,
    session_id: str,
    phone: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Eight characters to type on the phone with that number. They are shown once and kept nowhere here."""
    made = await gateway.pairing_code(user.identity, session_id, phone)
    status = await gateway.login_status(user.identity, session_id)
    until = made.expires_at.astimezone(zone_of(user))
    return await _view(
        request,
        "_wa_link.html",
        view="code",
        by="code",
        id=session_id,
        code=made.code,
        until=f"{until:%H:%M:%S}",
        passkey=status.status_code == PASSKEY_SCAN,
    )


@router.get("/exponential-passkey.zip")
async def extension(_user: SignedIn) -> Response:
    """The browser extension that confirms with a passkey."""
    return Response(passkeys.extension(), media_type="application/zip")


@router.post("/link/{session_id}/passkey")
async def answer_passkey(
    gateway: Gateway,
    user: SignedIn,
    session_id: str,
    answer: Annotated[str, Form(max_length=passkeys.MAX_ANSWER_CHARS)],
) -> Response:
    """What the account's passkey answered, pasted or brought by the extension."""
    await gateway.answer_passkey(user.identity, session_id, passkeys.parse(answer))
    return _go(f"/link/{session_id}")


@router.post("/link/{session_id}/passkey/confirm")
async def confirm_codes(gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    await gateway.confirm_codes(user.identity, session_id)
    return _go(f"/link/{session_id}")


async def _linking(request: Request, gateway: GatewayClient, user: User, session_id: str, *, by: By) -> Response:
    try:
        status = await gateway.login_status(user.identity, session_id)
    except NotFound:
        return await _view(request, "_wa_link.html", view="gone", by=by, id=session_id)
    view = views.linking_state(status)
    if view == "online":
        return _go("")  # credentials were left: it needs no scan
    if view == "connected":
        return await _session(request, gateway, user, session_id, fresh=True)
    if view == "qr" and by == "code":
        view = "number"
    now = clock.now()
    picture, asked, ends = "", None, status.qr_expires_at
    try:
        if view == "qr":
            picture = b64encode(await gateway.qr(user.identity, session_id)).decode()
        elif view in ("passkey", "passkey-code"):
            asked = await gateway.passkey(user.identity, session_id)
            ends = asked.expires_at
    except (Conflict, Unavailable):
        view = "preparing"  # it has just changed
    options = asked.options if asked else None
    left = max(1, math.ceil((ends - now).total_seconds())) if ends else 2
    waited = (now - status.status_since).total_seconds() if status.status_since else 0.0
    return await _view(
        request,
        "_wa_link.html",
        view=view,
        by=by,
        id=session_id,
        reason=status.status_reason or "WhatsApp ended this attempt.",
        told=status.status_code != "scan",  # that sentence is about a code that is there
        slow=waited > views.SLOW_SECONDS,
        cure=troubleshooting.advice(status.status, status.status_code),
        picture=picture,
        left=left,
        again=left if view == "qr" else AGAIN.get(view),
        passkey=status.status_code == PASSKEY_SCAN,
        options=json.dumps(options, separators=(",", ":")) if options else "",
        line=passkeys.snippet(options) if options else "",
        code=asked.code if asked else None,
        loopback=await state_of(request).channels.get(WhatsApp.name).is_simulated(),
    )


@router.post("/link/{session_id}/restart")
async def restart(gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    try:
        await gateway.restart(user.identity, session_id)
    except Conflict as error:
        if error.code in LIMITS:
            return _go("", done="limit")
        if error.code != "already_connected":
            raise
    else:
        status = await gateway.login_status(user.identity, session_id)
        if views.linking_state(status) in ("online", "connected"):
            return _go("")  # credentials were left: it needs no scan, and may be back already
    return _go(f"/link/{session_id}")


@router.get("/sessions/{session_id}")
async def session_page(request: Request, gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    return await _session(request, gateway, user, session_id)


async def _session(
    request: Request, gateway: GatewayClient, user: User, session_id: str, *, fresh: bool = False
) -> Response:
    who = user.identity
    session, access, numbers, waiting = await asyncio.gather(
        gateway.session(who, session_id),
        gateway.access(who, session_id),
        gateway.proved(who, session_id),
        gateway.parked(who, session_id),
    )
    zone = zone_of(user)
    return await _view(
        request,
        "_wa_session.html",
        row=views.row(session, zone, len(waiting)),
        fresh=fresh,
        access=access,
        modes=views.MODES,
        numbers=[(each.id, each.phone_number, views.day(each.proved_at, zone)) for each in numbers],
        reasons=sorted({each.reason or "" for each in waiting} - {""}),
    )


@router.post("/sessions/{session_id}/access")
async def change_access(
    gateway: Gateway,
    user: SignedIn,
    session_id: str,
    mode: Annotated[Literal["only_me", "people", "everyone"], Form()],
    people: Annotated[str, Form()] = "",
    groups: Annotated[bool, Form()] = False,
    receipts: Annotated[bool, Form()] = False,
    reactions: Annotated[bool, Form()] = False,
) -> Response:
    """The list of people counts in its own mode alone: with the others it is out of sight, and stays as it was."""
    chosen = {"people": views.phone_numbers(people)} if mode == "people" else {}
    await gateway.change_access(
        user.identity,
        session_id,
        mode=mode,
        **chosen,
        groups="mentions" if groups else "off",
        readReceipts=receipts,
        reactions=reactions,
    )
    return _go(f"/sessions/{session_id}", done="saved")


@router.post("/sessions/{session_id}/proof")
async def prove(request: Request, gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    """A one-time code to text from one's own phone. It is shown once and kept nowhere here."""
    session = await gateway.session(user.identity, session_id)
    before = len(await gateway.proved(user.identity, session_id))
    code, until = await gateway.prove(user.identity, session_id)
    return await _view(
        request,
        "_wa_proof.html",
        view="proof",
        row=views.row(session, zone_of(user)),
        code=code,
        until=f"{until.astimezone(zone_of(user)):%H:%M}",
        before=before,
    )


@router.get("/sessions/{session_id}/proof")
async def proof(
    request: Request,
    gateway: Gateway,
    user: SignedIn,
    session_id: str,
    before: Annotated[int | None, Query(ge=0, le=validation.LARGEST)] = None,
) -> Response:
    """While the code is shown: whether it has arrived."""
    numbers = await gateway.proved(user.identity, session_id)
    if before is None or len(numbers) > before:
        return _go(f"/sessions/{session_id}", **({} if before is None else {"done": "proved"}))
    session = await gateway.session(user.identity, session_id)
    return await _view(
        request, "_wa_proof.html", view="proof-waiting", row=views.row(session, zone_of(user)), before=before
    )


@router.post("/sessions/{session_id}/proofs/{proof_id}/remove")
async def disown(gateway: Gateway, user: SignedIn, session_id: str, proof_id: str) -> Response:
    try:
        await gateway.disown(user.identity, session_id, proof_id)
    except NotFound as error:
        if error.code != "proof_not_found":
            raise
    return _go(f"/sessions/{session_id}", done="disowned")


@router.post("/sessions/{session_id}/parked")
async def retry_parked(gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    await gateway.retry_parked(user.identity, session_id)
    return _go(f"/sessions/{session_id}", done="retried")


@router.get("/sessions/{session_id}/disconnect")
async def ask_to_disconnect(request: Request, gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    session = await gateway.session(user.identity, session_id)
    return await _view(request, "_wa_disconnect.html", row=views.row(session, zone_of(user)))


@router.post("/sessions/{session_id}/disconnect")
async def disconnect(gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    return _go("", done="unlinked" if await gateway.disconnect(user.identity, session_id) else "later")


@router.post("/sessions/{session_id}/delete")
async def delete_pending(gateway: Gateway, user: SignedIn, session_id: str) -> Response:
    """Remove a session that nobody has scanned yet; one that was linked meanwhile is asked about first."""
    session = await gateway.session(user.identity, session_id)
    if session.status not in ("pending", "expired"):
        return _go(f"/sessions/{session_id}/disconnect")
    await gateway.disconnect(user.identity, session_id)
    return _go("", done="deleted")
