"""Whoever has a copy of the databases reads nobody's words, names, addresses or numbers in them."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import String
from sqlalchemy.dialects.postgresql import TSVECTOR

from exponential.app import service as _app  # noqa: F401  with each service come all its tables
from exponential.assistant import approvals, conversation, due_reminders
from exponential.assistant.conversation import Incoming
from exponential.assistant.files.attachments import Attachment
from exponential.assistant.tables import Chat, Message, ToolCall, Turn
from exponential.auth import access_tokens, identities, invites, sign_in, sign_in_attempts, users
from exponential.auth.identities import Claims
from exponential.core import clock
from exponential.core.database import AppBase, Database, GatewayBase
from exponential.gateway import service as _gateway  # noqa: F401
from exponential.gateway.access import policies
from exponential.gateway.access.policy import OwnNumber
from exponential.gateway.cluster.rpc import NodeRequest
from exponential.gateway.messages import inbox, outbox
from exponential.gateway.sessions import contacts, sessions
from exponential.gateway.sessions.sessions import SessionLimits
from exponential.gateway.worker.protocol import Account, Inbound
from exponential.workspace import facts, history, notes, projects, reminders, tasks
from exponential.workspace.meetings import meetings, transcript_import

# In every word, name, address and number below stands one of these.
WORD, NUMBER = "xyzzy", "77889900"
MINE, FRIEND = f"49151{NUMBER}@s.whatsapp.net", f"49160{NUMBER}@s.whatsapp.net"
MY_LID, FRIENDS_LID, GROUP = f"1{NUMBER}@lid", f"2{NUMBER}@lid", f"1203{NUMBER}@g.us"
SAID = f"Anna {WORD}: We agreed to lower the {WORD} price. Bob {WORD} will call {WORD} by Friday."
SECURITY = Path(__file__).parent.parent.parent / "docs" / "security.md"


async def everything(database: Database) -> list[tuple[str, str]]:
    """(table, row as text) of every row, procrastinate's tables included; bytes as the letters that they might be."""
    async with await psycopg.AsyncConnection.connect(database.libpq) as connection:
        tables = await (
            await connection.execute("select tablename from pg_tables where schemaname = 'public'")
        ).fetchall()
        found = []
        for (table,) in tables:
            query = psycopg.sql.SQL("select * from {}").format(psycopg.sql.Identifier(table))
            for row in await (await connection.execute(query)).fetchall():
                found.append((table, " ".join(map(_letters, row))))
    return found


def _letters(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


async def test_the_apps_database(app_database: Database) -> None:
    async with app_database.transaction() as session:
        user = await users.add(session, email=f"{WORD}@example.org", name=f"Ada {WORD}")
        await users.update(session, user.id, email=f"ada.{WORD}@example.org", name=f"Ada {WORD}")
        await sign_in.sign_in(session, user.id, "password", f"Firefox of {WORD}")
        await invites.make(session, user, email=f"bob.{WORD}@example.org")
        await access_tokens.make(session, user.id, f"recorder of {WORD}")
        await sign_in_attempts.begin(session, f"eve.{WORD}@example.org", f"address {WORD}")
        email = f"cid.{WORD}@example.org"
        claims = Claims("https://id.example.org", f"cid.{WORD}", email, email_verified=True, name=f"Cid {WORD}")
        await identities.user_of(session, claims)
        await history.begin(session, user.id, "create_task", "api", {"title": WORD}, program=f"recorder of {WORD}")
        project = await projects.create_project(session, user.id, f"Project {WORD}")
        await projects.update_project(session, user.id, project.id, projects.ProjectChanges(note=f"on {WORD}"))
        await tasks.create_task(session, user.id, f"call {WORD}", project=project.id)
        said = await transcript_import.read(SAID, caller="alice", today=date(2026, 5, 4))
        await meetings.import_meeting(session, user.id, said, f"About {WORD}", external_id=f"id of {WORD}")
        await facts.remember(session, user.id, f"likes {WORD}")
        await notes.leave_note(session, user.id, f"see {WORD}", f"Bob {WORD}")
        reminder = await reminders.remind(session, user.id, f"think of {WORD}", clock.now() + timedelta(days=1))
    async with app_database.transaction() as session:
        file = Attachment("document", "text/plain", f"{WORD}.txt", WORD.encode())
        mine = Incoming(
            user.id, "whatsapp", f"about {WORD}", account="s", address=MINE, external_id="1", attachments=(file,)
        )
        guests = Incoming(user.id, "whatsapp", f"hi {WORD}", "guest", "s", FRIEND, "2", f"Bob {WORD}")
        for incoming in (mine, guests):
            received = await conversation.receive(session, incoming)
            chat = await session.get_one(Chat, received.chat_id)
            chat.summary = f"talked about {WORD}"
            turn = Turn(chat_id=chat.id, history=[{"said": WORD}], state="done", finished_at=clock.now())
            session.add(turn)
            await session.flush()
            message = await session.get_one(Message, received.message_id)
            message.turn_id = turn.id
            session.add(ToolCall(turn_id=turn.id, call_id="1", name="create_task", args={"title": WORD}, result=WORD))
            await session.flush()
            if incoming is mine:
                await due_reminders.keep_place(session, reminder, turn.id)
            else:
                await approvals.hold_back(session, chat, turn, f"yes, {WORD}", [message])
    rows = await everything(app_database)
    filled = {table for table, _ in rows}
    assert filled >= {"users", "chats", "messages", "reminder_places", "provider_accounts", "procrastinate_jobs"}
    assert [row for row in rows if WORD in row[1].lower() or NUMBER in row[1]] == []


async def test_the_gateways_database(gateway_database: Database) -> None:
    async with gateway_database.transaction() as db:
        session = await sessions.create(db, "ada", limits=SessionLimits(9, 9))
        await sessions.show_code(db, str(session.id), f"2@{WORD}", 60)
        other = await sessions.create(db, "ada", limits=SessionLimits(9, 9))
        await sessions.show_code(db, str(other.id), f"2@{WORD}", 60)
        await sessions.online(db, str(session.id), Account(MINE, MY_LID))
        number = OwnNumber("1", FRIEND, FRIENDS_LID, clock.now().isoformat())
        await policies.change(db, session.id, mode="everyone", groups="mentions", own_numbers=(number,))
        at = int(clock.now().timestamp() * 1000)
        heard = [
            Inbound("1", MINE, MINE, f"Ada {WORD}", True, "text", f"buy {WORD}", at),
            Inbound("2", FRIENDS_LID, FRIENDS_LID, f"Bob {WORD}", False, "text", f"hello {WORD}", at, FRIEND),
            Inbound("3", GROUP, FRIENDS_LID, f"Bob {WORD}", False, "text", f"all {WORD}", at, FRIEND, [MINE]),
        ]
        assert await inbox.record(db, session, heard) == 3
        await outbox.enqueue(db, session.id, f"{WORD} to {MINE}", MINE, f"Bought {WORD}", reply_to="1")
        db.add(
            NodeRequest(
                id=clock.new_id(),
                session_id=session.id,
                body={"to": MINE},
                answer={"said": WORD},
                expires_at=clock.now() + timedelta(minutes=1),
            )
        )
    rows = await everything(gateway_database)
    assert {table for table, _ in rows} >= {"sessions", "contacts", "inbox", "origins", "outbox", "policies"}
    assert [row for row in rows if WORD in row[1].lower() or NUMBER in row[1]] == []


async def test_nobody_who_knows_a_number_can_look_for_it(app_database: Database, gateway_database: Database) -> None:
    """What stands for an address depends on a key of the database's own, not only on what can be read there."""
    session_id = clock.new_id()
    async with app_database.transaction() as here, gateway_database.transaction() as there:
        assert contacts.key(here, session_id, MINE) != contacts.key(there, session_id, MINE)
        assert contacts.key(there, session_id, MINE) == contacts.key(there, session_id, MINE)


def test_the_document_lists_what_can_be_read() -> None:
    readable = {
        f"{table.name}.{column.name}"
        for base in (AppBase, GatewayBase)
        for table in base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String | TSVECTOR)
    }
    text = SECURITY.read_text(encoding="utf-8")
    listed = re.findall(r"`(\w+\.\w+)`", text.partition("## What can be read")[2].partition("\n## ")[0])
    assert set(listed) == readable
