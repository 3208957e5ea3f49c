"""Names, titles, addresses and JIDs encrypted, with blind indexes under a key of the database's own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from exponential.core import encryption
from exponential.migrations.columns import Row, blinded, encrypt, make_index_key

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_LINES = 1_000  # lines of transcripts in memory at once
_LEXEMES = sa.text(
    "select tsvector_to_array(to_tsvector('english', line)) from unnest(cast(:lines as text[])) with ordinality"
    " as said (line, place) order by place"
)


def upgrade() -> None:
    key = make_index_key()
    for table, names in {
        "access_tokens": ["name"],
        "invites": ["email"],
        "messages": ["jid"],
        "projects": ["name"],
        "reminder_places": ["jid"],
        "tasks": ["title"],
        "web_sessions": ["device"],
    }.items():
        encrypt(table, names)
    _users(key)
    _chats(key)
    _meetings(key)
    _lines(key)
    _provider_accounts(key)
    op.execute("delete from sign_in_attempts")  # counted for a quarter of an hour, under a key of the ring


def _users(key: bytes) -> None:
    encrypt("users", ["email", "name"], {"email_key": blinded(key, "users.email", "email")})
    op.alter_column("users", "email_key", nullable=False)
    op.create_unique_constraint("uq_users_email_key", "users", ["email_key"])


def _chats(key: bytes) -> None:
    op.drop_constraint("ck_chats_place", "chats")
    encrypt("chats", ["jid"], {"jid_key": blinded(key, "chats.jid", "jid")})
    op.create_check_constraint(
        "ck_chats_place",
        "chats",
        "(kind = 'contact') = (jid_key is not null) and (jid_key is null) = (session_id is null)",
    )
    op.create_index("uq_chats_contact", "chats", ["user_id", "session_id", "jid_key"], unique=True)


def _meetings(key: bytes) -> None:
    new = {"external_key": blinded(key, "meetings.external_id", "external_id")}
    encrypt("meetings", ["title", "external_id"], new)
    op.create_index("uq_meetings_user_id_external_key", "meetings", ["user_id", "external_key"], unique=True)


def _lines(key: bytes) -> None:
    """The index of what was said, until now under the ring's newest key at its time."""
    connection = op.get_bind()
    lines = sa.table("meeting_lines", *map(sa.column, ("meeting_id", "number", "speaker", "text", "words")))
    which = (lines.c.meeting_id == sa.bindparam("of"), lines.c.number == sa.bindparam("line"))
    update = sa.update(lines).where(*which).values(words=sa.cast(sa.bindparam("tokens"), TSVECTOR))
    query = sa.select(lines.c.meeting_id, lines.c.number, lines.c.speaker, lines.c.text)
    with connection.execute(query, execution_options={"yield_per": _LINES}) as found:
        for batch in found.partitions():
            said = [f"{_open(line.speaker)} {_open(line.text)}" for line in batch]
            lexemes = connection.execute(_LEXEMES, {"lines": said}).scalars()
            words = [" ".join(_token(key, lexeme) for lexeme in each) for each in lexemes]
            rows = zip(batch, words, strict=True)
            connection.execute(
                update, [{"of": line.meeting_id, "line": line.number, "tokens": tokens} for line, tokens in rows]
            )


def _open(sealed: bytes | None) -> str:
    return "" if sealed is None else encryption.decrypt(bytes(sealed)).decode().replace("\x00", "")


def _token(key: bytes, lexeme: str) -> str:
    return encryption.blind(key, "meeting_lines.words", lexeme)[:8].hex()


def _provider_accounts(key: bytes) -> None:
    def subject_key(row: Row) -> bytes:
        return encryption.blind(key, "provider_accounts.subject", f"{row['issuer']} {row['subject']}")

    encrypt("provider_accounts", ["issuer", "subject"], {"subject_key": subject_key})
    op.create_primary_key("pk_provider_accounts", "provider_accounts", ["subject_key"])
