"""Gateway nodes: who is there, which session each holds, and what one asks of another."""

import sqlalchemy as sa
from alembic import op

revision = "0002_nodes"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("number", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_nodes"),
    )
    op.add_column("sessions", sa.Column("holder", sa.Integer()))
    op.add_column("sessions", sa.Column("holder_epoch", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_sessions_holder", "sessions", ["holder"])
    op.create_foreign_key("fk_sessions_holder_nodes", "sessions", "nodes", ["holder"], ["number"], ondelete="SET NULL")
    op.create_table(
        "node_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("taken_by", sa.Integer()),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_node_requests"),
    )


def downgrade() -> None:
    op.drop_table("node_requests")
    op.drop_constraint("fk_sessions_holder_nodes", "sessions")
    op.drop_index("ix_sessions_holder", "sessions")
    op.drop_column("sessions", "holder_epoch")
    op.drop_column("sessions", "holder")
    op.drop_table("nodes")
