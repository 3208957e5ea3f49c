"""Answers that wait for approval: with which message the owner was asked, and when it left for WhatsApp."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pending_sends", sa.Column("ask_message_id", sa.String(200), nullable=True))
    op.add_column("pending_sends", sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True))
    # What was asked before these were recorded was shown long ago.
    op.execute("update pending_sends set shown_at = created_at")
