"""Whether somebody other than its user vouches for an account's address. Nobody knows of those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("email_verified", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("users", "email_verified", server_default=None)
