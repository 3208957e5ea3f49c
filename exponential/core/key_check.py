"""Key check values: whether the key ring has every key that a database's data needs, told before anything is opened.

Each database keeps one known value sealed under each key that some of its data may be sealed under: it comes before the
first data under that key, and goes when `exponential rotate-key` has left none. Databases of version 0.1.0 have none
yet; there the data itself says which keys it needs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Column, LargeBinary, Table

from exponential.core import database, encryption
from exponential.core.database import AppBase, Database, GatewayBase, Part
from exponential.core.errors import ConfigurationError

TABLE = "key_checks"
KNOWN = b"exponential"
for _base in (AppBase, GatewayBase):
    Table(
        TABLE,
        _base.metadata,
        Column("key_id", LargeBinary, primary_key=True),
        Column("sealed", LargeBinary, nullable=False),
    )
# Pages of credential stores are sealed in another way, and their sessions show by themselves when a key is missing.
_SEALED_BEFORE = """
    select table_name, column_name from information_schema.columns
    where table_schema = current_schema() and data_type = 'bytea' and table_name <> 'store_pages'
"""
# What encryption.encrypt makes has at least 33 bytes and begins with a 1; ids and hashes of that version are shorter.
_KEYS_OF = """
    select distinct substr({column}, 2, 4) from {table}
    where length({column}) >= 33 and substr({column}, 1, 1) = '\\x01'
"""


def verify(part: Part, url: str, keys: Iterable[bytes]) -> set[bytes]:
    """Which keys, by their ids, the data in a database may need; none while there is no database. Changes nothing.

    Raises ConfigurationError when `keys` lack one of them, or when the server can't be reached.
    """
    with database.refusals(part, url):
        connection = database.connect(url)
        if connection is None:
            return set()
        with connection:
            connection.execute(f"select pg_advisory_xact_lock({database.PREPARING})")
            needed = _recorded(connection) or dict.fromkeys(_found(connection))
    _compare(part, needed, keys)
    return set(needed)


def prepare(part: Part, url: str, keys: tuple[bytes, ...]) -> None:
    """Make `keys` this process's ring, and the database ready for it: verified, up to date, its newest key recorded.

    Blocking; safe to run in parallel. Raises ConfigurationError as `verify` and database.prepare do.
    """
    encryption.use_keys(keys)
    needed = verify(part, url, keys)
    database.prepare(part, url)
    with database.refusals(part, url), psycopg.connect(database.libpq(url)) as connection:
        connection.execute(f"lock table {TABLE} in share row exclusive mode")
        recorded = _recorded(connection)
        _compare(part, recorded, keys)  # another process may have been first, with other keys
        sealed = encryption.encrypt_with_each(KNOWN)
        for key_id in ({encryption.key_id(keys[0])} | (set() if recorded else needed)) - set(recorded):
            connection.execute(f"insert into {TABLE} (key_id, sealed) values (%s, %s)", (key_id, sealed[key_id]))


@asynccontextmanager
async def opened(part: Part, url: str, keys: tuple[bytes, ...], *, pool_size: int = 2) -> AsyncIterator[Database]:
    """A database for a command, made ready as `prepare` does. Raises ConfigurationError."""
    await asyncio.to_thread(prepare, part, url, keys)
    found = Database(url, pool_size=pool_size)
    try:
        yield found
    finally:
        await found.close()


def forget_older(part: Part, url: str, newest: bytes) -> None:
    """Record that all data is sealed under the key `newest` now."""
    with database.refusals(part, url), psycopg.connect(database.libpq(url)) as connection:
        connection.execute(f"delete from {TABLE} where key_id <> %s", (encryption.key_id(newest),))


def missing(place: str) -> ConfigurationError:
    """What to say when the key of the data in a place isn't there."""
    return ConfigurationError(
        f"{place} holds data that was encrypted with a key which is missing here, so that it can't be read; nothing "
        "was changed. Put that key back from where you keep it: into the list in EXPONENTIAL_ENCRYPTION_KEY, or the "
        "file encryption-key in the data folder, then start again."
    )


def _compare(part: Part, needed: Mapping[bytes, bytes | None], keys: Iterable[bytes]) -> None:
    ring = {encryption.key_id(key): key for key in keys}
    for key_id, sealed in needed.items():
        if key_id not in ring or (sealed is not None and not encryption.opens(ring[key_id], sealed)):
            raise missing(f"The {part}'s database")


def _recorded(connection: psycopg.Connection) -> dict[bytes, bytes | None]:
    """The key check values by their keys' ids."""
    if connection.execute("select to_regclass(%s)", (TABLE,)).fetchone() == (None,):
        return {}
    return {
        bytes(key_id): bytes(sealed) for key_id, sealed in connection.execute(f"select key_id, sealed from {TABLE}")
    }


def _found(connection: psycopg.Connection) -> set[bytes]:
    """The ids of all keys that data of version 0.1.0 is sealed under."""
    columns = connection.execute(_SEALED_BEFORE).fetchall()
    queries = [SQL(_KEYS_OF).format(table=Identifier(table), column=Identifier(column)) for table, column in columns]
    return {bytes(key_id) for query in queries for (key_id,) in connection.execute(query)}
