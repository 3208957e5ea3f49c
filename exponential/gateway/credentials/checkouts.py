"""The stores that this node's workers have out: checking them out, keeping what changes, noticing when one is lost."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from exponential.core import clock, log
from exponential.gateway.credentials import sealed_pages
from exponential.gateway.credentials.credential_store import Checkout, CheckoutLost, CredentialStore
from exponential.gateway.worker import protocol

MAX_CONCURRENT = 8  # stores checked out at the same time after a start: each takes a database connection for a moment
RETRY_SECONDS = 0.5  # between attempts while the database is away
_log = log.get(__name__)


class Checkouts:
    """One per gateway process. Session folders lie below `folder`."""

    def __init__(self, credentials: CredentialStore, folder: Path) -> None:
        self._credentials = credentials
        self._folder = folder
        self._copies: dict[UUID, Checkout] = {}
        self._taken_over: set[UUID] = set()
        self._turns: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)

    def take_over(self, session_id: UUID) -> None:
        """The next check-out takes the store from whoever has it, as this node has the right to the session."""
        self._taken_over.add(session_id)

    @contextlib.asynccontextmanager
    async def checked_out(
        self, session_id: UUID, wanted: Callable[[], bool]
    ) -> AsyncIterator[tuple[Checkout, bytes] | None]:
        """A fresh copy and its content, to be handed to a worker within the block; None when no longer `wanted`.

        Waits while the database can't give it. Raises StoreLocked or StoreDamaged, or CheckoutLost when another
        node took the store since this one had it, or the session is gone.
        """
        async with self._turns[session_id]:
            checked_out, name = None, clock.new_id()
            while checked_out is None and wanted():
                try:
                    async with self._slots:
                        last = None if session_id in self._taken_over else self._copies.get(session_id)
                        folder, after = self._folder / str(session_id), last.name if last else None
                        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                        checked_out = await self._credentials.check_out(session_id, folder, name=name, after=after)
                except (SQLAlchemyError, OSError) as error:  # the database is away, or the disk is full
                    _log.warning("store_waits", session=str(session_id), error=error)
                    await asyncio.sleep(RETRY_SECONDS)
            if checked_out is not None:
                self._taken_over.discard(session_id)
                self._copies[session_id] = checked_out[0]
            yield checked_out if wanted() else None

    async def keep(self, changed: protocol.StoreChanged, wanted: Callable[[], bool]) -> bool:
        """Commit what a worker changed, however long the database is away. False when its copy no longer counts."""
        copy = self._copies.get(UUID(changed.session))
        if copy is None or str(copy.name) != changed.store:
            return False
        changes = dict(zip(changed.pages, sealed_pages.split(changed.data).values(), strict=True))
        while wanted():
            try:
                await self._credentials.keep(copy, changed.generation, changed.size, changes)
                return True
            except SQLAlchemyError as error:
                _log.warning("store_waits", session=changed.session, error=error)
                await asyncio.sleep(RETRY_SECONDS)
            except CheckoutLost:
                return False
        return False

    async def lost(self, changed: protocol.StoreChanged) -> bool:
        """After `keep` was refused: whether this was our newest copy, so that another node has the session now."""
        session_id = UUID(changed.session)
        async with self._turns[session_id]:  # else our own next copy may just be on its way
            copy = self._copies.get(session_id)
            return copy is not None and str(copy.name) == changed.store

    async def forget(self, session_id: UUID) -> None:
        """Delete a store's content for good."""
        async with self._turns[session_id]:
            self._copies.pop(session_id, None)
            await self._credentials.forget(session_id)
