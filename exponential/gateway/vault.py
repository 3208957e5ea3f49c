"""The true home of the WhatsApp client's credential stores: sealed pages in the gateway's Postgres.

A worker works on a copy, a file of its session's folder that nobody needs once the client has stopped. What the client
commits there comes here, whole commits in order, before WhatsApp learns of anything that rests on it
(docs/decisions/0003-stores.md). The copy checked out last is the one that counts; what an earlier one still brings is
refused.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock, log
from exponential.database import Database, GatewayBase
from exponential.encryption import key_id
from exponential.gateway import earlier, pages
from exponential.gateway.pages import UNIT, PageCipher

_KEEP = text("""
    with held as (
        update stores set size = :size where session_id = :session and copy = :copy returning session_id
    ), shortened as (
        delete from store_pages using held where store_pages.session_id = held.session_id and number >= :units
    ), kept as (
        insert into store_pages (session_id, number, data)
        select held.session_id, page.number, page.data
        from held, unnest(cast(:numbers as integer[]), cast(:pages as bytea[])) as page (number, data)
        on conflict (session_id, number) do update set data = excluded.data
    )
    select count(*) from held
""")
_PREFIX = "store-"
_log = log.get(__name__)


class Store(GatewayBase):
    """One session's store. `copy` names the one whose changes are taken, `key_id` the ring's key it is sealed under.

    `size` is in bytes; 0 before the first commit.
    """

    __tablename__ = "stores"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    copy: Mapped[UUID]
    key_id: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(BigInteger)


class StorePage(GatewayBase):
    """Unit `number` of a store's file, as it stands on disk; units that were never written have no row."""

    __tablename__ = "store_pages"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("stores.session_id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Lost(Exception):
    """This store was checked out again since, or its session is gone: this copy's time is over."""


class Locked(Exception):
    """The store can't be opened with the keys of the ring; nothing was changed."""


@dataclass(frozen=True)
class Copy:
    """A store checked out to `path`, under its name. `key` is what pages.session_key made for it."""

    name: UUID
    path: Path
    key: bytes = field(repr=False)


class Vault:
    """Checks stores out, keeps what changes in them, and seals them under the newest key of the ring."""

    def __init__(self, database: Database, encryption_keys: Sequence[bytes]) -> None:
        self._database = database
        self._ring = {key_id(key): key for key in encryption_keys}
        self.newest = next(iter(self._ring))

    async def check_out(
        self, session_id: UUID, folder: Path, *, name: UUID | None = None, after: UUID | None = None
    ) -> Copy:
        """Write a copy of the store into `folder`; from now on only this copy's changes are taken.

        With `after` only if that copy was the last one. When the outcome is unknown, call again with the same `name`.
        Raises Lost, or Locked when no key of the ring opens it.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name, key = name or clock.new_id(), pages.session_key(self._ring[self.newest], str(session_id))
        async with self._database.transaction() as db:
            store = await self._claimed(db, session_id)
            if after is not None and store.copy not in (after, name):
                raise Lost
            content = await self._sealed_anew(db, store, key)
            if not store.size:
                content = await self._imported(db, store, folder, key)
            store.copy, size = name, store.size
        path = folder / file_name(name)
        await asyncio.to_thread(_write, path, content, size)
        return Copy(name, path, key)

    async def keep(self, session_id: UUID, copy: UUID, numbers: list[int], units: bytes, size: int) -> None:
        """Commit what changed in a copy, `size` bytes long now: these units, one after the other. Raises Lost.

        When the outcome is unknown (the connection broke), call again before anything else.
        """
        parameters = {
            "session": session_id,
            "copy": copy,
            "size": size,
            "units": -(-size // UNIT),
            "numbers": numbers,
            "pages": [units[at : at + UNIT] for at in range(0, len(units), UNIT)],
        }
        async with self._database.transaction() as db:
            if not await db.scalar(_KEEP, parameters):
                raise Lost

    async def forget(self, session_id: UUID) -> None:
        """Delete the store's content for good; a copy that is still out is shut out."""
        async with self._database.transaction() as db:
            emptied = update(Store).where(Store.session_id == session_id)  # before its pages, as all lock them
            await db.execute(emptied.values(size=0, copy=clock.new_id(), key_id=self.newest))
            await db.execute(delete(StorePage).where(StorePage.session_id == session_id))

    async def reseal(self, session_id: UUID) -> bool:
        """Seal a store that nobody uses under the newest key. False when it is already. Raises Lost or Locked."""
        async with self._database.transaction() as db:
            store = await self._claimed(db, session_id)
            if store.key_id == self.newest:
                return False
            key = pages.session_key(self._ring[self.newest], str(session_id))
            await self._sealed_anew(db, store, key)
            store.copy = clock.new_id()
            return True

    async def _claimed(self, db: AsyncSession, session_id: UUID) -> Store:
        """The row, locked; made when it is missing."""
        new = upsert(Store).values(session_id=session_id, copy=clock.new_id(), key_id=self.newest, size=0)
        try:
            await db.execute(new.on_conflict_do_nothing())
        except IntegrityError:
            raise Lost from None  # the session itself is gone
        return await db.get_one(Store, session_id, with_for_update=True)

    async def _sealed_anew(self, db: AsyncSession, store: Store, key: bytes) -> dict[int, bytes]:
        """The store's pages under `key`, the newest key's, and stored so."""
        stored = select(StorePage.number, StorePage.data).where(StorePage.session_id == store.session_id)
        content = {number: bytes(data) for number, data in await db.execute(stored)}
        master = self._ring.get(store.key_id)
        if master is None:
            raise Locked
        old = PageCipher(pages.file_key(pages.session_key(master, str(store.session_id)), ""))
        if not old.fits(content.get(0, b"")):
            raise Locked
        if store.key_id != self.newest:
            content = await asyncio.to_thread(_resealed, content, old, PageCipher(pages.file_key(key, "")))
            await self._replace(db, store, content)
            store.key_id = self.newest
        return content

    async def _imported(self, db: AsyncSession, store: Store, folder: Path, key: bytes) -> dict[int, bytes]:
        """The plain store that a version before this one left in `folder`, sealed and stored; {} when there is none."""
        try:
            plain = await asyncio.to_thread(earlier.read, folder)
        except ValueError:
            raise Locked from None
        sealed = PageCipher(pages.file_key(key, "")).seal(0, plain)
        content = {at // UNIT: sealed[at : at + UNIT] for at in range(0, len(sealed), UNIT)}
        if content:
            await self._replace(db, store, content)
            store.size = len(sealed)
            _log.info("plain_store_encrypted", session=str(store.session_id))
        return content

    async def _replace(self, db: AsyncSession, store: Store, content: dict[int, bytes]) -> None:
        await db.execute(delete(StorePage).where(StorePage.session_id == store.session_id))
        rows = [{"session_id": store.session_id, "number": number, "data": data} for number, data in content.items()]
        if rows:
            await db.execute(insert(StorePage), rows)


def file_name(copy: UUID) -> str:
    """Of a copy, in its session's folder."""
    return f"{_PREFIX}{copy}.db"


def copy_name(file: str) -> UUID:
    """Which copy lies in a file of this name."""
    return UUID(Path(file).stem.removeprefix(_PREFIX))


def _resealed(content: dict[int, bytes], old: PageCipher, new: PageCipher) -> dict[int, bytes]:
    return {number: new.seal(number * UNIT, old.open(number * UNIT, data)) for number, data in content.items()}


def _write(path: Path, content: dict[int, bytes], size: int) -> None:
    """Write the copy, the only one in its folder: earlier ones go, and a plain store from before."""
    for old in path.parent.glob("store*.db*"):
        old.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for number, data in content.items():
            os.pwrite(file, data, number * UNIT)
        os.ftruncate(file, size)
    finally:
        os.close(file)
