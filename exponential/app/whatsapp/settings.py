"""Settings › WhatsApp: the linked accounts, and since when the warning is accepted."""

from fastapi import Request
from fastapi.responses import Response

from exponential.app.core.state import SignedIn, TheState
from exponential.app.settings.account import settings_page
from exponential.app.whatsapp import connection, views
from exponential.app.whatsapp.window import TheWindow
from exponential.core.http.routes import Router
from exponential.workspace.text.zones import zone_of

router = Router(prefix="/settings/whatsapp")


@router.get("")
async def accounts_page(request: Request, state: TheState, window: TheWindow, user: SignedIn) -> Response:
    told = await connection.overview(state, window, user)
    zone = zone_of(user)
    rows = [views.row(each, zone) for each in told.sessions]
    return await settings_page(
        request,
        "settings-whatsapp.html",
        told=told,
        rows=[row for row in rows if not row.pending],
        accepted=views.day(told.consent.at, zone) if told.consent.at else "",
    )
