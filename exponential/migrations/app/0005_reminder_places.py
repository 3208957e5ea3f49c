"""The WhatsApp chat in which a reminder was asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reminder_places",
        sa.Column("reminder_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(100), nullable=False),
        sa.Column("jid", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("reminder_id", name="pk_reminder_places"),
        sa.ForeignKeyConstraint(
            ["reminder_id"], ["reminders.id"], name="fk_reminder_places_reminder_id", ondelete="CASCADE"
        ),
    )
