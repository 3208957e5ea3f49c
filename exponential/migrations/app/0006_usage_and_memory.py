"""What language models cost; a chat's pause, fresh start and summary; turns stopped or repeated; briefings."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("chats", _time("paused_at", nullable=True))
    op.add_column("chats", _time("paused_until", nullable=True))
    op.add_column("chats", _time("begins_at", nullable=True))
    op.add_column("chats", sa.Column("summary", sa.LargeBinary(), nullable=True))
    op.add_column("chats", _time("summarised_until", nullable=True))
    op.add_column("chats", sa.Column("limit_told_on", sa.Date(), nullable=True))
    op.add_column("turns", _time("stop_asked_at", nullable=True))
    op.add_column("turns", sa.Column("again_of", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_turns_again_of", "turns", "turns", ["again_of"], ["id"], ondelete="SET NULL")
    op.create_index("ix_turns_again_of", "turns", ["again_of"], postgresql_where=sa.text("again_of is not null"))
    _usage()
    _briefings()


def _usage() -> None:
    op.create_table(
        "model_usage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Numeric(14, 8), nullable=True),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_model_usage"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_model_usage_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_model_usage_turn_id", ondelete="SET NULL"),
    )
    op.create_index("ix_model_usage_user_id_created_at", "model_usage", ["user_id", "created_at"])
    op.create_index("ix_model_usage_turn_id", "model_usage", ["turn_id"])


def _briefings() -> None:
    op.create_table(
        "briefings",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("days", sa.String(16), nullable=False),
        sa.Column("said_on", sa.Date(), nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("user_id", name="pk_briefings"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_briefings_user_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    raise NotImplementedError("Going back below 0006 would drop what was spent; restore a backup instead.")
