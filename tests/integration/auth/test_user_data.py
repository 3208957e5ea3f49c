"""What belongs to a user is found in every table, and goes with the account; what is old goes when people want it."""

from datetime import timedelta

from sqlalchemy import func, select, text

from exponential.app import service  # noqa: F401  with it come all tables
from exponential.assistant import conversation, retention
from exponential.assistant.conversation import Incoming
from exponential.assistant.tables import Message, Turn
from exponential.auth import consents, invites, sign_in, sign_in_attempts, user_data, users
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import AppBase, Database
from exponential.workspace import facts, history, tasks


def test_every_table_leads_to_its_user() -> None:
    found = {table.name for table in user_data.tables()}
    assert set(AppBase.metadata.tables) - found == user_data.NOBODYS


async def filled(db: Database, email: str) -> User:
    async with db.transaction() as session:
        user = await users.add(session, email=email, name="Somebody")
        await sign_in.make_link(session, user)
        await sign_in.sign_in(session, user.id, "link")
        await invites.make(session, user)
        await consents.record(session, user.id, consents.WHATSAPP, consents.WHATSAPP_VERSION)
        await history.begin(session, user.id, "create_task", "web", {})
        await tasks.create_task(session, user.id, "a task", None)
        await facts.remember(session, user.id, "a fact")
        await sign_in_attempts.begin(session, email, "127.0.0.1")
    async with db.transaction() as session:
        received = await conversation.receive(session, Incoming(user.id, "web", "hello"))
        chat = (await session.get_one(Message, received.message_id)).chat_id
        turn = Turn(chat_id=chat, history=[], state="done", finished_at=clock.now())
        session.add(turn)
        await session.flush()
        (await session.get_one(Message, received.message_id)).turn_id = turn.id
    return user


async def counts(db: Database) -> dict[str, int]:
    async with db.transaction() as session:
        found = {
            table.name: (await session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in user_data.tables()
        }
        found["jobs"] = (await session.execute(text("select count(*) from procrastinate_jobs"))).scalar_one()
        return found


async def test_erasing_takes_all_of_one_user_and_nothing_of_another(app_database: Database) -> None:
    alice = await filled(app_database, "alice@example.org")
    one = await counts(app_database)
    assert all(one[name] for name in ("users", "messages", "turns", "tasks", "changes", "invites", "consents", "jobs"))
    bob = await filled(app_database, "bob@example.org")
    async with app_database.transaction() as session:
        await user_data.erase(session, alice.id)
    assert await counts(app_database) == one
    async with app_database.transaction() as session:
        await user_data.erase(session, bob.id)
    assert not any((await counts(app_database)).values())


async def test_old_messages_go_and_new_ones_and_running_turns_stay(app_database: Database) -> None:
    alice = await filled(app_database, "alice@example.org")
    with clock.frozen(clock.now() + timedelta(days=40)):
        async with app_database.transaction() as session:
            recent = await conversation.receive(session, Incoming(alice.id, "web", "recent"))
            chat = (await session.get_one(Message, recent.message_id)).chat_id
        with clock.frozen(clock.now() - timedelta(days=35)):
            async with app_database.transaction() as session:
                asked = await conversation.receive(session, Incoming(alice.id, "web", "still being answered"))
                turn = Turn(chat_id=chat, history=[])
                session.add(turn)
                await session.flush()
                (await session.get_one(Message, asked.message_id)).turn_id = turn.id
        assert await retention.delete_older(app_database, timedelta(days=30)) == 1
        async with app_database.transaction() as session:
            left = {message.text for message in await session.scalars(select(Message))}
            assert left == {"recent", "still being answered"}
            assert [found.state for found in await session.scalars(select(Turn))] == ["running"]
        assert await retention.delete_older(app_database, timedelta(days=30)) == 0


async def test_spent_links_sessions_and_invites_are_tidied_away(app_database: Database) -> None:
    await filled(app_database, "alice@example.org")
    with clock.frozen(clock.now() + timedelta(days=31)):
        await retention.delete_expired(app_database)
    found = await counts(app_database)
    assert (found["sign_in_links"], found["web_sessions"], found["invites"], found["users"]) == (0, 0, 0, 1)
