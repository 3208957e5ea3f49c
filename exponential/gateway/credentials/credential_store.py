"""The true home of the WhatsApp client's credential stores: sealed pages in the gateway's Postgres.

A worker works on a copy in its memory, which nobody needs once the client has stopped. What the client commits there
comes here, transactions whole and in order, before WhatsApp learns of anything that rests on it
(docs/decisions/0003-stores.md). The copy checked out last is the one that counts; what an earlier one still brings is
refused.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock, log
from exponential.core.database import Database, GatewayBase
from exponential.core.encryption import key_id
from exponential.gateway.credentials import earlier_formats, sealed_pages
from exponential.gateway.credentials.sealed_pages import Manifest, PageCipher
from exponential.gateway.worker.workarounds import memory_database

_KEEP = text("""
    with held as (
        update stores set size = :size, generation = :generation, manifest = :manifest
        where session_id = :session and copy = :copy returning session_id
    ), shortened as (
        delete from store_pages using held where store_pages.session_id = held.session_id and number >= :pages
    ), kept as (
        insert into store_pages (session_id, number, data)
        select held.session_id, page.number, page.data
        from held, unnest(cast(:numbers as integer[]), cast(:sealed as bytea[])) as page (number, data)
        on conflict (session_id, number) do update set data = excluded.data
    )
    select count(*) from held
""")
_log = log.get(__name__)


class StoreRow(GatewayBase):
    """One session's store. `copy` names the one whose changes are taken, `key_id` the ring's key it is sealed under.

    `size` is in bytes; 0 before the first commit. `generation` counts its transactions, `manifest` is a sealed
    sealed_pages.Manifest; there is none before the first commit, and none of a store that 0.1.0 wrote.
    """

    __tablename__ = "stores"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    copy: Mapped[UUID]
    key_id: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    manifest: Mapped[bytes | None] = mapped_column(LargeBinary)


class StorePage(GatewayBase):
    """Page `number` of a store's file, sealed."""

    __tablename__ = "store_pages"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("stores.session_id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CheckoutLost(Exception):
    """This store was checked out again since, or its session is gone: this copy's time is over."""


class StoreLocked(Exception):
    """The key that the store was sealed under is missing in the ring; nothing was changed."""


class StoreDamaged(StoreLocked):
    """What is stored isn't what was sealed, or isn't of one time; nothing was changed."""


@dataclass
class Checkout:
    """A store that is checked out, under this name. `digests` are those of the pages that were kept of it last."""

    name: UUID
    session_id: UUID
    cipher: PageCipher
    digests: list[bytes]


class CredentialStore:
    """Checks stores out, keeps what changes in them, and seals them under the newest key of the ring."""

    def __init__(self, database: Database, encryption_keys: Sequence[bytes]) -> None:
        self._database = database
        self._ring = {key_id(key): key for key in encryption_keys}
        self.newest = next(iter(self._ring))

    async def check_out(
        self, session_id: UUID, folder: Path, *, name: UUID | None = None, after: UUID | None = None
    ) -> tuple[Checkout, bytes]:
        """A copy of the store, and its content; from now on only this copy's changes are taken.

        With `after` only if that copy was the last one. When the outcome is unknown, call again with the same `name`.
        What earlier versions left in the session's `folder` is read and removed. Raises CheckoutLost, StoreLocked or
        StoreDamaged.
        """
        name = name or clock.new_id()
        async with self._database.transaction() as db:
            store = await self._claimed(db, session_id)
            if after is not None and store.copy not in (after, name):
                raise CheckoutLost
            content = await self._content(db, store, folder)
            if store.key_id != self.newest or (content and store.manifest is None):
                digests = await self._replace(db, store, content)
            else:
                digests = self._manifest(store).digests if store.manifest is not None else []
            store.copy = name
        await asyncio.to_thread(earlier_formats.remove, folder)
        return Checkout(name, session_id, self._cipher(store), digests), content

    async def keep(self, copy: Checkout, generation: int, size: int, changed: Mapping[int, bytes]) -> None:
        """Commit these pages of a copy, `size` bytes long now, as they are after this transaction. Raises CheckoutLost.

        When the outcome is unknown (the connection broke), call again before anything else.
        """
        sealed = {number: copy.cipher.seal_page(number, page) for number, page in changed.items()}
        digests = copy.digests[: sealed_pages.page_count(size)]
        digests += [b""] * (sealed_pages.page_count(size) - len(digests))
        for number, page in sealed.items():
            digests[number] = sealed_pages.digest(page)
        parameters = {
            "session": copy.session_id,
            "copy": copy.name,
            "size": size,
            "generation": generation,
            "manifest": copy.cipher.seal_manifest(Manifest(generation, size, digests)),
            "pages": len(digests),
            "numbers": list(sealed),
            "sealed": list(sealed.values()),
        }
        async with self._database.transaction() as db:
            if not await db.scalar(_KEEP, parameters):
                raise CheckoutLost
        copy.digests = digests

    async def forget(self, session_id: UUID) -> None:
        """Delete the store's content for good; a copy that is still out is shut out."""
        nothing = {"size": 0, "generation": 0, "manifest": None, "copy": clock.new_id(), "key_id": self.newest}
        async with self._database.transaction() as db:
            emptied = update(StoreRow).where(StoreRow.session_id == session_id)  # before its pages, as all lock them
            await db.execute(emptied.values(nothing))
            await db.execute(delete(StorePage).where(StorePage.session_id == session_id))

    async def reseal(self, session_id: UUID) -> bool:
        """Seal a store that nobody uses under the newest key. False when it is already. Raises as `check_out`."""
        async with self._database.transaction() as db:
            store = await self._claimed(db, session_id)
            if store.key_id == self.newest:
                return False
            await self._replace(db, store, await self._content(db, store, None))
            store.copy = clock.new_id()
            return True

    async def _claimed(self, db: AsyncSession, session_id: UUID) -> StoreRow:
        """The row, locked; made when it is missing."""
        new = upsert(StoreRow).values(session_id=session_id, copy=clock.new_id(), key_id=self.newest, size=0)
        try:
            await db.execute(new.on_conflict_do_nothing())
        except IntegrityError:
            raise CheckoutLost from None  # the session itself is gone
        return await db.get_one(StoreRow, session_id, with_for_update=True)

    async def _content(self, db: AsyncSession, store: StoreRow, folder: Path | None) -> bytes:
        """What is in the store, every page and its generation checked; of an empty one, what lies in `folder`."""
        stored = select(StorePage.number, StorePage.data).where(StorePage.session_id == store.session_id)
        sealed = {number: bytes(data) for number, data in await db.execute(stored)}
        if store.key_id not in self._ring:
            raise StoreLocked
        if store.manifest is not None:
            return await asyncio.to_thread(self._opened, store, sealed)
        try:
            if store.size:
                master, session = self._ring[store.key_id], str(store.session_id)
                return await asyncio.to_thread(earlier_formats.open_xts, master, session, sealed, store.size)
            content = await asyncio.to_thread(earlier_formats.read, folder) if folder is not None else b""
        except ValueError:
            raise StoreLocked from None
        if content:
            _log.info("plain_store_encrypted", session=str(store.session_id))
        return content

    def _opened(self, store: StoreRow, sealed: Mapping[int, bytes]) -> bytes:
        try:
            manifest = self._manifest(store)
            content = self._cipher(store).open_pages(manifest, sealed)
        except sealed_pages.PagesDamaged:
            raise StoreDamaged from None
        if manifest.generation != store.generation or memory_database.change_counter(content) != store.generation:
            raise StoreDamaged
        return content

    async def _replace(self, db: AsyncSession, store: StoreRow, content: bytes) -> list[bytes]:
        """Store all of this content, sealed under the newest key; the digests of its pages."""
        store.key_id = self.newest
        cipher = self._cipher(store)
        sealed = {number: cipher.seal_page(number, page) for number, page in sealed_pages.split(content).items()}
        await db.execute(delete(StorePage).where(StorePage.session_id == store.session_id))
        rows = [{"session_id": store.session_id, "number": number, "data": page} for number, page in sealed.items()]
        if rows:
            await db.execute(insert(StorePage), rows)
        digests = [sealed_pages.digest(page) for page in sealed.values()]
        manifest = Manifest(memory_database.change_counter(content), len(content), digests)
        store.size, store.generation = manifest.size, manifest.generation
        store.manifest = cipher.seal_manifest(manifest) if content else None
        return digests

    def _manifest(self, store: StoreRow) -> Manifest:
        return self._cipher(store).open_manifest(store.manifest or b"")

    def _cipher(self, store: StoreRow) -> PageCipher:
        return PageCipher(self._ring[store.key_id], str(store.session_id))
