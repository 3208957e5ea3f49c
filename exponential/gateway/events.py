"""Following sessions: what changes in the database is told to whoever has a stream open, on whichever node.

The database itself gives the notices (triggers, see wakeups.EVENTS). They carry no content: each stream then looks at
what is true now, so a missed notice does no harm.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from exponential.database import Database
from exponential.errors import NotFound
from exponential.gateway import sessions
from exponential.gateway.sessions import Session

HEARTBEAT = 1.0  # seconds of silence after which a stream says that it is alive
LIFETIME = 900.0  # seconds; then the caller follows anew, with a token that is good by then


@dataclass(frozen=True)
class Changed:
    """The session as it is now; its QR code when that is `new`."""

    session: Session
    code_is_new: bool


@dataclass(frozen=True)
class Receipt:
    """A queued message is now sent, delivered, read or failed."""

    message_id: str
    status: str


@dataclass(frozen=True)
class Note:
    """`alive`: nothing has happened. `removed`: the session is gone, and nothing more will happen."""

    kind: Literal["alive", "removed"]


class Events:
    """Streams of what happens. `notice` takes the notices of wakeups.EVENTS."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: dict[str, set[asyncio.Queue[Receipt | None]]] = {}
        self._closed = False

    def notice(self, payload: str) -> None:
        session_id, *rest = payload.split(" ")
        if len(rest) == 2:
            self._tell(session_id, Receipt(*rest))
        else:
            for key in (session_id, *rest):
                self._tell(key, None)

    def look_again(self) -> None:
        """Notices may have been missed."""
        for key in self._streams:
            self._tell(key, None)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self.look_again()

    async def of_session(self, owner: str, session_id: str) -> AsyncIterator[Changed | Receipt | Note]:
        """The session as it is, then what happens to it. Ends with `removed`, or after LIFETIME."""
        seen: tuple[object, ...] = ()
        code: str | None = None
        with self._stream(session_id) as news:
            async for what in self._news(news):
                if isinstance(what, Receipt | Note):
                    yield what
                    continue
                try:
                    async with self._database.transaction() as db:
                        session = await sessions.owned(db, owner, session_id)
                except NotFound:
                    yield Note("removed")
                    return
                now = (session.status, session.reason, session.since, session.jid, session.qr_live)
                fresh = session.qr_live and session.qr_code != code
                if now != seen or fresh:
                    seen, code = now, session.qr_code
                    yield Changed(session, fresh)

    async def of_owner(self, owner: str) -> AsyncIterator[list[Session] | Note]:
        """All sessions of a user, at once and whenever one of them has changed. Ends after LIFETIME."""
        seen: object = None
        with self._stream(hashlib.md5(owner.encode(), usedforsecurity=False).hexdigest()) as news:
            async for what in self._news(news):
                if isinstance(what, Receipt | Note):
                    yield Note("alive")
                    continue
                async with self._database.transaction() as db:
                    found = await sessions.of_owner(db, owner)
                now = [(each.id, each.status, each.reason, each.since, each.jid) for each in found]
                if now != seen:
                    seen = now
                    yield found

    def _tell(self, key: str, what: Receipt | None) -> None:
        for stream in self._streams.get(key, ()):
            stream.put_nowait(what)

    @contextmanager
    def _stream(self, key: str) -> Iterator[asyncio.Queue[Receipt | None]]:
        queue: asyncio.Queue[Receipt | None] = asyncio.Queue()
        queue.put_nowait(None)
        self._streams.setdefault(key, set()).add(queue)
        try:
            yield queue
        finally:
            self._streams[key].discard(queue)
            if not self._streams[key]:
                del self._streams[key]

    async def _news(self, queue: asyncio.Queue[Receipt | None]) -> AsyncIterator[Receipt | Note | None]:
        """Receipts in order; None when something else may have changed, once for many at a time."""
        clock = asyncio.get_running_loop().time
        ends = clock() + LIFETIME
        while not self._closed and clock() < ends:
            try:
                batch = [await asyncio.wait_for(queue.get(), HEARTBEAT)]
            except TimeoutError:
                yield Note("alive")
                continue
            while not queue.empty():
                batch.append(queue.get_nowait())
            if self._closed:
                return
            for what in batch:
                if what is not None:
                    yield what
            if None in batch:
                yield None
