"""More conversations than one: titles of those that users open, and which act a tool call was."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chats", sa.Column("title", sa.LargeBinary(), nullable=True))
    op.drop_constraint("ck_chats_place", "chats")
    op.create_check_constraint(
        "ck_chats_place", "chats", "(kind = 'contact') = (jid is not null) and (jid is null) = (session_id is null)"
    )
    op.create_index("ix_chats_user_id", "chats", ["user_id"])
    op.add_column("tool_calls", sa.Column("act_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_tool_calls_act_id", "tool_calls", "acts", ["act_id"], ["id"], ondelete="SET NULL")
    op.create_index("ix_tool_calls_act_id", "tool_calls", ["act_id"])
