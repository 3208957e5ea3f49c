"""Timing: how long the gateway waits for what. Its parts are given it; tests give them a shorter one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """All in seconds.

    `first_pause`, `max_pause`: between attempts to hand a message to the app; doubled each time.
    `doubt`: after a send of unknown outcome, before its receipt is waited for.
    `receipt`: online in which a message that may have left shows by its receipt that it did.
    `finish`: that a closing gateway waits for a send in progress.
    `typing`: for which "typing…" is shown unless it is renewed; phones forget it by themselves after about 25.
    `lock`: that a gateway which is just ending gets to let go of its data folder.
    """

    first_pause: float = 0.5
    max_pause: float = 30.0
    doubt: float = 1.0
    receipt: float = 10.0
    finish: float = 2.0
    typing: float = 20.0
    lock: float = 3.0
