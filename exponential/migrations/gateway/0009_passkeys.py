"""Sessions: whether our own client links the account, and the step at which it waits for a passkey."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("own_linking", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sessions", sa.Column("passkey", sa.LargeBinary(), nullable=True))
    op.add_column("sessions", sa.Column("passkey_expires_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("passkey_expires_at", "passkey", "own_linking"):
        op.drop_column("sessions", column)
