"""What is said of sessions, and what is read from a form."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from exponential.app.whatsapp import views
from exponential.core.errors import BadInput
from exponential.gateway.schema import LoginStatus, SessionInfo

AT = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def session(status: str, code: str | None = None, phone: str | None = "+4915110000001") -> SessionInfo:
    return SessionInfo(
        session_id="id",
        phone_number=phone,
        connected=status == "connected",
        status=status,
        status_reason="Why it is so.",
        status_code=code,
        created_at=AT,
        connected_at=AT if phone else None,
    )


def login(status: str, code: str | None, *, qr: bool = False, passkey: bool = False) -> LoginStatus:
    return LoginStatus(
        connected=status == "connected",
        phone_number=None,
        qr_available=qr,
        status=status,
        status_reason="",
        status_code=code,
        qr_expires_at=None,
        passkey_required=passkey,
    )


def test_numbers_are_read_as_people_write_them() -> None:
    text = "+49 1511 2345678\n 0049 (1511) 234-5679 , +1.212.555.0100;\n\n+4915112345678"
    assert views.phone_numbers(text) == ["+4915112345678", "+4915112345679", "+12125550100", "+4915112345678"]
    assert views.phone_numbers(" \n") == []


@pytest.mark.parametrize(
    "text", ["0151 12345678", "+49", "hello", "+49 1511 2345678x", "+0151", "+4915112345678901234"]
)
def test_what_is_no_number_is_named(text: str) -> None:
    with pytest.raises(BadInput, match="is not a phone number in international form"):
        views.phone_numbers(f"+4915112345678\n{text}")


@pytest.mark.parametrize(
    ("status", "code", "qr", "view"),
    [
        ("pending", "scan", True, "qr"),
        ("pending", "starting", False, "preparing"),
        ("pending", None, False, "preparing"),
        ("pending", "logging_in", False, "connecting"),
        ("connected", "online", False, "connected"),
        ("reconnecting", None, False, "online"),
        ("expired", "not_scanned", False, "expired"),
        ("pending", "passkey_scan", True, "qr"),
        ("expired", "passkey_expired", False, "expired"),
        ("error", "passkey_refused", False, "failed"),
        ("error", "outdated", False, "outdated"),
        ("error", "banned", False, "failed"),
        ("disconnected", "logged_out", False, "failed"),
        ("something new", None, False, "failed"),
    ],
)
def test_each_state_of_linking_has_its_view(status: str, code: str | None, qr: bool, view: str) -> None:
    assert views.linking_state(login(status, code, qr=qr)) == view


@pytest.mark.parametrize(
    ("code", "view"),
    [("passkey_asked", "passkey"), ("passkey_sent", "passkey-sent"), ("passkey_compare", "passkey-code")],
)
def test_each_step_with_a_passkey_has_its_view(code: str, view: str) -> None:
    assert views.linking_state(login("pending", code, passkey=True)) == view


def test_rows_say_what_is_so_on_the_users_clock() -> None:
    row = views.row(session("connected"), BERLIN)
    assert (row.name, row.badge, row.since, row.reason) == (
        *("+4915110000001", "Connected", "Connected on 3 November 2026", ""),
    )
    pending = views.row(session("pending", phone=None), BERLIN)
    assert (pending.name, pending.since) == ("New account", "Started on 3 November 2026, 00:30")
    assert views.row(session("error", "account_banned"), BERLIN).badge == "Banned"
    assert views.row(session("disconnected", "logged_out"), BERLIN).badge == "Logged out"
    said = views.summary([row, pending, views.row(session("error", "replaced"), BERLIN)])
    assert said == "1 account connected. 1 pending. +4915110000001: Replaced. Why it is so."
