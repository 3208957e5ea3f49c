"""Passwords, roles, invites, sign-in attempts, accounts at a provider, consents; more about web sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _users_key(table: str, column: str = "user_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["users.id"], name=f"fk_{table}_{column}", ondelete="CASCADE")


def upgrade() -> None:
    _users()
    _web_sessions()
    op.create_table(
        "invites",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(320), nullable=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        _time("created_at"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_invites"),
        sa.UniqueConstraint("id", name="uq_invites_id"),
        _users_key("invites", "invited_by"),
    )
    op.create_index("ix_invites_invited_by", "invites", ["invited_by"])
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_attempts"),
    )
    op.create_index("ix_sign_in_attempts_what_at", "sign_in_attempts", ["what", "at"])
    op.create_table(
        "provider_accounts",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_provider_accounts"),
        _users_key("provider_accounts"),
    )
    op.create_index("ix_provider_accounts_user_id", "provider_accounts", ["user_id"])
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(50), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        _users_key("consents"),
    )
    op.create_index("ix_consents_user_id_what", "consents", ["user_id", "what"])


def _users() -> None:
    op.add_column("users", sa.Column("role", sa.String(16), nullable=False, server_default="member"))
    op.add_column("users", sa.Column("local", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("users", sa.Column("zone_fixed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("users", sa.Column("password_hash", sa.String(255), nullable=True))
    op.execute("update users set role = 'admin', local = true where email = 'you@exponential.local'")
    op.alter_column("users", "role", server_default=None)
    op.alter_column("users", "local", server_default=None)
    op.alter_column("users", "zone_fixed", server_default=None)
    op.create_index("uq_users_local", "users", ["local"], unique=True, postgresql_where=sa.text("local"))


def _web_sessions() -> None:
    op.add_column(
        "web_sessions", sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()"))
    )
    op.add_column("web_sessions", sa.Column("way", sa.String(16), nullable=False, server_default="link"))
    op.add_column("web_sessions", sa.Column("device", sa.String(100), nullable=False, server_default=""))
    op.add_column("web_sessions", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("update web_sessions set seen_at = created_at")
    op.alter_column("web_sessions", "seen_at", nullable=False)
    for name in ("id", "way", "device"):
        op.alter_column("web_sessions", name, server_default=None)
    op.create_unique_constraint("uq_web_sessions_id", "web_sessions", ["id"])
