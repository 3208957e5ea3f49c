"""Projects, meetings, reminders, facts, notes of guests; acts on the workspace and what they changed."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _table(name: str, *columns: sa.Column[Any] | sa.Constraint) -> None:
    """A table of records that belong to a user."""
    op.create_table(
        name,
        _column("id", sa.Uuid()),
        _column("user_id", sa.Uuid()),
        *columns,
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{name}_user_id", ondelete="CASCADE"),
    )


def upgrade() -> None:
    _projects()
    _meetings()
    _reminders()
    _memory()
    _history()


def _projects() -> None:
    _table(
        "projects",
        _column("name", sa.String(200)),
        _column("status", sa.String(16)),
        _column("review_on", sa.Date(), nullable=True),
        _column("note", sa.LargeBinary(), nullable=True),
        _time("noted_at", nullable=True),
    )
    op.create_index("ix_projects_user_id", "projects", ["user_id"])
    op.add_column("tasks", sa.Column("priority", sa.String(8), nullable=False, server_default="normal"))
    op.alter_column("tasks", "priority", server_default=None)
    op.add_column("tasks", sa.Column("project_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_tasks_project_id", "tasks", "projects", ["project_id"], ["id"], ondelete="SET NULL")
    op.create_index("ix_tasks_project_id", "tasks", ["project_id"])


def _meetings() -> None:
    _table(
        "meetings",
        _column("title", sa.String(300)),
        _column("held_on", sa.Date()),
        _column("form", sa.String(8)),
        _column("summary", sa.LargeBinary()),
    )
    op.create_index("ix_meetings_user_id_held_on", "meetings", ["user_id", "held_on"])
    op.create_table(
        "meeting_lines",
        _column("meeting_id", sa.Uuid()),
        _column("number", sa.Integer()),
        _column("speaker", sa.LargeBinary(), nullable=True),
        _column("seconds", sa.Integer(), nullable=True),
        _column("text", sa.LargeBinary()),
        _column("words", TSVECTOR()),
        sa.PrimaryKeyConstraint("meeting_id", "number", name="pk_meeting_lines"),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name="fk_meeting_lines_meeting_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_meeting_lines_words", "meeting_lines", ["words"], postgresql_using="gin")
    op.create_table(
        "meeting_items",
        _column("id", sa.Uuid()),
        _column("meeting_id", sa.Uuid()),
        _column("kind", sa.String(8)),
        _column("text", sa.LargeBinary()),
        _column("owner", sa.LargeBinary(), nullable=True),
        _column("due_on", sa.Date(), nullable=True),
        _column("line", sa.Integer()),
        _column("task_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_meeting_items"),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name="fk_meeting_items_meeting_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_meeting_items_task_id", ondelete="SET NULL"),
    )
    op.create_index("ix_meeting_items_meeting_id", "meeting_items", ["meeting_id"])


def _reminders() -> None:
    _table(
        "reminders",
        _column("text", sa.LargeBinary()),
        _time("at"),
        _time("began_at"),
        _column("repeat", sa.String(16), nullable=True),
        _column("every", sa.Integer()),
        _time("sent_at", nullable=True),
        _time("ended_at", nullable=True),
    )
    op.create_index("ix_reminders_user_id", "reminders", ["user_id"])
    op.create_index("ix_reminders_at", "reminders", ["at"], postgresql_where=sa.text("ended_at is null"))


def _memory() -> None:
    _table("facts", _column("text", sa.LargeBinary()))
    op.create_index("ix_facts_user_id", "facts", ["user_id"])
    _table("notes", _column("sender", sa.LargeBinary(), nullable=True), _column("text", sa.LargeBinary()))
    op.create_index("ix_notes_user_id", "notes", ["user_id"])


def _history() -> None:
    _table(
        "acts",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _column("name", sa.String(100)),
        _column("source", sa.String(16)),
        _column("args", sa.LargeBinary()),
        _column("outcome", sa.String(50)),
        _time("undone_at", nullable=True),
    )
    op.create_index("ix_acts_user_id_position", "acts", ["user_id", "position"])
    op.create_table(
        "changes",
        _column("id", sa.Uuid()),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _column("act_id", sa.Uuid()),
        _column("kind", sa.String(50)),
        _column("record_id", sa.Uuid()),
        _column("before", sa.LargeBinary(), nullable=True),
        _column("after", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sa.ForeignKeyConstraint(["act_id"], ["acts.id"], name="fk_changes_act_id", ondelete="CASCADE"),
    )
    op.create_index("ix_changes_act_id", "changes", ["act_id"])


def downgrade() -> None:
    raise NotImplementedError("Going back below 0004 would drop projects, meetings and more; restore a backup instead.")
