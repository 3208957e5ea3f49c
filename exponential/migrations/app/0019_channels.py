"""Chats, messages and reminders have an address of any channel, no longer a WhatsApp session's id and a JID."""

import sqlalchemy as sa
from alembic import op

from exponential.core import encryption
from exponential.migrations.columns import Row, write

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("chats", "messages", "reminder_places"):
        op.alter_column(table, "session_id", new_column_name="account")
        op.alter_column(table, "jid", new_column_name="address")
    _chats()
    _messages()
    op.add_column("reminder_places", sa.Column("channel", sa.String(16), nullable=True))
    op.execute("update reminder_places set channel = 'whatsapp'")
    op.alter_column("reminder_places", "channel", nullable=False)


def _chats() -> None:
    op.drop_constraint("ck_chats_place", "chats")
    op.drop_index("uq_chats_contact", "chats")
    op.alter_column("chats", "jid_key", new_column_name="address_key")
    op.add_column("chats", sa.Column("channel", sa.String(16), nullable=True))
    op.add_column("chats", sa.Column("handle", sa.LargeBinary(), nullable=True))
    op.add_column("chats", sa.Column("is_group", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("update chats set channel = 'whatsapp' where kind = 'contact'")
    key = encryption.decrypt(bytes(op.get_bind().execute(sa.text("select key from index_key")).scalar_one()))

    def address_key(row: Row) -> bytes:
        return encryption.blind(key, "chats.address", _text(row["address"]))

    def handle(row: Row) -> bytes | None:
        return _number(row["address"])

    write("chats", {"address_key": address_key, "handle": handle, "is_group": _is_group}, reading=["address"])
    op.create_check_constraint(
        "ck_chats_place",
        "chats",
        "(kind = 'contact') = (address_key is not null) and (address_key is null) = (account is null)"
        " and (account is null) = (channel is null)",
    )
    op.create_index("uq_chats_contact", "chats", ["user_id", "channel", "account", "address_key"], unique=True)


def _messages() -> None:
    op.drop_index("uq_messages_external", "messages")
    op.alter_column("messages", "sender_jid", new_column_name="sender")
    op.add_column("messages", sa.Column("sender_handle", sa.LargeBinary(), nullable=True))
    op.add_column("messages", sa.Column("is_group", sa.Boolean(), server_default=sa.false(), nullable=False))

    def sender_handle(row: Row) -> bytes | None:
        return _number(row["sender"] or row["address"])

    write("messages", {"sender_handle": sender_handle, "is_group": _is_group}, reading=["address", "sender"])
    op.execute("update messages set sender_handle = null, is_group = false where role = 'assistant'")
    op.create_index("uq_messages_external", "messages", ["channel", "account", "external_id"], unique=True)


def _text(sealed: bytes) -> str:
    return encryption.decrypt(bytes(sealed)).decode()


def _is_group(row: Row) -> bool:
    return row["address"] is not None and _text(row["address"]).endswith("@g.us")


def _number(jid: bytes) -> bytes | None:
    """The phone number, as people write it, of a JID that is one."""
    user, _, server = _text(jid).partition("@")
    return encryption.encrypt(f"+{user}".encode()) if server == "s.whatsapp.net" and user.isdigit() else None
