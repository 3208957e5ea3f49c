"""Who holds a session: two gateways in one process on one Postgres, with paper workers; what a fence keeps out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from support.gateways import ADA, SECRET, App, Gateway, StartGateway, is_status
from support.waiting import until

from exponential.core import clock
from exponential.core.database import Database
from exponential.core.errors import BadInput, ConfigurationError, Conflict, Unavailable
from exponential.gateway.cluster.nodes import Node
from exponential.gateway.cluster.rpc import NodeRequest
from exponential.gateway.messages import inbox, outbox
from exponential.gateway.messages.delivery import Delivery
from exponential.gateway.messages.sender import SendFailed
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.timing import Timing
from exponential.gateway.worker import protocol, spool
from exponential.gateway.worker.protocol import Inbound

CHAT = "4915112345678@s.whatsapp.net"
Two = tuple[Gateway, Gateway]


@pytest.fixture
async def two(start_gateway: StartGateway, app: App, tmp_path: Path) -> AsyncIterator[Two]:
    """Two nodes, each with a data folder of its own."""
    async with (
        start_gateway(data_dir=tmp_path / "a", app_url=app.url, max_sessions=12, max_sessions_per_user=12) as first,
        start_gateway(data_dir=tmp_path / "b", app_url=app.url, max_sessions=12, max_sessions_per_user=12) as second,
    ):
        yield first, second


def folder(tmp_path: Path, node: str, session: str) -> Path:
    return tmp_path / node / "gateway" / "sessions" / session


async def linked(gateway: Gateway, tmp_path: Path, node: str = "a") -> str:
    """A connected session at `gateway`; the paper client of the other node would find it linked, too."""
    session = await gateway.client.login(ADA)
    await until(folder(tmp_path, node, session).is_dir)
    for name in ("a", "b"):
        elsewhere = folder(tmp_path, name, session)
        elsewhere.mkdir(parents=True, exist_ok=True)
        if name != node:
            (elsewhere / "linked").touch()
    (folder(tmp_path, node, session).parent / f"scan-{session}").touch()
    await until(lambda: is_status(gateway, session, "connected"))
    return session


async def row(gateway: Gateway, session: str) -> Session:
    async with gateway.operations.database.transaction() as db:
        return await db.get_one(Session, UUID(session))


async def put_out(gateway: Gateway) -> None:
    """What others do to a node that fell silent."""
    async with gateway.operations.database.transaction() as db:
        node = await db.get_one(Node, gateway.operations.ownership.number)
        await db.delete(node)


async def test_a_new_session_is_held_where_it_was_asked_for(two: Two) -> None:
    sessions = [await gateway.client.login(ADA) for gateway in two]  # scanned by one phone, one would replace the other
    for gateway, mine, other in zip(two, sessions, reversed(sessions), strict=True):
        assert gateway.operations.ownership.holds(UUID(mine))
        assert not gateway.operations.ownership.holds(UUID(other))
        assert (await row(gateway, mine)).holder == gateway.operations.ownership.number


async def test_what_a_node_reports_of_a_session_that_it_does_not_hold_is_not_heard(two: Two, tmp_path: Path) -> None:
    first, second = two
    session = await linked(first, tmp_path)
    for event in (
        protocol.Ended(session, "replaced"),
        protocol.Offline(session, "gone"),
        protocol.Online(session, protocol.Account("4915199999999@s.whatsapp.net")),
    ):
        await second.operations.reports.apply(event)
        found = await row(first, session)
        assert (found.status, found.jid) == ("connected", CHAT)
    await first.operations.reports.apply(protocol.Ended(session, "replaced"))
    assert (await row(first, session)).status == "error"


async def test_a_node_that_was_put_out_lets_go_and_another_takes_over(two: Two, tmp_path: Path) -> None:
    first, second = two
    session = await linked(first, tmp_path)
    number = first.operations.ownership.number
    await put_out(first)
    await until(lambda: second.operations.ownership.holds(UUID(session)) or first.operations.ownership.number != number)
    await until(lambda: first.operations.ownership.number not in (0, number))
    await until(lambda: is_status(first, session, "connected"))
    holders = [gateway for gateway in two if gateway.operations.ownership.holds(UUID(session))]
    assert len(holders) == 1
    assert (await row(first, session)).holder_epoch == 2
    others = [gateway for gateway in two if gateway not in holders]
    assert not others[0].operations.supervisor.runs(UUID(session))


async def test_a_node_whose_connection_breaks_goes_on_as_if_nothing_had_happened(two: Two, tmp_path: Path) -> None:
    first, _second = two
    session = await linked(first, tmp_path)
    holder = (await row(first, session)).holder
    async with first.operations.database.transaction() as db:
        ended = await db.execute(
            text("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = :n"),
            {"n": holder},
        )
        assert ended.rowcount == 1
    async with first.operations.database.transaction() as db:
        seen = await db.scalar(select(Node.seen_at).where(Node.number == holder))

    async def seen_again() -> bool:
        async with first.operations.database.transaction() as db:
            return await db.scalar(select(Node.number).where(Node.number == holder, Node.seen_at > seen)) is not None

    await until(seen_again)
    found = await row(first, session)
    assert (found.holder, found.holder_epoch, found.status) == (holder, 1, "connected")


async def test_what_came_while_the_lease_had_run_out_goes_on_with_the_next_beat(
    two: Two, tmp_path: Path, app: App
) -> None:
    first, _second = two
    session = await linked(first, tmp_path)
    held = await row(first, session)
    first.operations.ownership._node.until = 0.0  # as after a moment without the database
    async with first.operations.database.transaction() as db:
        said = Inbound("M1", CHAT, CHAT, "Ada", True, "text", "are you there?", 0)
        await inbox.record(db, held, [said], pause=timedelta(minutes=30))
    await until(lambda: app.texts == ["are you there?"], within=15)  # the net below, a sweep, comes after 30 s
    assert (await row(first, session)).holder == held.holder


async def test_a_node_beats_on_while_its_work_takes_long(two: Two) -> None:
    holding = two[0].operations.ownership
    at_work, done = asyncio.Event(), asyncio.Event()

    async def take_long() -> None:
        at_work.set()
        await done.wait()

    holding._on_taken = take_long
    holding._node.until = 0.0  # as after a moment without the database: the next beat has work behind it
    await asyncio.wait_for(at_work.wait(), 20)
    for _ in range(3):
        before = holding._node.until
        await until(lambda before=before: holding._node.until > before)
    done.set()


async def test_twenty_logins_at_two_nodes_take_as_many_places_as_there_are(two: Two) -> None:
    calls = [two[number % 2].client.login(ADA) for number in range(20)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 12
    assert all(isinstance(answer, str | Conflict) for answer in answers)


async def test_sessions_of_a_node_that_leaves_are_shared_out(
    start_gateway: StartGateway, two: Two, tmp_path: Path
) -> None:
    async with start_gateway(data_dir=tmp_path / "c", max_sessions=12, max_sessions_per_user=12) as third:
        sessions = [await third.client.login(ADA) for _ in range(6)]
    await until(lambda: all(sum(gateway.operations.ownership.holds(UUID(s)) for gateway in two) == 1 for s in sessions))
    counts = [sum(gateway.operations.ownership.holds(UUID(session)) for session in sessions) for gateway in two]
    assert counts == [3, 3]


async def test_what_was_being_sent_when_its_node_went_is_sent_by_the_next(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    async with start_gateway(data_dir=tmp_path / "b") as second:
        async with start_gateway(data_dir=tmp_path / "a") as first:
            session = await linked(first, tmp_path)
            number = first.operations.ownership.number
            async with second.operations.database.transaction() as db:
                await db.execute(update(Session).values(holder=None))  # nobody may send it yet
                message = await outbox.enqueue(db, UUID(session), "1", CHAT, "in the air")
                message.state = outbox.SENDING
        await until(lambda: is_sent(second, session, str(message.id)))
        assert number != (await row(second, session)).holder
        sent = (folder(tmp_path, "b", session).parent / "sent").read_text(encoding="utf-8")
        assert sent == f"{CHAT} in the air\n"


async def is_sent(gateway: Gateway, session: str, message: str) -> bool:
    return await gateway.client.message(ADA, session, message) == "sent"


async def test_a_dead_nodes_spool_is_recorded_by_whoever_finds_it(
    start_gateway: StartGateway, app: App, tmp_path: Path
) -> None:
    async with start_gateway(data_dir=tmp_path / "a", app_url=app.url) as first:
        session = await linked(first, tmp_path)
        message = Inbound("OLD", "77001122@lid", CHAT, "Ada", True, "text", "from a dead disk", 1_700_000_000_000)
        crew = first.operations.supervisor
        writer = spool.SpoolWriter(folder(tmp_path, "b", session), crew._spool_key)
        writer.append(message.to_bytes())
        writer.close()
        async with start_gateway(data_dir=tmp_path / "b", app_url=app.url) as second:
            await until(lambda: app.texts == ["from a dead disk"])
            assert not second.operations.ownership.holds(UUID(session))
        async with start_gateway(data_dir=tmp_path / "b", app_url=app.url):
            await asyncio.sleep(0)
        assert app.texts == ["from a dead disk"]


async def test_a_session_that_ended_still_has_its_messages_delivered(two: Two, app: App, tmp_path: Path) -> None:
    first, second = two
    session = await linked(first, tmp_path)
    await first.operations.reports.apply(protocol.Ended(session, "logged_out"))
    await put_out(first)
    async with second.operations.database.transaction() as db:
        found = await db.get_one(Session, UUID(session))
        late = Inbound("LATE", CHAT, CHAT, "Ada", True, "text", "late", 1_700_000_000_000)
        assert await inbox.record(db, found, [late], pause=timedelta(0)) == 1
    await until(lambda: app.texts == ["late"])


async def test_two_nodes_that_both_deliver_keep_the_order(gateway_database: Database, app: App) -> None:
    session = Session(
        id=clock.new_id(),
        owner="ada",
        status="connected",
        reason="",
        since=clock.now(),
        created_at=clock.now(),
        jid=CHAT,
    )
    count = 40
    async with gateway_database.transaction() as db:
        db.add(session)
        await db.flush()
        messages = [Inbound(f"A{n}", CHAT, CHAT, "Ada", True, "text", str(n), 1_700_000_000_000) for n in range(count)]
        await inbox.record(db, session, messages, pause=timedelta(0))
    pushing = [Delivery(gateway_database, app.url, SECRET) for _ in range(2)]
    await asyncio.gather(*(each.sweep() for each in pushing))
    await until(lambda: len(set(app.texts)) == count)
    firsts = list(dict.fromkeys(app.texts))  # the app ignores what it has seen
    assert firsts == [str(number) for number in range(count)]
    for each in pushing:
        await each.close()


async def test_the_holder_is_asked_wherever_it_is_and_its_words_come_back(two: Two, tmp_path: Path) -> None:
    first, second = two
    session = UUID(await linked(first, tmp_path))

    async def echo(session_id: UUID, word: str) -> str:
        assert session_id == session
        if word == "bad":
            raise BadInput("That is bad.", code="bad_word")
        if word == "refused":
            raise SendFailed("refused")
        return f"{word}!"

    async def cannot(_session_id: UUID, word: str) -> str:
        raise AssertionError(f"asked for {word}, but doesn't hold the session")

    for node, here in ((first, echo), (second, cannot)):
        ask = node.operations.rpc.at_holder("echo", here)
        assert await ask(session, word="hello") == "hello!"
        with pytest.raises(BadInput, match="That is bad") as caught:
            await ask(session, word="bad")
        assert caught.value.code == "bad_word"
        with pytest.raises(SendFailed, match="refused"):
            await ask(session, word="refused")
    await until(lambda: count_requests(second, 0))


async def test_a_holder_that_does_not_answer_is_said_so_in_time(two: Two, tmp_path: Path) -> None:
    first, second = two
    session = UUID(await linked(first, tmp_path))

    async def never(_session_id: UUID) -> str:
        await asyncio.Event().wait()
        return ""

    _, wait = (node.operations.rpc.at_holder("wait", never, within=0.5) for node in two)
    with pytest.raises(Unavailable, match="didn't answer in time") as caught:
        await wait(session)
    assert caught.value.code == "holder_silent"
    await until(lambda: count_requests(second, 0))


async def test_what_is_asked_while_a_session_changes_hands_is_answered_by_the_next(two: Two) -> None:
    _, second = two
    async with second.operations.database.transaction() as db:
        ghost = Node(name="ghost", started_at=clock.now(), seen_at=clock.now())  # without a lock: its process has died
        db.add(ghost)
        await db.flush()
        session = await sessions.create(db, ADA.user_id, limits=sessions.SessionLimits(12, 12))
        session.holder, session.status = ghost.number, sessions.EXPIRED

    async def echo(_session_id: UUID) -> str:
        return "the next one"

    _, ask = (node.operations.rpc.at_holder("echo", echo) for node in two)
    assert await ask(session.id) == "the next one"
    assert (await row(second, str(session.id))).holder in [gateway.operations.ownership.number for gateway in two]


async def count_requests(gateway: Gateway, count: int) -> bool:
    async with gateway.operations.database.transaction() as db:
        return await db.scalar(select(func.count()).select_from(NodeRequest)) == count


async def test_nothing_readable_is_asked_through_the_database(two: Two, tmp_path: Path) -> None:
    first, second = two
    session = UUID(await linked(first, tmp_path))
    asked = asyncio.Event()

    async def wait(_session_id: UUID, secret: str) -> str:
        asked.set()
        await asyncio.sleep(0.2)
        return secret

    _, keep = (node.operations.rpc.at_holder("keep", wait) for node in two)
    asking = asyncio.ensure_future(keep(session, secret="a phone number"))
    await asked.wait()
    async with second.operations.database.transaction() as db:
        body = bytes((await db.execute(text("select body from node_requests"))).scalar_one())
    assert b"phone" not in body
    assert await asking == "a phone number"


async def test_what_one_node_removed_goes_from_the_others_disks(two: Two, tmp_path: Path) -> None:
    first, second = two
    session = await linked(first, tmp_path)
    await first.client.disconnect(ADA, session)
    assert not folder(tmp_path, "a", session).exists()
    await second.operations.tidy()
    assert not folder(tmp_path, "b", session).exists()


@pytest.mark.parametrize("timing", [Timing(lock=0.1)])
async def test_one_data_folder_has_one_gateway(start_gateway: StartGateway) -> None:
    async with start_gateway():
        with pytest.raises(ConfigurationError, match="Another gateway runs on the data folder"):
            async with start_gateway():
                pass
