"""Nodes: gateways on one Postgres. Who is there, who died, and which session each holds.

A node is a row of `nodes` and an advisory lock on its number, held by one connection that does nothing else, so the
lock goes with the process. Every session names its holder; each change of holder raises the session's epoch. Only over
that one connection are sessions taken: a node that lost it can't take anything. docs/decisions/0004-nodes.md says why.
"""

import asyncio
import time
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, LiteralString, Protocol, TypeVar
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import log
from exponential.core.database import GatewayBase

T = TypeVar("T")
_log = log.get(__name__)

HEARTBEAT_SECONDS = 1.0  # between heartbeats
LEASE_SECONDS = 8.0  # after its last heartbeat for which a node and its workers may act for their sessions
SILENT_SECONDS = (
    9.0  # seconds without a heartbeat after which others end a node's connections: a little more than its lease
)
GONE_SECONDS = 3.0  # without a heartbeat and without its lock: its process or connection ended
STATEMENT_SECONDS = 3.0  # that the database gets for one statement on the node's connection
_LOCKS = 0x4E4F4445  # first half of the keys of these advisory locks; the other half is a node's number
_KEEPALIVES = {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 3000}
_PATIENCE: LiteralString = """
    select set_config(name, value, false) from (values
        ('statement_timeout', '3s'), ('lock_timeout', '2s'), ('tcp_keepalives_idle', '2'),
        ('tcp_keepalives_interval', '1'), ('tcp_keepalives_count', '3')
    ) as wanted (name, value)
"""
_LOCKED: LiteralString = f"""
    select objid::bigint from pg_locks where locktype = 'advisory' and classid = {_LOCKS} and objsubid = 2 and granted
    and database = (select oid from pg_database where datname = current_database())
"""
_IS_DEAD: LiteralString = f"""
    (seen_at < clock_timestamp() - interval '{SILENT_SECONDS} s'
     or seen_at < clock_timestamp() - interval '{GONE_SECONDS} s' and number not in ({_LOCKED}))
"""
_JOIN: LiteralString = f"""
    with former as (
        delete from nodes where name = %(name)s and number not in ({_LOCKED})
    ), me as (
        insert into nodes (name, started_at, seen_at) values (%(name)s, clock_timestamp(), clock_timestamp())
        returning number
    )
    select number from me, pg_advisory_lock({_LOCKS}, number)
"""
_LOCK: LiteralString = f"select pg_try_advisory_lock({_LOCKS}, %(me)s)"
_BEAT: LiteralString = f"""
    update nodes set seen_at = clock_timestamp() where number = %(me)s
    returning exists (select from sessions where holder is null)
        or exists (select from nodes as other where other.number <> %(me)s and {_IS_DEAD})
"""
_SILENT: LiteralString = f"""
    select number, name from nodes
    where number <> %(me)s and seen_at < clock_timestamp() - interval '{SILENT_SECONDS} s'
"""
_END: LiteralString = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = %(name)s and datname = current_database() and pid <> pg_backend_pid()
"""
_END_HOLDER: LiteralString = f"""
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and classid = {_LOCKS} and objid = %(me)s and objsubid = 2 and granted
    and database = (select oid from pg_database where datname = current_database())
"""
_BURY: LiteralString = f"delete from nodes where number <> %(me)s and {_IS_DEAD} returning number"


class Node(GatewayBase):
    """A gateway that runs, or did until a moment ago. `name` is also the application_name of its connections."""

    __tablename__ = "nodes"

    number: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(63))
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class HeldByNode:
    """Columns of what a node holds. `holder_epoch` grows with every change of holder and every new start there."""

    holder: Mapped[int | None] = mapped_column(ForeignKey("nodes.number", ondelete="SET NULL"), index=True)
    holder_epoch: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class Fence(Protocol):
    """What this node may do; Ownership is one."""

    def holds(self, session_id: UUID) -> bool:
        """Whether this node is the session's holder, as far as it knows."""
        ...

    async def fenced(self, db: AsyncSession, session_id: UUID) -> bool:
        """Whether this node is the session's holder, for the rest of this transaction."""
        ...


class Deposed(Exception):
    """Others took this node for dead: what it held may be held by them."""


class NoAnswer(psycopg.OperationalError):
    """The database took too long."""


class Membership:
    """This gateway's place among the nodes. `number` is 0 while it has none.

    `name` must be no other node's, and the application_name of all of this gateway's connections: by it others end them
    when it falls silent. Every method but `lapsed` raises psycopg.Error when the database is away or too slow.
    """

    def __init__(self, libpq: str, name: str) -> None:
        self._conninfo = make_conninfo(
            libpq, application_name=name, connect_timeout=int(STATEMENT_SECONDS), **_KEEPALIVES
        )
        self._name = name
        self._connection: psycopg.AsyncConnection | None = None
        self.number = 0
        self.until = 0.0  # time.monotonic(), the same in all processes of this machine
        self._merciful_until = 0.0

    def lapsed(self) -> bool:
        """Whether the lease has run out: nothing may be done any more for what this node held."""
        return time.monotonic() > self.until

    async def beat(self) -> bool:
        """Say that this node lives, joining when it must; whether there is something to take. Raises Deposed."""
        begun = time.monotonic()
        if self._connection is None:
            await self._connect()
        rows = await self.run(_BEAT, {"me": self.number})
        if not rows:
            raise Deposed
        self.until = begun + LEASE_SECONDS
        return bool(rows[0][0]) and begun > self._merciful_until

    async def run(self, statement: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """One statement on the connection that holds the lock; its rows."""
        connection = self._connection
        if connection is None:
            raise psycopg.OperationalError("this node has no connection")

        async def work() -> list[tuple[Any, ...]]:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []

        try:
            return await _within(STATEMENT_SECONDS, work())
        except NoAnswer:
            self._drop()
            raise
        except psycopg.Error:
            if connection.broken or connection.closed:
                self._drop()
            raise

    async def bury(self) -> None:
        """End the connections of nodes that fell silent, and remove the dead from the list: their sessions are free."""
        for number, name in await self.run(_SILENT, {"me": self.number}):
            ended = await self.run(_END, {"name": name})
            _log.warning("node_silenced", node=number, connections=len(ended))
        for (number,) in await self.run(_BURY, {"me": self.number}):
            _log.warning("node_gone", node=number)

    def resign(self) -> None:
        """Forget this membership; the next beat joins as a new node."""
        self._drop()
        self.number = 0

    async def leave(self) -> None:
        """Give everything this node held to the others, now."""
        try:
            if self._connection is not None:
                await self.run("delete from nodes where number = %(me)s", {"me": self.number})
        except psycopg.Error as error:
            _log.warning("node_left_in_silence", error=error)
        self.resign()

    async def _connect(self) -> None:
        # A connection that was lost may be a second old or the database new: the lock, or a new number, tells.
        self._connection = await _within(
            STATEMENT_SECONDS, psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        )
        try:
            await self.run(_PATIENCE, {})
            if self.number:
                await self._lock_again()
                self._merciful_until = time.monotonic() + GONE_SECONDS  # what cut us off may have cut off others, too
            else:
                [(self.number,)] = await self.run(_JOIN, {"name": self._name})
                _log.info("node_joined", node=self.number)
        except BaseException:
            self._drop()
            raise

    async def _lock_again(self) -> None:
        for _ in range(10):
            [(locked,)] = await self.run(_LOCK, {"me": self.number})
            if locked:
                return
            await self.run(_END_HOLDER, {"me": self.number})  # our own old connection, which the server still keeps
            await asyncio.sleep(0.1)
        raise psycopg.OperationalError("this node's lock isn't free")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """`work`, or NoAnswer, even if it takes its time to be cancelled."""
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        return task.result()
    task.cancel()
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    raise NoAnswer("the database doesn't answer")
