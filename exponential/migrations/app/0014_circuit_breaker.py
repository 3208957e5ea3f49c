"""Chats: until when Paddy pauses because another assistant seems to answer it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chats", sa.Column("breaker_until", sa.DateTime(timezone=True), nullable=True))
