"""What could not be read of a file in a column of its own, beside its text, which may be long."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from exponential.core import encryption
from exponential.migrations.columns import Row, write

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_FILES = 10  # in memory at once: the text of one may have a million characters


def upgrade() -> None:
    op.add_column("attachments", sa.Column("note", sa.LargeBinary(), nullable=True))
    write("attachments", {"note": _note, "understood": _rest}, reading=["understood"], batch=_FILES)


def _note(row: Row) -> bytes | None:
    note = _open(row).get("note")
    return encryption.encrypt(note.encode()) if note else None


def _rest(row: Row) -> bytes:
    found = _open(row)
    if "note" not in found:
        return bytes(row["understood"])
    del found["note"]
    return encryption.encrypt(json.dumps(found, separators=(",", ":")).encode())


def _open(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encryption.decrypt(bytes(row["understood"])))
    return found
