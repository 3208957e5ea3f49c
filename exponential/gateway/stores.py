"""The stores that this node's workers have out: checking them out, keeping what changes, noticing when one is lost."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from exponential import clock, log
from exponential.gateway import wire
from exponential.gateway.vault import Copy, Lost, Vault, copy_name

AT_ONCE = 8  # stores checked out at the same time after a start: each takes a database connection for a moment
RETRY = 0.5  # seconds between attempts while the database is away
_log = log.get(__name__)


class Stores:
    """One per gateway process. Session folders lie below `folder`."""

    def __init__(self, vault: Vault, folder: Path) -> None:
        self._vault = vault
        self._folder = folder
        self._copies: dict[UUID, UUID] = {}
        self._turns: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = asyncio.Semaphore(AT_ONCE)

    def take_over(self, session_id: UUID) -> None:
        """The next check-out takes the store from whoever has it, as this node has the right to the session."""
        self._copies.pop(session_id, None)

    @contextlib.asynccontextmanager
    async def checked_out(self, session_id: UUID, wanted: Callable[[], bool]) -> AsyncIterator[Copy | None]:
        """A fresh copy, to be handed to a worker within the block; None when it is not `wanted` any more.

        Waits while database or disk can't give it. Raises vault.Locked, or vault.Lost when another node took the store
        since this one had it, or the session is gone.
        """
        async with self._turns[session_id]:
            copy, name = None, clock.new_id()
            while copy is None and wanted():
                try:
                    async with self._slots:
                        folder, after = self._folder / str(session_id), self._copies.get(session_id)
                        copy = await self._vault.check_out(session_id, folder, name=name, after=after)
                except (SQLAlchemyError, OSError) as error:  # the database is away, or the disk is full
                    _log.warning("store_waits", session=str(session_id), error=error)
                    await asyncio.sleep(RETRY)
            if copy is not None:
                self._copies[session_id] = copy.name
            yield copy if wanted() else None

    async def keep(self, changed: wire.Changed, wanted: Callable[[], bool]) -> bool:
        """Commit what a worker changed, however long the database is away. False when its copy no longer counts."""
        session_id, copy = UUID(changed.session), copy_name(changed.store)
        try:
            units = wire.changes_file(self._folder / changed.session / changed.store).read_bytes()
        except FileNotFoundError:  # a newer check-out has removed it
            return False
        while wanted():
            try:
                await self._vault.keep(session_id, copy, changed.units, units, changed.size)
                return True
            except SQLAlchemyError as error:
                _log.warning("store_waits", session=changed.session, error=error)
                await asyncio.sleep(RETRY)
            except Lost:
                return False
        return False

    def lost(self, changed: wire.Changed) -> bool:
        """After `keep` was refused: whether this was our newest copy, so that another node has the session now."""
        return self._copies.get(UUID(changed.session)) == copy_name(changed.store)

    async def forget(self, session_id: UUID) -> None:
        """Delete a store's content for good."""
        async with self._turns[session_id]:
            self._copies.pop(session_id, None)
            await self._vault.forget(session_id)
