"""Messages: whether they are forwarded, what they quote, when they were written."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("forwarded", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("messages", sa.Column("quoted", sa.LargeBinary(), nullable=True))
    op.add_column("messages", sa.Column("quoted_turn_id", sa.Uuid(), nullable=True))
    op.add_column("messages", sa.Column("written_at", sa.DateTime(timezone=True), nullable=True))
