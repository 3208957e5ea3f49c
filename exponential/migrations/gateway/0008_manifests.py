"""Credential stores: which transaction is stored, and the sealed manifest of its pages."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Pages without a manifest are those of 0.1.0, sealed in another way; they are moved when a session next starts.
    op.add_column("stores", sa.Column("generation", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("stores", sa.Column("manifest", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("stores", "manifest")
    op.drop_column("stores", "generation")
