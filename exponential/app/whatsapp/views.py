"""What the WhatsApp Connection window shows of a session: names, badges, dates, in words; and what a form says."""

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo

from exponential.app.whatsapp import troubleshooting
from exponential.core.errors import BadInput
from exponential.core.phone_numbers import to_e164
from exponential.gateway.schema import LoginStatus, SessionInfo

SLOW_SECONDS = 20.0  # without a code after which the wait is explained
MODES = (
    (
        "only_me",
        "Only me",
        "You, in “Message yourself” and from your own numbers. Nobody else is read or answered.",
    ),
    (
        "people",
        "People I choose",
        "You, and the numbers below. They talk to a guest Paddy that knows nothing of your workspace.",
    ),
    (
        "everyone",
        "Everyone",
        "Whoever writes to this account is answered by a guest Paddy: family, friends and strangers.",
    ),
)
DONE = {
    "unlinked": ("good", "Disconnected", "The device is off your phone’s list, and its credentials here are deleted."),
    "later": (
        "warn",
        "Disconnected",
        "Paddy hears nothing there any more. WhatsApp can’t be told right now; the device leaves your phone’s list as "
        "soon as it can be.",
    ),
    "deleted": ("good", "Deleted", "The pending session is gone."),
    "saved": ("good", "Saved", "This holds from the next message on."),
    "retried": ("good", "On their way", "The messages that waited are being handed to Paddy again."),
    "proved": ("good", "The number is yours", "Write to Paddy from it as you would in “Message yourself”."),
    "disowned": ("good", "Removed", "That number is a contact like any other again."),
    "limit": (
        "bad",
        "Maximum sessions reached",
        "You’ve hit the gateway’s session limit. Disconnect an existing session before connecting a new one, or "
        "contact your administrator to increase the limit.",
    ),
}  # what has just been done: (tone, title, sentence)
_BADGES = {
    "connected": ("Connected", "good"),
    "reconnecting": ("Reconnecting", "warn"),
    "disconnected": ("Disconnected", ""),
    "error": ("Problem", "bad"),
    "pending": ("Waiting for a scan", ""),
    "expired": ("Code expired", ""),
}
_PASSKEY_VIEWS = {"passkey_asked": "passkey", "passkey_compare": "passkey-code"}
_CODE_BADGES = {
    "banned": "Banned",
    "account_banned": "Banned",
    "replaced": "Replaced",
    "logged_out": "Logged out",
    "passkey_asked": "Waiting for your passkey",
}


@dataclass(frozen=True)
class Row:
    """A session in the list. `parked` is the number of messages that Paddy couldn't take."""

    id: str
    name: str
    status: str
    badge: str
    tone: str
    since: str
    reason: str
    cure: tuple[str, ...]
    parked: int = 0

    @property
    def pending(self) -> bool:
        return self.status in ("pending", "expired")

    @property
    def linked(self) -> bool:
        return self.status in ("connected", "reconnecting")


def row(session: SessionInfo, zone: tzinfo, parked: int = 0) -> Row:
    badge, tone = _BADGES.get(session.status, (session.status, ""))
    pending = session.status in ("pending", "expired")
    since = f"Connected on {day(session.connected_at, zone)}" if session.connected_at else ""
    return Row(
        id=session.session_id,
        name=session.phone_number or ("New account" if pending else "Account"),
        status=session.status,
        badge=_CODE_BADGES.get(session.status_code or "", badge),
        tone=tone,
        since=since or f"Started on {day(session.created_at, zone)}, {session.created_at.astimezone(zone):%H:%M}",
        reason="" if pending or session.status == "connected" else session.status_reason or "",
        cure=troubleshooting.advice(session.status, session.status_code),
        parked=parked,
    )


def day(moment: datetime, zone: tzinfo) -> str:
    """ "3 November 2026" """
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def summary(rows: list[Row]) -> str:
    """The list in a sentence or two, for those who hear it: read out when it changes."""
    up = sum(each.status == "connected" for each in rows)
    pending = sum(each.pending for each in rows)
    said = [f"{up} account{'' if up == 1 else 's'} connected."]
    if pending:
        said.append(f"{pending} pending.")
    said += [f"{each.name}: {each.badge}. {each.reason}" for each in rows if each.reason]
    return " ".join(said)


def linking_state(status: LoginStatus) -> str:
    """Which view of linking fits: qr, preparing, connecting, passkey, passkey-sent, passkey-code, expired, outdated,
    failed, connected, online."""
    if status.connected:
        return "connected"
    if status.status == "reconnecting":
        return "online"
    if status.status == "pending":
        if status.passkey_required:
            return _PASSKEY_VIEWS.get(status.status_code or "", "passkey-sent")
        if status.qr_available:
            return "qr"
        return "connecting" if status.status_code == "logging_in" else "preparing"
    if status.status == "expired":
        return "expired"
    return "outdated" if status.status_code == "outdated" else "failed"


def phone_numbers(text: str) -> list[str]:
    """The numbers in a text area, one a line or with commas, as the gateway takes them. Raises BadInput."""
    found = []
    for part in re.split(r"[\n,;]+", text):
        if not part.strip():
            continue
        try:
            found.append(to_e164(part, plus=True))
        except BadInput as error:
            raise BadInput(
                f"“{part.strip()[:40]}” is not a phone number in international form, such as +49 1511 2345678.",
                code=error.code,
            ) from None
    return found
