"""Credential stores: sealed pages of the WhatsApp client's SQLite files."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stores",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("copy", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_stores"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_stores_session_id_sessions", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "store_pages",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "number", name="pk_store_pages"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["stores.session_id"], name="fk_store_pages_session_id_stores", ondelete="CASCADE"
        ),
    )
    # Ciphertext doesn't compress: don't try. Rewritten rows are the rule here: keep room beside them.
    op.execute("alter table store_pages alter column data set storage external")
    op.execute("alter table store_pages set (fillfactor = 70)")


def downgrade() -> None:
    op.drop_table("store_pages")
    op.drop_table("stores")
