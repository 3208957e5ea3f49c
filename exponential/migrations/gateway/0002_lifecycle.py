"""Sessions that are still to be unlinked on the phone; notices of what changes, for whoever follows a session.

The notices are made by triggers: no change of a row, by whatever part of the gateway, goes untold.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0002_nodes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("unlink_since", sa.DateTime(timezone=True)))
    op.execute("""
        create function tell_session() returns trigger language plpgsql as $$
        begin
            perform pg_notify('gateway_events', coalesce(new.id, old.id) || ' ' || md5(coalesce(new.owner, old.owner)));
            return null;
        end $$
    """)
    op.execute("""
        create trigger tell_session after insert or update or delete on sessions
        for each row execute function tell_session()
    """)
    op.execute("""
        create function tell_message() returns trigger language plpgsql as $$
        begin
            perform pg_notify('gateway_events', new.session_id || ' ' || new.id || ' ' || new.state);
            return null;
        end $$
    """)
    op.execute("""
        create trigger tell_message after update of state on outbox for each row
        when (old.state is distinct from new.state) execute function tell_message()
    """)


def downgrade() -> None:
    op.execute("drop trigger tell_message on outbox")
    op.execute("drop function tell_message()")
    op.execute("drop trigger tell_session on sessions")
    op.execute("drop function tell_session()")
    op.drop_column("sessions", "unlink_since")
