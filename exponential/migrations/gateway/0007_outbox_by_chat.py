"""The outbox by chats: one is sent in order, and waits for no other."""

import sqlalchemy as sa
from alembic import op

from exponential.core import encryption
from exponential.migrations.columns import Row, write

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
_WAITING = sa.text("state in ('queued', 'sending')")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("chat_key", sa.LargeBinary(), nullable=True))
    sealed = op.get_bind().execute(sa.text("select key from index_key")).scalar_one()
    index_key = encryption.decrypt(bytes(sealed))

    def chat_key(row: Row) -> bytes:
        chat = encryption.decrypt(bytes(row["chat"])).decode()
        return encryption.blind(index_key, "contacts.addresses", f"{row['session_id']} {chat}")

    write("outbox", {"chat_key": chat_key}, reading=["session_id", "chat"])
    op.alter_column("outbox", "chat_key", nullable=False)
    op.drop_index("ix_outbox_waiting", "outbox")
    op.create_index("ix_outbox_waiting", "outbox", ["session_id", "chat_key", "seq"], postgresql_where=_WAITING)
