"""How much of contacts is kept: messages within an hour, counted in the worker; bytes of files within a day, counted by
the gateway that has them fetched. And how often users link. All in memory: a new process begins anew.
"""

import time
from collections.abc import Callable, Set

from exponential.core.errors import Unavailable
from exponential.core.limits.rate_limiter import SlidingWindow
from exponential.gateway.access import rules
from exponential.gateway.access.policy import Policy
from exponential.gateway.worker.protocol import Account, Inbound

MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60.0, 3600.0, 86_400.0  # seconds
MAX_OWNER_PER_HOUR = 50_000  # messages an hour: nobody writes so many, a program gone wild does
OVER_LIMIT = "over_limit"  # kind of what is kept, once an hour, when a contact's messages are dropped


class RateLimiter:
    """Of one session. Windows slide; what is dropped doesn't count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._heard = SlidingWindow[str](HOUR_SECONDS, clock)
        self._told = SlidingWindow[str](HOUR_SECONDS, clock)

    def to_keep(self, policy: Policy, account: Account, message: Inbound) -> Inbound | None:
        """What may be kept of a message that the assistant may hear: it, or (once an hour) that it was too much."""
        role = rules.role(policy, account, message)
        if role is None:
            return message  # nothing the assistant hears
        if role == "owner":
            return message if self._count({"owner": MAX_OWNER_PER_HOUR}) else None
        who = _name(rules.addresses(message))
        if self._count({who: policy.per_contact, "contacts": policy.per_session}):
            return message
        if self._told.total(who):
            return None
        self._told.count(who)
        return message.about(OVER_LIMIT)

    def _count(self, limits: dict[str, int]) -> bool:
        if any(self._heard.total(name) >= limit for name, limit in limits.items()):
            return False
        for name in limits:
            self._heard.count(name)
        return True


class FileLimiter:
    """Bytes of files that were fetched of contacts, of each and of all of a session. Windows slide."""

    def __init__(self, per_contact: int, per_session: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = per_contact, per_session
        self._fetched = SlidingWindow[tuple[str, ...]](DAY_SECONDS, clock)

    def is_over(self, session: str, contact: str) -> bool:
        """Whether nothing more may be fetched of this contact for now."""
        keys = (session, contact), (session,)
        return any(self._fetched.total(key) >= limit for key, limit in zip(keys, self._limits, strict=True))

    def add(self, session: str, contact: str, size: int) -> None:
        self._fetched.count((session, contact), size)
        self._fetched.count((session,), size)


class LinkingLimiter:
    """Linkings that each user begins within a minute, `most` of them: each leaves a thread behind in a worker."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._begun = SlidingWindow[str](MINUTE_SECONDS, clock)

    def count(self, owner: str) -> None:
        """Raises Unavailable."""
        if self._begun.total(owner) >= self._most:
            raise Unavailable(
                f"You began to link an account {self._most} times within a minute. Wait a minute, then try again.",
                code="too_many_linkings",
                retry_after=int(self._begun.rest(owner)) + 1,
            )
        self._begun.count(owner)


def _name(addresses: Set[str]) -> str:
    """One name of a person: the number, where it is known."""
    return min(addresses, key=lambda address: (address.endswith("@lid"), address))
