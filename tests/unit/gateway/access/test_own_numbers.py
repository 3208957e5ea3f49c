"""The worker's side of proving a number: one message with the right code, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exponential.core import clock
from exponential.gateway.access import own_numbers
from exponential.gateway.access.policy import Policy
from exponential.gateway.worker.protocol import Account, Inbound

ADA = Account("4915112345678@s.whatsapp.net", "77001122@lid")


def texted(text: str, sender: str = "88@lid", **more: object) -> Inbound:
    message = Inbound("ID", sender, sender, "Ada's other phone", False, "text", text, 0, alt="491@s.whatsapp.net")
    return replace(message, **more)  # type: ignore[arg-type]


def opened() -> tuple[str, Policy]:
    code, proof = own_numbers.begin()
    return code, Policy(proof=proof)


@pytest.mark.parametrize("write", [str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code}\n"])
def test_the_code_proves_once_however_it_is_typed(write: "type[str]") -> None:
    code, policy = opened()
    guard = own_numbers.ProofGuard()
    kept = guard.to_keep(policy, ADA, texted(write(code)))
    assert kept is not None and policy.proof is not None
    assert (kept.kind, kept.text, kept.sender, kept.alt) == ("proved", policy.proof.id, "88@lid", "491@s.whatsapp.net")
    assert kept.sender_name == ""
    assert guard.to_keep(policy, ADA, texted(code, "99@lid")) is None


def test_nothing_else_proves_anything() -> None:
    code, policy = opened()
    guard = own_numbers.ProofGuard()
    others = [
        texted("hello"),
        texted(f"my code is {code}"),
        texted(code, from_me=True),
        texted(code, kind="image"),
        texted(code, chat="120363000000000000@g.us"),
        texted(code, ADA.lid),
        texted(""),
    ]
    assert [guard.to_keep(policy, ADA, other) for other in others] == [None] * len(others)
    assert guard.to_keep(Policy(), ADA, texted(code)) is None


def test_a_code_ends() -> None:
    with clock.frozen(clock.now() - own_numbers.LIFE - timedelta(seconds=1)):
        code, policy = opened()
    assert own_numbers.ProofGuard().to_keep(policy, ADA, texted(code)) is None


def test_a_sender_has_few_tries_and_all_together_not_many() -> None:
    code, policy = opened()
    guard = own_numbers.ProofGuard()
    for _ in range(own_numbers.TRIES_PER_SENDER):
        assert guard.to_keep(policy, ADA, texted("AAAA-AAAA", "1@lid")) is None
    assert guard.to_keep(policy, ADA, texted(code, "1@lid")) is None
    for sender in range(own_numbers.TRIES):
        assert guard.to_keep(policy, ADA, texted("AAAA-AAAA", f"{sender}@lid")) is None
    assert guard.to_keep(policy, ADA, texted(code)) is None
    again, renewed = opened()
    assert guard.to_keep(renewed, ADA, texted(again)) is not None


def test_what_is_kept_of_a_code_does_not_tell_it() -> None:
    code, policy = opened()
    assert code.replace("-", "") not in str(policy.as_json())
    assert len({opened()[0] for _ in range(100)}) == 100
