"""What the gateway said last about each user's sessions: pages show it while the gateway doesn't answer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exponential.auth.users import User
from exponential.core import clock
from exponential.core.errors import ExponentialError
from exponential.gateway.client import GatewayClient, own_refusals
from exponential.gateway.schema import SessionInfo

SILENT_SECONDS = 3.0  # after it fell silent for which the gateway isn't asked anew


@dataclass(frozen=True)
class CachedSessions:
    """A user's sessions as the gateway told them `at`. `error`: it doesn't any more; without `at` it never did here."""

    sessions: Sequence[SessionInfo] = ()
    at: datetime | None = None
    error: ExponentialError | None = None


class SessionCache:
    """Asks the gateway, or says what it told last."""

    def __init__(self, gateway: GatewayClient | None) -> None:
        self._gateway = gateway
        self._told: dict[UUID, CachedSessions] = {}
        self._lost: dict[UUID, tuple[float, ExponentialError]] = {}

    async def sessions(self, user: User) -> CachedSessions:
        """Now, if the gateway answers within seconds."""
        if self._gateway is None:
            return CachedSessions()
        lost_at, error = self._lost.get(user.id, (0.0, None))
        if error is None or time.monotonic() - lost_at > SILENT_SECONDS:
            try:
                with own_refusals():
                    self.heard(user, await self._gateway.sessions(user.identity))
                return self._told[user.id]
            except ExponentialError as failure:
                error = failure
                self.lost(user, error)
        before = self._told.get(user.id, CachedSessions())
        return CachedSessions(before.sessions, before.at, error)

    def heard(self, user: User, sessions: Sequence[SessionInfo]) -> None:
        """The gateway told this just now."""
        self._told[user.id] = CachedSessions(sessions, clock.now())
        self._lost.pop(user.id, None)

    def lost(self, user: User, error: ExponentialError) -> None:
        """It has just failed to answer."""
        self._lost[user.id] = (time.monotonic(), error)
