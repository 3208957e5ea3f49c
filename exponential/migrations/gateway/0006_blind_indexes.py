"""What stands for chats, addresses and idempotency keys, under a key of the database's own."""

import hashlib
import json
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from exponential.core import encryption
from exponential.migrations.columns import Row, Write, blinded, encrypt, make_index_key, rebuild, write

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = make_index_key()
    known = _known(key)
    for table, names in {
        "contacts": ["jid_key", "lid_key"],
        "inbox": ["chat_key"],
        "origins": ["chat_key"],
    }.items():
        write(table, {name: _rekeyed(known, key, name) for name in names}, reading=names)
        rebuild(table, names[0])
    _outbox(key)


def _known(key: bytes) -> dict[bytes, bytes]:
    """What stood for an address of a session, by what stands for it now. Until now anybody could guess: the key was the
    session's id."""
    connection = op.get_bind()
    addresses: list[tuple[UUID, str]] = []
    for session, chat, listed in connection.execute(sa.text("select session_id, chat, addresses from contacts")):
        addresses += [(session, address) for address in [_open(chat), *json.loads(_open(listed))]]
    for session, jid in connection.execute(sa.text("select id, jid from sessions where jid is not null")):
        addresses.append((session, _open(jid)))
    return {
        hashlib.blake2b(address.encode(), key=session.bytes, digest_size=16).digest(): encryption.blind(
            key, "contacts.addresses", f"{session} {address}"
        )
        for session, address in addresses
    }


def _rekeyed(known: dict[bytes, bytes], key: bytes, name: str) -> Write:
    """Chats that nobody knows any more stay apart from one another, too."""

    def rekey(row: Row) -> bytes | None:
        old = row[name]
        return old and known.get(bytes(old), encryption.blind(key, "contacts.addresses", bytes(old).hex()))

    return rekey


def _outbox(key: bytes) -> None:
    op.drop_constraint("uq_outbox_session_id_key", "outbox")
    encrypt("outbox", ["key"], {"key_index": blinded(key, "outbox.key", "key")})
    op.alter_column("outbox", "key_index", nullable=False)
    op.create_unique_constraint("uq_outbox_session_id_key_index", "outbox", ["session_id", "key_index"])


def _open(sealed: bytes) -> str:
    return encryption.decrypt(bytes(sealed)).decode()
