"""How often a turn was taken up, without progress, and failed by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("runs", "fruitless", "failures"):
        op.add_column("turns", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        op.alter_column("turns", name, server_default=None)
