"""The log's own fence: what slips past a call site is blotted out."""

import importlib
import logging

import pytest
import structlog
from psycopg.errors import UniqueViolation
from python_multipart import QuerystringParser
from sqlalchemy.exc import DBAPIError

from exponential.core import log


def test_secrets_numbers_and_text_are_blotted_out(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", service="test")
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    log.get("x").info(
        "sent", text="buy milk", phone="+4915112345678", session="01a2", count=3, note=f"{token} 4915112345678"
    )
    for path in (
        "/invite/%s",
        "https://paddy.example.org/sign-in/%s?a=b",
        "/start/%s",
        "/oidc/callback?code=%s&state=1",
    ):
        logging.getLogger("library").warning(f"Referer: {path}", "s3cretlink")
    logging.getLogger("library").warning("Bearer %s", "exp_s3cretlink-of-a-program")
    logging.getLogger("library").warning("GET /sign-in/%s for +4915112345678 with %s", "s3cretlink", token)
    written = capsys.readouterr().err
    assert "01a2" in written and "count=3" in written
    for secret in ("buy milk", "4915112345678", token, "s3cretlink"):
        assert secret not in written


def test_a_form_is_not_logged_byte_by_byte(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("debug")
    parser = QuerystringParser()
    parser.write(b"&" * 1_000)
    assert capsys.readouterr().err == ""


def test_ids_are_told_whole_and_numbers_beside_them_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    ids = ("01a22667-4e6b-7658-bc4f-425b2068eee5", "01922667-4861-7658-8c4f-123456789012")
    log.get("x").info("session_online", session=ids[0], at=f"{ids[1]} for 4915112345678", chat=f"{ids[1]}4915112345678")
    written = capsys.readouterr().err
    assert all(written.count(known) == 1 for known in ids) and "4915112345678" not in written


def fail(error: Exception) -> Exception:
    private = "a local"
    try:
        raise error
    except Exception as raised:
        assert private
        return raised


@pytest.mark.parametrize("configured", [True, False])
def test_an_exception_tells_what_it_is_and_where_it_arose_and_nothing_else(
    capsys: pytest.CaptureFixture[str], configured: bool
) -> None:
    structlog.reset_defaults() if configured else importlib.reload(log)
    if configured:
        log.configure("info")
    try:
        raise ValueError("buy milk")
    except ValueError as error:
        log.get("x").exception("failed")
        log.get("x").warning("failed_too", error=error)
    log.get("x").warning("disk", error=fail(OSError(28, "No space left on device", "/home/ada")))
    log.get("x").warning("query", error=fail(DBAPIError("insert buy milk", {"a": "buy milk"}, UniqueViolation("x"))))
    written = capsys.readouterr().err
    lines = written.splitlines()
    assert len(lines) == 4 and "buy milk" not in written and "ada" not in written and "a local" not in written
    for line in lines[:2]:
        assert "error='ValueError'" in line and "at='test_log.py:" in line
    assert "error='OSError (No space left on device)'" in lines[2] and " fail" in lines[2]
    assert "error='DBAPIError (23505)'" in lines[3]


def test_the_same_failure_again_and_again_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log.configure("info")
    now = 1_000.0
    monkeypatch.setattr("exponential.core.log.time.monotonic", lambda: now)
    for second in range(61):
        now = 1_000.0 + second
        for lane in ("inbox", "outbox"):
            log.get("x").warning("lane_failed", caller=lane, error=fail(KeyError("buy milk")), again_in=second)
    log.get("x").warning("lane_failed", caller="inbox", error=fail(TypeError()))
    first, second, *later, other = capsys.readouterr().err.splitlines()
    assert "caller='inbox'" in first and "caller='outbox'" in second and "times=" not in first + second + other
    assert len(later) == 2 and all("times=60" in line for line in later)


def test_an_error_that_nobody_waited_for_tells_nothing_else_either(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    try:
        raise ValueError("buy milk")
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    written = capsys.readouterr().err
    assert "error='ValueError'" in written and "test_log.py:" in written and "buy milk" not in written
