"""How much of a contact is heard in an hour: sliding windows, one for each contact and one for all."""

from dataclasses import replace

import pytest

from exponential.core.errors import Unavailable
from exponential.gateway.access import rules
from exponential.gateway.access.policy import OwnNumber, Policy
from exponential.gateway.messages import rate_limits
from exponential.gateway.worker.protocol import Account, Inbound

ADA = Account("4915112345678@s.whatsapp.net", "77001122@lid")
OPEN = Policy(mode="everyone", groups="mentions", per_contact=3, per_session=5)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def message(sender: str, **more: object) -> Inbound:
    return replace(Inbound("ID", sender, sender, "Name", False, "text", "hello", 0), **more)  # type: ignore[arg-type]


def heard(limiter: rate_limits.RateLimiter, one: Inbound, policy: Policy = OPEN) -> str | None:
    kept = limiter.to_keep(policy, ADA, one)
    return kept.kind if kept else None


def test_over_the_limit_is_told_once_an_hour_and_then_nothing() -> None:
    clock = Clock()
    limiter = rate_limits.RateLimiter(clock)
    bob = message("1@lid", alt="491@s.whatsapp.net")
    assert [heard(limiter, bob) for _ in range(3)] == ["text"] * 3
    assert [heard(limiter, bob) for _ in range(3)] == [rate_limits.OVER_LIMIT, None, None]
    assert heard(limiter, message("491@s.whatsapp.net", alt="1@lid")) is None  # the same person by number
    assert heard(limiter, message("2@lid")) == "text"
    clock.now = rate_limits.HOUR_SECONDS
    assert [heard(limiter, bob) for _ in range(4)] == ["text"] * 3 + [rate_limits.OVER_LIMIT]


def test_what_tells_that_it_was_too_much_holds_no_words() -> None:
    limiter = rate_limits.RateLimiter()
    kept = [limiter.to_keep(OPEN, ADA, message("1@lid")) for _ in range(4)][-1]
    assert kept is not None
    assert (kept.kind, kept.text, kept.sender_name) == (rate_limits.OVER_LIMIT, "", "")


def test_all_contacts_together_have_a_limit_too() -> None:
    limiter = rate_limits.RateLimiter()
    assert [heard(limiter, message(f"{one}@lid")) for one in range(6)] == ["text"] * 5 + [rate_limits.OVER_LIMIT]


def test_the_owner_is_not_counted_with_contacts() -> None:
    limiter = rate_limits.RateLimiter()
    proved = replace(OPEN, own_numbers=(OwnNumber("1", "", "9@lid", ""),))
    own = message(ADA.jid, from_me=True)
    assert [heard(limiter, one, proved) for one in [own, message("9@lid")] * 10] == ["text"] * 20
    assert heard(limiter, message("1@lid"), proved) == "text"


def test_what_the_assistant_does_not_hear_passes_uncounted() -> None:
    limiter = rate_limits.RateLimiter()
    by_hand = message("1@lid", from_me=True, kind=rules.BY_HAND)
    assert [heard(limiter, by_hand) for _ in range(9)] == [rules.BY_HAND] * 9


def test_files_are_counted_by_what_they_weigh_for_a_day() -> None:
    clock = Clock()
    limiter = rate_limits.FileLimiter(100, 250, clock)
    for who in ("bob", "eve", "dave"):
        assert not limiter.is_over("s1", who)
        limiter.add("s1", who, 90)
    assert limiter.is_over("s1", "bob")  # all of them together
    assert not limiter.is_over("s2", "bob")  # by way of another account
    clock.now = rate_limits.DAY_SECONDS / 2
    limiter.add("s2", "bob", 100)
    assert limiter.is_over("s2", "bob") and not limiter.is_over("s2", "eve")
    clock.now = rate_limits.DAY_SECONDS
    assert not limiter.is_over("s1", "bob") and limiter.is_over("s2", "bob")


def test_linkings_of_each_user_are_counted_for_a_minute() -> None:
    clock = Clock()
    limiter = rate_limits.LinkingLimiter(2, clock)
    for _ in range(2):
        limiter.count("ada")
    with pytest.raises(Unavailable, match="2 times within a minute") as refused:
        limiter.count("ada")
    assert refused.value.retry_after == 61
    limiter.count("bob")
    clock.now = rate_limits.MINUTE_SECONDS
    limiter.count("ada")
