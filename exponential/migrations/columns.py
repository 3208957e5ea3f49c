"""What migrations share: encrypting columns where they are, in batches, inside the migration's one transaction.

A migration that is interrupted changed nothing, and starts again with the next start.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from exponential.core import encryption

BATCH = 1_000  # rows in memory at once
Row = sa.RowMapping
Write = Callable[[Row], Any]


def make_index_key() -> bytes:
    """Create the table with the key of the database's blind indexes, and that key."""
    table = op.create_table(
        "index_key",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_index_key"),
    )
    key = secrets.token_bytes(32)
    op.bulk_insert(table, [{"id": 1, "key": encryption.encrypt(key)}])
    return key


def encrypt(table: str, names: Sequence[str], new: dict[str, Write] | None = None) -> None:
    """Replace text columns by encrypted ones. `new` columns of bytes are made of what was in clear, before it goes."""
    described = {column["name"]: column for column in sa.inspect(op.get_bind()).get_columns(table)}
    sealed = {f"{name}_sealed": _sealing(name) for name in names}
    made = sealed | (new or {})
    for name in made:
        op.add_column(table, sa.Column(name, sa.LargeBinary(), nullable=True))
    write(table, made, reading=names)
    for name in names:
        op.drop_column(table, name)
        op.alter_column(table, f"{name}_sealed", new_column_name=name, nullable=described[name]["nullable"])
    rebuild(table, names[0])


def write(table: str, columns: dict[str, Write], reading: Sequence[str], *, batch: int = BATCH) -> None:
    """Set `columns` of each row to what their functions make of its primary key and the columns of `reading`; rows that
    have none of these are left out. `batch` rows are in memory at once."""
    connection = op.get_bind()
    keys = sa.inspect(connection).get_pk_constraint(table)["constrained_columns"]
    rows = sa.table(table, *(sa.column(name) for name in dict.fromkeys([*keys, *reading, *columns])))
    which = [rows.c[name] == sa.bindparam(f"old_{name}") for name in keys]
    update = sa.update(rows).where(*which).values({name: sa.bindparam(f"new_{name}") for name in columns})
    query = sa.select(*(rows.c[name] for name in dict.fromkeys([*keys, *reading])))
    query = query.where(sa.or_(*(rows.c[name].is_not(None) for name in reading)))
    with connection.execute(query, execution_options={"yield_per": batch}) as found:
        for part in found.mappings().partitions():
            connection.execute(update, [_parameters(row, keys, columns) for row in part])


def rebuild(table: str, column: str) -> None:
    """Have Postgres write the table anew, for else its file keeps what dropped columns and old rows held. The bytes of
    `column` stay what they are."""
    op.execute(f"alter table {table} alter column {column} type bytea using {column} || ''::bytea")


def blinded(key: bytes, index: str, name: str) -> Write:
    """The blind index of a column in clear."""
    return lambda row: None if row[name] is None else encryption.blind(key, index, row[name])


def _sealing(name: str) -> Write:
    return lambda row: None if row[name] is None else encryption.encrypt(row[name].encode())


def _parameters(row: Row, keys: Sequence[str], columns: dict[str, Write]) -> dict[str, Any]:
    old = {f"old_{name}": row[name] for name in keys}
    return old | {f"new_{name}": make(row) for name, make in columns.items()}
