"""Key rotation: afterwards the newest key alone opens everything; it may stop anywhere and be run again."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from support.workspace.transcripts import import_transcript

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.auth import users
from exponential.cli import key_rotation
from exponential.core import clock, encryption
from exponential.core.database import Database
from exponential.core.errors import ConfigurationError, Conflict
from exponential.gateway.credentials import sealed_pages
from exponential.gateway.credentials.credential_store import CredentialStore, StoreLocked
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.workarounds import memory_database
from exponential.workspace.meetings import meetings

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
STORE = b"SQLite format 3\0" + bytes(range(256)) * 40


@pytest.fixture
def ring_key() -> bytes:
    return OLD


async def make_sessions(db: Database, count: int, status: str = sessions.DISCONNECTED) -> list[UUID]:
    now = clock.now()
    made = [
        Session(
            id=clock.new_id(), owner="ada", status=status, reason="", since=now, created_at=now, jid=f"{number}@lid"
        )
        for number in range(count)
    ]
    async with db.transaction() as transaction:
        transaction.add_all(made)
    return [session.id for session in made]


async def make_store(db: Database, session: UUID, folder: Path) -> None:
    vault = CredentialStore(db, [OLD])
    copy, _ = await vault.check_out(session, folder)
    await vault.keep(copy, memory_database.change_counter(STORE), len(STORE), sealed_pages.split(STORE))


async def plain(vault: CredentialStore, session: UUID, folder: Path) -> bytes:
    _, content = await vault.check_out(session, folder)
    return content


async def jids(db: Database) -> list[str | None]:
    async with db.transaction() as transaction:
        return list(await transaction.scalars(select(Session.jid).order_by(Session.id)))


async def test_afterwards_the_new_key_alone_opens_everything(
    app_database: Database, gateway_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "BATCH_ROWS", 3)
    idle = (await make_sessions(gateway_database, 8))[0]
    await make_store(gateway_database, idle, tmp_path)

    encryption.use_keys((NEW, OLD))
    outcome = await key_rotation.rotate(app_database, gateway_database, [NEW, OLD])
    assert outcome == key_rotation.Outcome(rows=10, stores=1)  # both index keys, too
    assert "Nothing needs the older keys" in outcome.sentence()
    assert await key_rotation.rotate(app_database, gateway_database, [NEW, OLD]) == key_rotation.Outcome()

    encryption.use_keys((NEW,))
    assert await jids(gateway_database) == [f"{number}@lid" for number in range(8)]
    assert await plain(CredentialStore(gateway_database, [NEW]), idle, tmp_path) == STORE
    with pytest.raises(StoreLocked):
        await CredentialStore(gateway_database, [OLD]).check_out(idle, tmp_path)


async def test_an_interrupted_run_is_finished_by_the_next(
    app_database: Database, gateway_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_sessions(gateway_database, 8)
    encryption.use_keys((NEW, OLD))
    monkeypatch.setattr(key_rotation, "BATCH_ROWS", 2)
    encrypt, left = encryption.encrypt, iter(range(7))
    monkeypatch.setattr(encryption, "encrypt", lambda data: (next(left), encrypt(data))[1])
    with pytest.raises((StopIteration, RuntimeError)):
        await key_rotation.rotate(app_database, gateway_database, [NEW, OLD])
    monkeypatch.setattr(encryption, "encrypt", encrypt)
    assert await jids(gateway_database) == [f"{number}@lid" for number in range(8)]  # in between, both keys are in use
    assert (await key_rotation.rotate(app_database, gateway_database, [NEW, OLD])).rows == 4


async def test_what_is_looked_for_is_found_before_meanwhile_and_afterwards(
    app_database: Database, gateway_database: Database
) -> None:
    """Look-ups and unique constraints rest on blind indexes, which don't change with the ring."""
    async with app_database.transaction() as session:
        ada = await users.add(session, email="ada@example.org", name="Ada")
        await import_transcript(session, ada.id, "Anna: Refunds take too long.", "Kickoff")
        hello = Incoming(ada.id, "whatsapp", "hello", "guest", "s1", "4915187654321@s.whatsapp.net", "m1", "Bob")
        chat_id = (await conversation.receive(session, hello)).chat_id

    async def look(database: Database, message: str) -> None:
        async with database.transaction() as session:
            found = await users.find(session, "Ada@example.org")
            assert found is not None and found.name == "Ada"
            assert len(await meetings.search(session, ada.id, "refunds")) == 1
            again = await conversation.receive(session, replace(hello, external_id=message))
            assert again.chat_id == chat_id
        with pytest.raises(Conflict, match="used by another account"):
            async with database.transaction() as session:
                await users.add(session, email="ada@example.org", name="Eve")

    for step, ring in enumerate(([OLD], [NEW, OLD], [NEW])):
        encryption.use_keys(tuple(ring))
        started_anew = Database(app_database.libpq)
        await look(app_database, f"running {step}")
        await look(started_anew, f"anew {step}")
        await started_anew.close()
        if len(ring) == 2:
            await key_rotation.rotate(app_database, gateway_database, ring)


async def test_a_session_with_a_client_is_left_to_the_gateway(
    app_database: Database, gateway_database: Database, tmp_path: Path
) -> None:
    [running] = await make_sessions(gateway_database, 1, sessions.CONNECTED)
    await make_store(gateway_database, running, tmp_path)
    encryption.use_keys((NEW, OLD))
    outcome = await key_rotation.rotate(app_database, gateway_database, [NEW, OLD])
    assert outcome.waiting == 1
    assert "restart the gateway" in outcome.sentence()
    assert await plain(CredentialStore(gateway_database, [NEW, OLD]), running, tmp_path) == STORE
    assert (await key_rotation.rotate(app_database, gateway_database, [NEW, OLD])).waiting == 0


async def test_what_no_key_opens_is_named_and_left_as_it_is(
    app_database: Database, gateway_database: Database, tmp_path: Path
) -> None:
    [session] = await make_sessions(gateway_database, 1)
    await make_store(gateway_database, session, tmp_path)
    encryption.use_keys((NEW, OTHER))
    with pytest.raises(ConfigurationError, match="a key that is not in EXPONENTIAL_ENCRYPTION_KEY"):
        await key_rotation.rotate(app_database, gateway_database, [NEW, OTHER])
    encryption.use_keys((NEW, OLD))
    outcome = await key_rotation.rotate(app_database, gateway_database, [NEW, OTHER])  # the rows' key is there again
    assert outcome.locked == 1
    assert "can't be opened with any key" in outcome.sentence()
    assert await plain(CredentialStore(gateway_database, [OLD]), session, tmp_path) == STORE


def test_every_table_with_encrypted_columns_is_known_to_the_rotation() -> None:
    package = Path(key_rotation.__file__).parent.parent
    modules = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for path in package.rglob("*.py")
        if "mapped_column(Encrypted" in path.read_text(encoding="utf-8")
    ]
    assert len(modules) > 5
    check = f"import sys, exponential.cli.key_rotation; print([name for name in {modules} if name not in sys.modules])"
    missing = subprocess.run([sys.executable, "-W", "ignore", "-c", check], capture_output=True, text=True, check=True)
    assert missing.stdout.strip() == "[]"
