"""How much of contacts is kept: messages within an hour, counted in the worker; bytes of files within a day, counted by
the gateway that has them fetched. And how often users link. All in memory: a new process begins anew.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Set

from exponential.core.errors import Unavailable
from exponential.gateway.access import rules
from exponential.gateway.access.policy import Policy
from exponential.gateway.worker.protocol import Account, Inbound

MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60.0, 3600.0, 86_400.0  # seconds
MAX_OWNER_PER_HOUR = 50_000  # messages an hour: nobody writes so many, a program gone wild does
OVER_LIMIT = "over_limit"  # kind of what is kept, once an hour, when a contact's messages are dropped


class RateLimiter:
    """Of one session. Windows slide; what is dropped doesn't count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: defaultdict[str, deque[float]] = defaultdict(deque)
        self._told: dict[str, float] = {}

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
        now = self._clock()
        if now - self._told.get(who, -HOUR_SECONDS) < HOUR_SECONDS:
            return None
        self._told[who] = now
        return message.about(OVER_LIMIT)

    def _count(self, limits: dict[str, int]) -> bool:
        now = self._clock()
        windows = [(self._window(name, now), limit) for name, limit in limits.items()]
        if any(len(window) >= limit for window, limit in windows):
            return False
        for window, _ in windows:
            window.append(now)
        return True

    def _window(self, name: str, now: float) -> deque[float]:
        window = self._heard[name]
        while window and now - window[0] >= HOUR_SECONDS:
            window.popleft()
        return window


class FileLimiter:
    """Bytes of files that were fetched of contacts, of each and of all of a session. Windows slide."""

    def __init__(self, per_contact: int, per_session: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = per_contact, per_session
        self._clock = clock
        self._fetched: defaultdict[str, deque[tuple[float, str, int]]] = defaultdict(deque)  # by session

    def is_over(self, session: str, contact: str) -> bool:
        """Whether nothing more may be fetched of this contact for now."""
        window, now = self._fetched[session], self._clock()
        while window and now - window[0][0] >= DAY_SECONDS:
            window.popleft()
        theirs = sum(size for _, who, size in window if who == contact)
        return theirs >= self._limits[0] or sum(size for _, _, size in window) >= self._limits[1]

    def add(self, session: str, contact: str, size: int) -> None:
        self._fetched[session].append((self._clock(), contact, size))


class LinkingLimiter:
    """Linkings that each user begins within a minute, `most` of them: each leaves a thread behind in a worker."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._begun: defaultdict[str, deque[float]] = defaultdict(deque)

    def count(self, owner: str) -> None:
        """Raises Unavailable."""
        window, now = self._begun[owner], self._clock()
        while window and now - window[0] >= MINUTE_SECONDS:
            window.popleft()
        if len(window) >= self._most:
            raise Unavailable(
                f"You began to link an account {self._most} times within a minute. Wait a minute, then try again.",
                code="too_many_linkings",
                retry_after=int(window[0] + MINUTE_SECONDS - now) + 1,
            )
        window.append(now)


def _name(addresses: Set[str]) -> str:
    """One name of a person: the number, where it is known."""
    return min(addresses, key=lambda address: (address.endswith("@lid"), address))
