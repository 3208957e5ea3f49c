"""What an access token may do, and until when; which one did an act. Tokens made before may do all, without end."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_tokens", sa.Column("scope", sa.String(100), nullable=False, server_default="all"))
    op.alter_column("access_tokens", "scope", server_default=None)
    op.add_column("access_tokens", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("acts", sa.Column("program", sa.LargeBinary(), nullable=True))
