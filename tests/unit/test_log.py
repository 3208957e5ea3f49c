"""The log's own fence: what slips past a call site is blotted out."""

import logging

import pytest
from python_multipart import QuerystringParser

from exponential import log


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


def test_an_exception_tells_no_query_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    try:
        raise ValueError("for 4915112345678")
    except ValueError:
        log.get("x").exception("failed")
    written = capsys.readouterr().err
    assert "ValueError" in written and "4915112345678" not in written
