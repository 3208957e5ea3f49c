"""Tasks, chats, messages, turns and their ledger; procrastinate's own tables for the jobs."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _workspace()
    _conversation()
    _turns()
    # The schema holds many statements and percent signs, so it goes to the driver as it is.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SchemaManager.get_schema())


def _workspace() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        _time("due_at", nullable=True),
        _time("done_at", nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_tasks_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_tasks_user_id_done_at", "tasks", ["user_id", "done_at"])


def _conversation() -> None:
    op.create_table(
        "chats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("session_id", sa.String(100), nullable=True),
        sa.Column("jid", sa.String(200), nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_chats_user_id", ondelete="CASCADE"),
        sa.CheckConstraint(
            "(kind = 'main') = (jid is null) and (jid is null) = (session_id is null)", name="ck_chats_place"
        ),
    )
    op.create_index("uq_chats_main", "chats", ["user_id"], unique=True, postgresql_where=sa.text("kind = 'main'"))
    op.create_index("uq_chats_contact", "chats", ["user_id", "session_id", "jid"], unique=True)
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("chat_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("session_id", sa.String(100), nullable=True),
        sa.Column("jid", sa.String(200), nullable=True),
        sa.Column("external_id", sa.String(200), nullable=True),
        sa.Column("sender_name", sa.LargeBinary(), nullable=True),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_messages_chat_id", ondelete="CASCADE"),
    )
    op.create_index("uq_messages_external", "messages", ["session_id", "external_id"], unique=True)
    op.create_index("ix_messages_chat_id_position", "messages", ["chat_id", "position"])
    op.create_index("ix_messages_turn_id", "messages", ["turn_id"])
    op.create_index(
        "ix_messages_unanswered",
        "messages",
        ["chat_id"],
        postgresql_where=sa.text("turn_id is null and role = 'user'"),
    )


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chat_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("history", sa.LargeBinary(), nullable=False),
        _time("started_at"),
        _time("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_turns_chat_id", ondelete="CASCADE"),
    )
    op.create_index("ix_turns_chat_id_started_at", "turns", ["chat_id", "started_at"])
    op.create_index(
        "uq_turns_running", "turns", ["chat_id"], unique=True, postgresql_where=sa.text("state = 'running'")
    )
    op.create_foreign_key("fk_messages_turn_id", "messages", "turns", ["turn_id"], ["id"])
    op.create_table(
        "tool_calls",
        sa.Column("turn_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.String(200), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("args", sa.LargeBinary(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("turn_id", "call_id", name="pk_tool_calls"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_tool_calls_turn_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    raise NotImplementedError("Going back below 0002 would drop every conversation; restore a backup instead.")
