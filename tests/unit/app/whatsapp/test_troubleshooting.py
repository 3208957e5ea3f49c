"""Each reason that the gateway gives has a cure of its own or one of its state."""

import pytest

from exponential.app.whatsapp import troubleshooting
from exponential.gateway.sessions import reasons

PROBLEMS = [
    *reasons.ENDINGS,
    "taken_over",
    "passkey_expired",
    "passkey_broken",
    "passkey_silent",
    "passkey_refused",
    "phone_outdated",
    "pairing_failed",
    "not_scanned",
]


@pytest.mark.parametrize("code", PROBLEMS)
def test_each_problem_has_a_cure_of_its_own(code: str) -> None:
    assert troubleshooting.advice("error", code) != troubleshooting.advice("error", None)
    assert all(step.endswith(".") and len(step) < 160 for step in troubleshooting.advice("error", code))


@pytest.mark.parametrize("status", ["pending", "connected", "reconnecting", "disconnected", "error", "expired"])
def test_each_state_has_one(status: str) -> None:
    assert troubleshooting.advice(status, None)


def test_the_gateways_sentences_have_words_that_stay() -> None:
    for cause, (_, _void, reason) in reasons.ENDINGS.items():
        assert reasons.code_of(reason) == cause
    assert {reasons.code_of(reason) for _, reason in reasons.PAIRINGS.values()} == {
        *(
            "not_scanned",
            "passkey_expired",
            "passkey_broken",
            "passkey_silent",
            "passkey_refused",
            "outdated",
            "phone_outdated",
        )
    }
    assert reasons.code_of(reasons.SCAN) == "scan" and reasons.code_of("something a worker said") is None
