"""Unlinking: a session that ends by the gateway's doing takes its device off the phone before its credentials go.

A row with `unlink_since` waits for that. Its client runs, or is started, until WhatsApp has been told; only then are
credentials and row deleted. So a session that is disconnected while WhatsApp is away leaves no device behind on the
phone. After GIVE_UP_AFTER the gateway gives up.

The same phone linked twice: the newest link stays. Whoever scans holds the phone in hand, and two sessions in one
"Message yourself" chat would answer each message twice. The older session of the same user is removed; another
user's is ended with a reason, its device unlinked, for that user to see and remove.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core import clock, log
from exponential.core.database import Database, blind, notify
from exponential.gateway.access import rules
from exponential.gateway.cluster import wakeups
from exponential.gateway.messages import outbox
from exponential.gateway.messages.inbox import InboxMessage
from exponential.gateway.messages.keyed_queue import KeyedQueue
from exponential.gateway.messages.outbox import OutboxMessage
from exponential.gateway.sessions import reasons, sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.protocol import Account
from exponential.gateway.worker.supervisor import Supervisor

GIVE_UP_AFTER = timedelta(days=30)  # by then WhatsApp itself has logged out a linked device that stayed away
ANSWER_TIMEOUT_SECONDS = 9.0  # that a DELETE waits for the phone's side; the rest happens behind it
_log = log.get(__name__)


async def came_online(db: AsyncSession, session_id: str, account: Account) -> None:
    """A client logged in: its session is connected, and the only one of its account from now on."""
    # Before any row is locked: two sessions that link the same phone at once must not wait for each other's rows.
    number = int.from_bytes(blind(db, "sessions.jid", rules.bare(account.jid))[:8], signed=True)
    await db.execute(text("select pg_advisory_xact_lock(:number)"), {"number": number})
    newest = await sessions.online(db, session_id, account)
    if newest is not None:
        return await _replace_older(db, newest)
    leaving = select(Session).where(Session.id == UUID(session_id), Session.unlink_since.is_not(None))
    if (session := await db.scalar(leaving.with_for_update())) is not None:
        session.linked = True  # also when it was scanned in the very moment in which it was removed
        await notify(db, wakeups.UNLINK, session_id)


async def _replace_older(db: AsyncSession, newest: Session) -> None:
    others = select(Session).where(Session.jid.is_not(None), Session.id != newest.id, Session.unlink_since.is_(None))
    for older in await db.scalars(others.with_for_update()):
        if older.jid != newest.jid:
            continue
        if older.owner == newest.owner:
            await _remove(db, older)
        elif older.linked:
            older.become(sessions.DISCONNECTED, reasons.TAKEN_OVER)
            older.unlink_since = clock.now()
            await outbox.give_up(db, older.id, "This phone was linked again by another user.")
            await db.execute(delete(InboxMessage).where(InboxMessage.session_id == older.id))
            await notify(db, wakeups.UNLINK, str(older.id))


async def begin(db: AsyncSession, owner: str, session_id: str) -> Session:
    """The owner disconnects this session: nobody sees it any more. Raises NotFound."""
    session = await sessions.owned(db, owner, session_id, lock=True)
    await _remove(db, session)
    return session


async def _remove(db: AsyncSession, session: Session) -> None:
    session.become(sessions.REMOVED, reasons.REMOVING)
    session.unlink_since = clock.now()
    for table in (InboxMessage, OutboxMessage):
        await db.execute(delete(table).where(table.session_id == session.id))
    await notify(db, wakeups.UNLINK, str(session.id))


class Unlinker:
    """Does what the rows of held sessions ask for; `forget` deletes a session's credentials. `sweep` now and then."""

    def __init__(
        self,
        database: Database,
        supervisor: Supervisor,
        forget: Callable[[UUID], Awaitable[None]],
        holds: Callable[[UUID], bool],
    ) -> None:
        self._database = database
        self._supervisor = supervisor
        self._forget = forget
        self._holds = holds
        self._queue: KeyedQueue[UUID] = KeyedQueue("unlink", self._unlink)

    def notice(self, payload: str) -> None:
        """A NOTIFY of wakeups.UNLINK."""
        self._queue.poke(UUID(payload))

    async def sweep(self) -> None:
        async with self._database.transaction() as db:
            waiting = list(await db.scalars(select(Session.id).where(Session.unlink_since.is_not(None))))
        for session_id in waiting:
            self._queue.poke(session_id)

    async def close(self) -> None:
        await self._queue.close()

    async def done(self, session_id: UUID, *, within: float = ANSWER_TIMEOUT_SECONDS) -> bool:
        """Wait until the session is gone. False when that takes longer: then it goes on by itself."""
        try:
            async with asyncio.timeout(within):
                while await self._waits(session_id):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return False
        return True

    async def _waits(self, session_id: UUID) -> bool:
        async with self._database.transaction() as db:
            row = select(Session.id).where(Session.id == session_id, Session.unlink_since.is_not(None))
            return await db.scalar(row) is not None

    async def _unlink(self, session_id: UUID, _poked: asyncio.Event) -> None:
        if not self._holds(session_id):
            return  # the node that holds it was told, too
        async with self._database.transaction() as db:
            session = await db.get(Session, session_id)
        if session is None or session.unlink_since is None:
            return
        told = False
        if session.linked and clock.now() - session.unlink_since < GIVE_UP_AFTER:
            if not self._supervisor.is_online(session_id):
                if not self._supervisor.runs(session_id):
                    await self._supervisor.open(session_id)
                return  # came_online, or the sweep, wakes us again
            told = await self._supervisor.unlink(session_id)
            if not told:
                return
        await self._supervisor.close_session(session_id)
        await self._forget(session_id)
        async with self._database.transaction() as db:
            await self._finish(db, session_id)
        if session.linked and not told:
            _log.warning("removed_without_unlinking", session=str(session_id), meaning="the phone may still list it")
        _log.info("session_unlinked", session=str(session_id), told=told)

    @staticmethod
    async def _finish(db: AsyncSession, session_id: UUID) -> None:
        session = await db.get(Session, session_id, with_for_update=True)
        if session is None:
            return
        if session.status == sessions.REMOVED:
            await db.delete(session)
        else:
            session.linked, session.unlink_since = False, None
