"""What the migrations make is what the models say, and procrastinate's part is the one they were written for."""

import hashlib
import importlib
import json
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from procrastinate.schema import SchemaManager
from sqlalchemy import create_engine

from exponential.cli.new_migration import COMPARISON
from exponential.core import database, encryption
from exponential.core.database import AppBase, GatewayBase, Part


@pytest.mark.parametrize("part", ["app", "gateway"])
def test_migrations_reproduce_the_models(database_url: Callable[[str], str], part: Part) -> None:
    importlib.import_module(f"exponential.{part}.service")  # with a service come all its tables
    url = database_url(part)
    database.prepare(part, url)
    engine = create_engine(database.parse_url(url))
    base = AppBase if part == "app" else GatewayBase
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts=COMPARISON), base.metadata)
    engine.dispose()
    assert base.metadata.tables
    assert differences == []


def test_migrating_again_changes_nothing(database_url: Callable[[str], str]) -> None:
    url = database_url("app")
    database.prepare("app", url)
    database.prepare("app", url)


def test_what_waits_in_the_outbox_is_found_by_its_chat(database_url: Callable[[str], str]) -> None:
    url = database_url("gateway")
    database.prepare("gateway", url, "0006")
    session, chat = uuid4(), "4915187654321@s.whatsapp.net"
    with psycopg.connect(database.libpq(url), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # a message without a session
        connection.execute(
            "insert into outbox (id, session_id, key, key_index, chat, text, state, attempts, created_at)"
            " values (gen_random_uuid(), %s, '', '', %s, '', 'queued', 0, now())",
            [session, encryption.encrypt(chat.encode())],
        )
        database.prepare("gateway", url)
        found = connection.execute("select chat_key, index_key.key from outbox, index_key").fetchone()
    assert found is not None
    assert found[0] == encryption.blind(encryption.decrypt(found[1]), "contacts.addresses", f"{session} {chat}")


def test_what_could_not_be_read_of_a_file_moves_to_a_column_of_its_own(database_url: Callable[[str], str]) -> None:
    url = database_url("app")
    database.prepare("app", url, "0016")
    kept = [{"text": "Dear Ada", "talk": False}, {"text": "Dear Ada", "note": "I read only its first page."}]
    kept += [{"note": "It is damaged."}, None]
    with psycopg.connect(database.libpq(url), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # files without messages
        for found in kept:
            connection.execute(
                "insert into attachments (id, message_id, kind, mime, name, size, data, understood, created_at)"
                " values (gen_random_uuid(), gen_random_uuid(), 'document', 'text/plain', '', 0, '', %s, now())",
                [found and encryption.encrypt(json.dumps(found).encode())],
            )
        database.prepare("app", url)
        rows = connection.execute("select understood, note from attachments order by position").fetchall()
    opened = [[cell and encryption.decrypt(cell).decode() for cell in row] for row in rows]
    assert [(understood and json.loads(understood), note) for understood, note in opened] == [
        ({"text": "Dear Ada", "talk": False}, None),
        ({"text": "Dear Ada"}, "I read only its first page."),
        ({}, "It is damaged."),
        (None, None),
    ]


def test_procrastinate_has_not_changed_its_tables() -> None:
    """When this fails after an upgrade: write a migration that applies procrastinate's own ones where they are missing,
    then put the new hash here."""
    schema = hashlib.sha256(SchemaManager.get_schema().encode()).hexdigest()
    assert schema == "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"
