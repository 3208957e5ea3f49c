"""All that belongs to one user, in every table that leads to `users` by its foreign keys: exported, and erased.

A table that is added later is in both without a word here; a test sees to it that each table leads to its user.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy import Column, ColumnElement, LargeBinary, Table, delete, func, select, text, type_coerce
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth import users  # noqa: F401  whose table it is
from exponential.core.database import AppBase
from exponential.core.encryption import EncryptedBytes

USERS: Table = AppBase.metadata.tables["users"]
# Attempts are under blinded names, for a quarter of an hour; key checks are known values.
NOBODYS = frozenset({"index_key", "key_checks", "sign_in_attempts"})
SLICE_BYTES = 1_000_000  # of a file that are read at once
_JOBS = """
delete from procrastinate_jobs where status = 'todo' and (
  args->>'chat_id' in (select id::text from chats where user_id = :user)
  or args->>'turn_id' in (select turns.id::text from turns join chats on chats.id = chat_id where user_id = :user))
"""


def tables() -> list[Table]:
    """The tables that hold something of users, each after those that it refers to."""
    return [table for table in AppBase.metadata.sorted_tables if _leads(table) is not None]


@dataclass(frozen=True)
class StoredFile:
    """A file in a column of the row with this primary key, not read yet."""

    column: Column[Any]
    key: UUID


async def rows(session: AsyncSession, user_id: UUID, table: Table) -> AsyncIterator[list[dict[str, Any]]]:
    """The user's rows of a table, a few at a time, as JSON, decrypted; a file in them is a StoredFile. Without hashes
    of secrets, and without indexes."""
    columns = [column for column in table.columns if _is_told(column)]
    (key, *_) = table.primary_key.columns
    asked = [column.is_not(None) if _is_file(column) else column for column in columns]
    query = select(key.label("of"), *asked).where(_of(table, user_id)).order_by(*table.primary_key.columns)
    async for few in (await session.stream(query.execution_options(yield_per=20))).partitions():
        yield [
            {column.name: _told(column, of, value) for column, value in zip(columns, values, strict=True)}
            for of, *values in few
        ]


async def read(session: AsyncSession, file: StoredFile) -> bytes | None:
    """A file as it is stored, encrypted; in slices, so that none of them keeps the event loop. None: it is gone."""
    (key, *_) = file.column.table.primary_key.columns
    sealed = bytearray()
    while True:
        part = func.substring(type_coerce(file.column, LargeBinary), len(sealed) + 1, SLICE_BYTES)
        found = (await session.execute(select(type_coerce(part, LargeBinary)).where(key == file.key))).scalar()
        if not found:
            return bytes(sealed) or None
        sealed += found


async def erase(session: AsyncSession, user_id: UUID) -> None:
    """Delete the account and all that belongs to it, for good. What is just being written for it finds it gone."""
    for table in tables():
        await session.execute(select(table.primary_key.columns[0]).where(_of(table, user_id)).with_for_update(of=table))
    await session.execute(text(_JOBS), {"user": user_id})
    for table in reversed(tables()):
        await session.execute(delete(table).where(_of(table, user_id)))


def _of(table: Table, user_id: UUID) -> ColumnElement[bool]:
    """Which rows of a table are the user's."""
    if table is USERS:
        return table.c.id == user_id
    column = _leads(table)
    assert column is not None
    target = next(iter(column.foreign_keys)).column
    if target.table is USERS:
        return column == user_id
    return column.in_(select(target).where(_of(target.table, user_id)))


def _leads(table: Table, seen: frozenset[Table] = frozenset()) -> Column[Any] | None:
    """The column by which a table's rows are a user's, directly if possible."""
    if table is USERS:
        return USERS.c.id
    keys = [(column, key.column.table) for column in table.columns for key in column.foreign_keys]
    for column, target in sorted(keys, key=lambda pair: (pair[1] is not USERS, pair[0].nullable or False)):
        if target is not table and target not in seen and _leads(target, seen | {table}) is not None:
            return column
    return None


def _is_told(column: Column[Any]) -> bool:
    return not column.name.endswith(("_hash", "_key")) and not isinstance(column.type, TSVECTOR)


def _is_file(column: Column[Any]) -> bool:
    return isinstance(column.type, EncryptedBytes)


def _told(column: Column[Any], key: UUID, value: Any) -> Any:
    if _is_file(column):
        return StoredFile(column, key) if value else None
    return to_jsonable_python(value)
