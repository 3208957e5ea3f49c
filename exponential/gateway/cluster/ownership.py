"""Session ownership: which sessions are this node's, kept in step with the database; those of others when their node is
gone.

Every session has one holder. It runs the session's client where one is wanted, sends what is queued, delivers what was
received, and answers what other nodes ask about it.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import LiteralString
from uuid import UUID

import psycopg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core import log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.errors import Unavailable
from exponential.gateway.cluster.nodes import HEARTBEAT_SECONDS, Deposed, Membership, Node
from exponential.gateway.sessions import reasons, sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.supervisor import Supervisor

_WANTED: LiteralString = "status = any(%(active)s)"
# Whether a client should run; null while unlink.py decides it.
_MINE: LiteralString = f"""
    select id, holder_epoch, case when {_WANTED} then true when unlink_since is null then false end
    from sessions where holder = %(me)s order by id
"""
_RESUMED: LiteralString = "case when linked then 'reconnecting' else 'pending' end"
# Clients are shared out evenly over the nodes; sessions without one are anybody's.
_TAKE: LiteralString = f"""
    with share as (
        select ceil(count(*) / (select count(*)::numeric from nodes)) - count(*) filter (where holder = %(me)s)
        as places from sessions where {_WANTED}
    ), running as (
        select id from sessions where holder is null and {_WANTED}
        order by id limit (select greatest(0, places) from share) for update skip locked
    ), resting as (
        select id from sessions where holder is null and not {_WANTED} for update skip locked
    )
    update sessions set
        holder = %(me)s, holder_epoch = holder_epoch + 1, qr_code = null, qr_expires_at = null, passkey = null,
        since = case when {_WANTED} and status <> {_RESUMED} then now() else since end,
        reason = case when {_WANTED} then case when linked then %(resuming)s else %(starting)s end else reason end,
        status = case when {_WANTED} then {_RESUMED} else status end
    from (select id from running union all select id from resting) as free
    where sessions.id = free.id and holder is null
    returning sessions.id
"""
_log = log.get(__name__)


class Ownership:
    """This node's sessions; a Fence. `on_taken` looks what waits for sessions that are new here."""

    def __init__(self, node: Membership, supervisor: Supervisor, *, on_taken: Callable[[], Awaitable[None]]) -> None:
        self._node = node
        self._supervisor = supervisor
        self._on_taken = on_taken
        self._mine: dict[UUID, int] = {}  # epochs
        self._out_of_step: set[UUID] = set()
        self._pauses: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._something_free = self._look_due = False
        self._beaten = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # --- life

    async def start(self) -> None:
        """Join the nodes, take what is free and keep at it. Raises Unavailable when the database is away."""
        try:
            await self._beat()
            await self._step()
        except psycopg.Error:
            raise Unavailable("The gateway's database doesn't answer right now.", code="database_unavailable") from None
        self._task = asyncio.create_task(self._keep(), name="holding")

    async def stop(self) -> None:
        """Stop taking sessions; those that are held stay held until `leave`."""
        if self._task is not None:
            await cancel_and_wait(self._task)

    async def leave(self) -> None:
        """Leave what was held to the others; their clients here must have stopped."""
        await self._node.leave()

    # --- asked by others

    @property
    def number(self) -> int:
        """This node's number; 0 while it is none."""
        return self._node.number

    def holds(self, session_id: UUID) -> bool:
        """Whether this node is the session's holder, as far as it knows."""
        return session_id in self._mine and not self._node.lapsed()

    async def fenced(self, db: AsyncSession, session_id: UUID) -> bool:
        """Whether this node is the session's holder for the rest of this transaction."""
        # The node's row is what is locked: a holder changes only after its node's row was deleted.
        held = select(Node.number).join(Session, Session.holder == Node.number)
        held = held.where(Session.id == session_id, Node.number == self._node.number)
        return await db.scalar(held.with_for_update(read=True, key_share=True, of=Node)) is not None

    def place(self, session: Session) -> None:
        """Make this node the holder of a new session, whose client `adopt` starts after the commit."""
        if not self._node.number or self._node.lapsed():
            raise Unavailable("This gateway has lost its database for a moment. Try again.", code="node_lapsed")
        session.holder, session.holder_epoch = self._node.number, 1

    async def renew(self, db: AsyncSession, session_id: UUID) -> Session:
        """The session with a new epoch, for `adopt` to start its client anew. Raises Unavailable if it isn't held."""
        if not await self.fenced(db, session_id):
            raise Unavailable("This session is just changing hands. Try again in a moment.", code="node_lapsed")
        session = await db.get_one(Session, session_id)
        session.holder_epoch += 1
        return session

    @contextlib.asynccontextmanager
    async def paused(self, session_id: UUID) -> AsyncIterator[None]:
        """Stop the session's client, which nobody starts here within the block."""
        async with self._pauses[session_id]:
            await self._supervisor.close_session(session_id)
            yield

    def _is_paused(self, session_id: UUID) -> bool:
        return session_id in self._pauses and self._pauses[session_id].locked()

    async def adopt(self, session_id: UUID, epoch: int) -> None:
        """Start the client of a session that this node holds since `epoch`, anew if there is one from before."""
        if self._mine.get(session_id, -1) < epoch and not self._is_paused(session_id):
            self._mine[session_id] = epoch
            await self._supervisor.open(session_id)

    # --- the loop

    async def _keep(self) -> None:
        """Beat, whatever there is to do: that is a task of its own, which a busy database may hold up."""
        working = asyncio.create_task(self._work(), name="holding in step")
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                why = await self._beat_or_why()
                if why:
                    await cancel_and_wait(working)
                    await self._let_go(why)
                    working = asyncio.create_task(self._work(), name="holding in step")
        finally:
            await cancel_and_wait(working)

    async def _beat_or_why(self) -> str:
        """Why what was held must be let go, or ""."""
        try:
            await self._beat()
        except Deposed:
            return "others took over"
        except Exception as error:  # whatever it was: a node that no longer beats is in the way of others
            _log.warning("node_cut_off", error=error)
            return "the database was away for too long" if self._node.lapsed() and self._node.number else ""
        return ""

    async def _beat(self) -> None:
        had_lapsed = self._node.lapsed()
        self._something_free = await self._node.beat()
        self._look_due |= had_lapsed  # what came meanwhile was left where it was
        self._supervisor.may_act_until(self._node.until)
        self._beaten.set()

    async def _work(self) -> None:
        """After each beat, what there is to do."""
        while True:
            await self._beaten.wait()
            self._beaten.clear()
            try:
                await self._step()
            except Exception as error:
                _log.warning("node_out_of_step", error=error)

    async def _step(self) -> None:
        if self._something_free:
            await self._node.bury()
            await self._take()
        if await self._keep_in_step():
            self._look_due = True
        if self._look_due:
            self._look_due = False  # a beat may find it due anew meanwhile
            try:
                await self._on_taken()
            except BaseException:
                self._look_due = True
                raise

    async def _take(self) -> None:
        taken = await self._node.run(
            _TAKE, self._parameters() | {"resuming": reasons.RESUMING, "starting": reasons.STARTING}
        )
        if taken:
            _log.info("sessions_taken", node=self._node.number, count=len(taken))

    async def _keep_in_step(self) -> bool:
        """Start and stop clients as the database says; whether there are new sessions."""
        before = dict(self._mine)  # what is adopted from here on isn't in the answer yet
        rows = await self._node.run(_MINE, self._parameters())
        fresh = [
            (session_id, epoch, wanted) for session_id, epoch, wanted in rows if epoch > before.get(session_id, -1)
        ]
        for session_id, epoch, wanted in fresh:
            if wanted:
                await self.adopt(session_id, epoch)
            else:
                self._mine[session_id] = max(epoch, self._mine.get(session_id, -1))
        for session_id in before.keys() - {row[0] for row in rows}:
            if self._mine.get(session_id) == before[session_id]:
                await self._supervisor.close_session(session_id)
                del self._mine[session_id]
        await self._mend(rows)
        return bool(fresh)

    async def _mend(self, rows: list[tuple[UUID, int, bool | None]]) -> None:
        """Open what should run and doesn't, close what shouldn't: if it is so twice, nobody is about to do it."""
        wrong = {row[0]: row[2] for row in rows if row[2] is not None and row[2] != self._supervisor.runs(row[0])}
        for session_id in wrong.keys() & self._out_of_step:
            if not wrong.pop(session_id):
                await self._supervisor.close_session(session_id)
            elif not self._is_paused(session_id):
                await self._supervisor.open(session_id)
        self._out_of_step = set(wrong)

    async def _let_go(self, why: str) -> None:
        """Others may hold what this node held: its clients end at once, and nothing more is said about them."""
        _log.error("node_lets_go", node=self._node.number, sessions=len(self._mine), why=why)
        self._node.resign()
        self._mine.clear()
        self._out_of_step.clear()
        await self._supervisor.abandon()

    def _parameters(self) -> dict[str, object]:
        return {"me": self._node.number, "active": list(sessions.ACTIVE)}
