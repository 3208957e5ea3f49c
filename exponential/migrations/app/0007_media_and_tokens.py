"""Files that came with messages, access tokens of programs, the ids under which these hand meetings in; approvals."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("mime", sa.String(100), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("understood", sa.LargeBinary(), nullable=True),
        sa.Column("view", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_attachments_message_id", ondelete="CASCADE"),
    )
    op.create_index("ix_attachments_message_id", "attachments", ["message_id"])
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_access_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_access_tokens_token_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_access_tokens_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_access_tokens_user_id", "access_tokens", ["user_id"])
    op.create_table(
        "approval_rules",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_approval_rules"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_approval_rules_user_id", ondelete="CASCADE"),
    )
    op.create_table(
        "pending_sends",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=False),
        sa.Column("ask_turn_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_pending_sends"),
        sa.UniqueConstraint("turn_id", name="uq_pending_sends_turn_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_pending_sends_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_pending_sends_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_pending_sends_turn_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["ask_turn_id"], ["turns.id"], name="fk_pending_sends_ask_turn_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_pending_sends_chat_id", "pending_sends", ["chat_id"])
    op.create_index("ix_pending_sends_ask_turn_id", "pending_sends", ["ask_turn_id"])
    op.create_index("uq_pending_sends_user_id_number", "pending_sends", ["user_id", "number"], unique=True)
    op.create_index(
        "ix_pending_sends_expires_at", "pending_sends", ["expires_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.add_column("meetings", sa.Column("external_id", sa.String(200), nullable=True))
    op.create_index("uq_meetings_user_id_external_id", "meetings", ["user_id", "external_id"], unique=True)
