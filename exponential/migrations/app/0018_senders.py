"""Messages: who wrote them, by WhatsApp's own address, where the name is of their own choice."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("sender_jid", sa.LargeBinary(), nullable=True))
