"""The QR codes of one connection of the client library, shown at our own pace."""

import threading
import time
from collections.abc import Callable, Sequence

from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker import protocol

# For which the library shows its first QR code and each of the five others. WhatsApp takes all of them from the
# beginning, so ours change sooner.
FIRST_CODE_SECONDS, NEXT_CODE_SECONDS = 60, 20


class QrCodes:
    """Tells `emit` which code to show. Once `is_typing`, the last one stays: somebody may be typing a pairing code."""

    def __init__(
        self, session: str, emit: Callable[[protocol.Event], None], is_typing: Callable[[], bool], timing: LinkingTiming
    ) -> None:
        self._session = session
        self._timing = timing
        self._emit = emit
        self._is_typing = is_typing
        self._begun_at: float | None = None
        self._keys = ""  # what the codes end with
        self._over, self._renewed = threading.Event(), threading.Event()

    @property
    def seconds_left(self) -> int:
        """For which this connection still links."""
        return max(0, int((self._begun_at or 0.0) + self._timing.connection - time.monotonic()))

    @property
    def are_exhausted(self) -> bool:
        """Whether the library has shown all of its codes, when it says that the time is over."""
        return self.seconds_left <= NEXT_CODE_SECONDS / 2

    def show(self, code: str, refs: Sequence[str]) -> None:
        """A code of the library's: the first, the next, or the same one with another secret (companion_reg_refresh).

        `refs` are what the codes of this connection begin with, as far as that is known.
        """
        is_first = self._begun_at is None
        if is_first:
            self._begun_at = time.monotonic()
        begin, _, keys = code.partition(",")
        if not refs:
            self._emit(protocol.QrCode(self._session, code, FIRST_CODE_SECONDS if is_first else NEXT_CODE_SECONDS))
        elif is_first:
            self._keys, link = keys, begin.removesuffix(refs[0])
            begins = [link + ref for ref in refs]
            threading.Thread(target=self._show_all, args=(begins,), daemon=True, name="QR codes").start()
        elif keys != self._keys:
            self._keys = keys
            self._renewed.set()

    def end(self) -> None:
        """Show no more of them."""
        self._over.set()
        self._renewed.set()

    def _show_all(self, begins: Sequence[str]) -> None:
        for begin in begins:
            self._show(begin, self._timing.qr_code)
        self._over.wait(self._timing.last_scan)
        if self._is_typing():
            self._show(begins[-1], self.seconds_left)
        elif not self._over.is_set():
            self._emit(protocol.PairingEnded(self._session, "exhausted"))

    def _show(self, begin: str, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not self._over.is_set():
            self._renewed.clear()
            self._emit(protocol.QrCode(self._session, f"{begin},{self._keys}", max(1, round(left))))
            self._renewed.wait(left)
