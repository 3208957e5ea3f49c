"""Following sessions: what changes in the database is told to whoever has a stream open, on whichever node.

The database itself gives the notices (triggers, see wakeups.EVENTS). They carry no content: after each, one look at the
user's sessions tells all of that user's streams what is true now, so a missed notice does no harm.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from exponential.core import database, log
from exponential.core.database import Database
from exponential.core.errors import NotFound
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session

HEARTBEAT_SECONDS = 1.0  # of silence after which a stream says that it is alive
LIFETIME_SECONDS = 900.0  # then the caller follows anew, with a token that is good by then
_log = log.get(__name__)


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
    """Streams of what happens. `notice` takes the notices of wakeups.EVENTS.

    A stream ends with `close`, after LIFETIME_SECONDS, and when the database is away; its first look raises what it
    raises.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._users: dict[str, _User] = {}  # by the MD5 of who they are, which the notices carry
        self._sessions: dict[str, set[_Queue]] = {}  # of streams that want a session's receipts
        self._closed = False

    def notice(self, payload: str) -> None:
        key, *rest = payload.split(" ")
        if len(rest) == 2:
            for stream in self._sessions.get(key, ()):
                stream.put_nowait(Receipt(*rest))
        elif rest[0] in self._users:
            self._users[rest[0]].notice()

    def look_again(self) -> None:
        """Notices may have been missed."""
        for user in self._users.values():
            user.notice()

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self.look_again()

    async def of_session(self, owner: str, session_id: str) -> AsyncGenerator[Changed | Receipt | Note]:
        """The session as it is, then what happens to it, until it is removed. Raises NotFound when it isn't there."""
        seen: tuple[object, ...] = ()
        code: str | None = None
        async for what in self._follow(owner, session_id):
            if not isinstance(what, list):
                yield what
                continue
            session = next((each for each in what if str(each.id) == session_id), None)
            if session is None:
                if not seen:
                    raise NotFound("There is no such session. It may have been disconnected.", code="session_not_found")
                yield Note("removed")
                return
            now = (session.status, session.reason, session.since, session.jid, session.qr_live)
            fresh = session.qr_live and session.qr_code != code
            if now != seen or fresh:
                seen, code = now, session.qr_code
                yield Changed(session, fresh)

    async def of_owner(self, owner: str) -> AsyncGenerator[list[Session] | Note]:
        """All sessions of a user, at once and whenever one of them has changed or its QR code has."""
        seen: object = None
        async for what in self._follow(owner):
            if not isinstance(what, list):
                yield Note("alive")
                continue
            now = [(each.id, each.status, each.reason, each.since, each.jid, each.qr_code) for each in what]
            if now != seen:
                seen = now
                yield what

    async def _follow(self, owner: str, session_id: str = "") -> AsyncGenerator[list[Session] | Receipt | Note]:
        """The user's sessions at once and after notices, once for many at a time; the session's receipts in order."""
        clock = asyncio.get_running_loop().time
        ends = clock() + LIFETIME_SECONDS
        with self._stream(owner, session_id) as (user, news):
            yield await user.look()
            while not self._closed and clock() < ends:
                try:
                    batch = [await asyncio.wait_for(news.get(), HEARTBEAT_SECONDS)]
                except TimeoutError:
                    yield Note("alive")
                    continue
                while not news.empty():
                    batch.append(news.get_nowait())
                if self._closed:
                    return
                for what in batch:
                    if what is not None:
                        yield what
                if None in batch:
                    try:
                        found = await user.look()
                    except Exception as error:
                        if not database.outage(error):
                            raise
                        _log.warning("stream_ended", error=error)
                        return
                    yield found

    @contextmanager
    def _stream(self, owner: str, session_id: str) -> Iterator[tuple["_User", "_Queue"]]:
        news: _Queue = asyncio.Queue()
        key = hashlib.md5(owner.encode(), usedforsecurity=False).hexdigest()
        user = self._users.setdefault(key, _User(self._database, owner))
        user.streams.add(news)
        user.forget()  # a notice may have been missed
        of_session = self._sessions.setdefault(session_id, set())
        of_session.add(news)
        try:
            yield user, news
        finally:
            user.streams.discard(news)
            of_session.discard(news)
            if not user.streams:
                del self._users[key]
            if not of_session:
                del self._sessions[session_id]


_Queue = asyncio.Queue[Receipt | None]  # None: the user's sessions may have changed


class _User:
    """The streams of one user, and what they share: one look at the user's sessions after each notice."""

    def __init__(self, database: Database, owner: str) -> None:
        self.streams: set[_Queue] = set()
        self._database = database
        self._owner = owner
        self._looking: asyncio.Task[list[Session]] | None = None

    def notice(self) -> None:
        self.forget()
        for stream in self.streams:
            stream.put_nowait(None)

    def forget(self) -> None:
        """What was found may not be true any more."""
        self._looking = None

    async def look(self) -> list[Session]:
        """The user's sessions, as they are after the last notice."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._find())
        return await asyncio.shield(self._looking)  # which others wait for, too

    async def _find(self) -> list[Session]:
        async with self._database.transaction() as db:
            return await sessions.of_owner(db, self._owner)
