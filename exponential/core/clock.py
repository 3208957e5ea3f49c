"""The one clock and the one id maker. Tests set the clock; everything else asks it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils

_read: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _read()


@contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Make `now()` answer `moment` (aware) inside the block. For tests."""
    global _read
    before, _read = _read, lambda: moment
    try:
        yield
    finally:
        _read = before


def new_id() -> UUID:
    """A UUIDv7: unique, and sortable by the time it was made."""
    return UUID(bytes=uuid_utils.uuid7().bytes)
