"""Bodies of requests: how long they may be, and how many bytes a process holds in memory at once for all of them."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from types import TracebackType

from fastapi import Request
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exponential.core import log
from exponential.core.errors import TooLarge, Unavailable

MAX_ANONYMOUS_BYTES = 16 * 1024  # of whoever isn't known; so much of everybody's is held beside the budget, too
MAX_BODY_BYTES = 1024 * 1024  # where a route takes no more; 65,536 characters of JSON are at most 786,432
MAX_TOTAL_BYTES = 256_000_000  # held of everybody together
MAX_BYTES_PER_CALLER = (
    96_000_000  # bytes of one caller: the largest upload, and the largest message of the gateway, fit
)
RESERVED_BYTES = 32_000_000  # that are left to bodies of which as much has come
RETRY_AFTER_SECONDS = 10
_TERMS = "exponential.body"  # in the ASGI scope
_log = log.get(__name__)


@dataclass(frozen=True)
class _Part:
    """Bytes of one body or file: what of it is in memory, and all of it, as far as that is known."""

    here: int = 0
    whole: int = 0


class Budget:
    """Bytes in memory for bodies on their way in and files on their way out: of all callers together, and of each.

    What has come of a body takes room from all. What is still to come counts for its caller alone, who could announce
    anything. So room may run out on the way; then the last `spare` bytes are for the bodies of which most has come.
    """

    def __init__(
        self, most: int = MAX_TOTAL_BYTES, share: int = MAX_BYTES_PER_CALLER, spare: int = RESERVED_BYTES
    ) -> None:
        self._most = most
        self._share = share
        self._spare = spare
        self._shares = Counter[Hashable]()
        self.held = 0

    def change(self, caller: Hashable, before: _Part, after: _Part) -> None:
        """Raises Unavailable where there is no room for more. What is of no caller counts, and is never refused."""
        if caller is not None and after.whole:
            if self._shares[caller] - before.whole + after.whole > self._share:
                raise Unavailable(
                    "Too much of yours is on its way at once. Wait until some of it has arrived, then try again.",
                    code="too_much_at_once",
                    retry_after=RETRY_AFTER_SECONDS,
                )
            if self.held - before.here + max(after.here, self._spare) > self._most:
                _log.warning("too_much_at_once", held=self.held)
                raise Unavailable(
                    "Very many files are on their way here just now. Try again in a minute.",
                    code="too_much_at_once",
                    retry_after=RETRY_AFTER_SECONDS,
                )
        self.held += after.here - before.here
        self._shares[caller] += after.whole - before.whole
        if not self._shares[caller]:
            del self._shares[caller]


class Claim:
    """What one request holds of a budget: it grows, and is given back when the block ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._caller: Hashable = None
        self._part = _Part()

    def grow(self, caller: Hashable, here: int, whole: int = 0) -> None:
        """To `here` bytes of `caller`, who stays the same; there will be `whole`, if more. Raises Unavailable."""
        part = _Part(here, max(here, whole))
        if part.whole > MAX_ANONYMOUS_BYTES and part != self._part:
            self._budget.change(caller, self._part, part)
            self._caller, self._part = caller, part

    def __enter__(self) -> "Claim":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.change(self._caller, self._part, _Part())


@dataclass
class _Terms:
    """Of one request: who sends it, if that is known, and how long its body may be then, in bytes."""

    known: bool = False
    caller: Hashable = None
    most: int = MAX_BODY_BYTES


class Bodies:
    """ASGI middleware that bounds bodies: whoever isn't known sends at most MAX_ANONYMOUS_BYTES, whoever is known what
    the route takes, while the budget has room for it.

    A body that says its length is refused unread, another one as soon as it is too long; by an error in whoever reads
    it, so that the application's handlers answer. A client that hangs up meanwhile is no error.
    """

    def __init__(self, app: ASGIApp, budget: Budget | None = None) -> None:
        self._app = app
        self._budget = budget or Budget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        terms = scope[_TERMS] = _Terms()
        declared = Headers(scope=scope).get("content-length", "")
        size = int(declared[:20]) if declared.isdecimal() else 0
        received = 0

        def bound() -> None:
            most = terms.most if terms.known else MAX_ANONYMOUS_BYTES
            if max(size, received) > most:
                raise TooLarge(f"The request is too large: its body may have {most:,} bytes. Send less at once.")
            claim.grow(terms.caller, received, size)

        async def receive_bounded() -> Message:
            nonlocal received
            bound()
            message = await receive()
            received += len(message.get("body", b""))
            bound()
            return message

        with Claim(self._budget) as claim:
            try:
                await self._app(scope, receive_bounded, send)
            except ClientDisconnect:
                _log.debug("client_left", received=received)


def known(request: Request, caller: Hashable) -> None:
    """Say who sends a request: its body counts towards that `caller`'s share; None: towards nobody's."""
    terms: _Terms = request.scope[_TERMS]
    terms.known, terms.caller = True, caller


def caller_of(request: Request) -> Hashable:
    """Who was said to send a request, or None."""
    terms: _Terms = request.scope[_TERMS]
    return terms.caller


def allow(request: Request, size: int) -> None:
    """Let the body have up to `size` bytes, once it is known who sends it."""
    terms: _Terms = request.scope[_TERMS]
    terms.most = size
