"""Who may talk to the assistant, the contacts it talks with, and what it needs to quote or confirm their messages."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("rules", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_policies"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_policies_session_id_sessions", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("jid_key", sa.LargeBinary()),
        sa.Column("lid_key", sa.LargeBinary()),
        sa.Column("chat", sa.LargeBinary(), nullable=False),
        sa.Column("addresses", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True)),
        sa.Column("paused_until", sa.DateTime(timezone=True)),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("session_id", "jid_key", name="uq_contacts_session_id_jid_key"),
        sa.UniqueConstraint("session_id", "lid_key", name="uq_contacts_session_id_lid_key"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_contacts_session_id_sessions", ondelete="CASCADE"
        ),
    )
    op.add_column("outbox", sa.Column("reply_to", sa.String(128)))
    op.create_table(
        "origins",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("chat_key", sa.LargeBinary(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "message_id", name="pk_origins"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_origins_session_id_sessions", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_origins_kept_at", "origins", ["kept_at"])


def downgrade() -> None:
    op.drop_table("origins")
    op.drop_column("outbox", "reply_to")
    op.drop_table("contacts")
    op.drop_table("policies")
