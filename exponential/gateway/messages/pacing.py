"""Human-like pacing: typing before each message, and no more than so many messages a minute to contacts."""

import random
from uuid import UUID

from exponential.core.limits.rate_limiter import SlidingWindow

WINDOW_SECONDS = 60.0
CONTACT_FACTOR = 3  # times longer than for the owner, who takes Paddy for no person


class Pace:
    """Typing is shown for `base` seconds and a little per character, at most `longest`, give or take a fifth.

    A session sends at most `per_minute` messages to contacts in any minute.
    """

    def __init__(
        self, base: float = 0.3, per_character: float = 0.004, longest: float = 1.0, *, per_minute: int = 20
    ) -> None:
        self._base, self._per_character, self._longest = base, per_character, longest
        self._per_minute = per_minute
        self._sent = SlidingWindow[UUID](WINDOW_SECONDS)

    def seconds(self, text: str, *, contact: bool = False) -> float:
        """How long to type `text`."""
        natural = min(self._longest, self._base + self._per_character * len(text)) * random.uniform(0.8, 1.2)
        return natural * (CONTACT_FACTOR if contact else 1)

    def rest(self, session_id: UUID) -> float:
        """Seconds until this session may write to a contact again."""
        if self._sent.total(session_id) < self._per_minute:
            return 0.0
        return self._sent.rest(session_id) * random.uniform(1.0, 1.1)

    def count(self, session_id: UUID) -> None:
        """This session writes to a contact now."""
        self._sent.count(session_id)

    def forget(self, session_id: UUID) -> None:
        """The session is gone."""
        self._sent.forget(session_id)
