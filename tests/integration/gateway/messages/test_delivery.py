"""Delivery when the app is away for long, comes back, or never takes a message: real Postgres, a real HTTP app."""

import asyncio
import itertools
from collections import defaultdict
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from support.gateways import ADA, BOB, SECRET, App, StartGateway
from support.http_server import serving
from support.waiting import until

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.core import clock
from exponential.core.database import Database
from exponential.core.errors import NotFound
from exponential.core.http.sockets import listen
from exponential.gateway.messages import dead_letters, delivery, inbox
from exponential.gateway.messages.delivery import Delivery
from exponential.gateway.messages.inbox import InboxMessage
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session, SessionLimits
from exponential.gateway.timing import Timing
from exponential.gateway.worker.protocol import Account, Inbound

PAUSE = timedelta(minutes=30)
QUICK = Timing(first_pause=0.01, max_pause=0.05)


async def linked(db: Database, number: str) -> Session:
    async with db.transaction() as transaction:
        session = await sessions.create(transaction, ADA.user_id, limits=SessionLimits(100, 100))
    async with db.transaction() as transaction:
        await sessions.online(transaction, str(session.id), Account(f"{number}@s.whatsapp.net", ""))
    async with db.transaction() as transaction:
        return await sessions.owned(transaction, ADA.user_id, str(session.id))


async def record(db: Database, session: Session, texts: list[str]) -> None:
    chat = session.jid or ""
    said = [Inbound(f"{session.id}-{text}", chat, chat, "Ada", True, "text", text, 0) for text in texts]
    async with db.transaction() as transaction:
        await inbox.record(transaction, session, said, pause=PAUSE)


async def states(db: Database) -> dict[str, int]:
    async with db.transaction() as transaction:
        rows = await transaction.execute(select(InboxMessage.state, func.count()).group_by(InboxMessage.state))
        return {state: number for state, number in rows}


async def test_messages_wait_out_an_hour_without_the_app_and_arrive_in_order(gateway_database: Database) -> None:
    """More chats than are served at once, each with many messages: `benchmarks.chaos` sends 10,000."""
    chats, each = delivery.MAX_CONCURRENT + 4, 20
    found = [await linked(gateway_database, f"49151000{number:05}") for number in range(chats)]
    app = App()
    at_once, most = 0, 0

    async def answer(_message: dict[str, Any]) -> int:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return 202

    app.answer = answer
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
    pushing = Delivery(gateway_database, f"http://127.0.0.1:{port}", SECRET, timing=QUICK)
    for session in found:
        await record(gateway_database, session, [str(number) for number in range(each)])
    await pushing.sweep()
    await until(lambda: pushing._away)
    now = clock.now()
    for minutes in range(0, 61, 20):  # nothing of it is given up, however often it is looked at
        with clock.frozen(now + timedelta(minutes=minutes)):
            await pushing.sweep()
    assert await states(gateway_database) == {inbox.WAITING: chats * each}
    async with serving(app.asgi(), port=port):
        await until(lambda: len(app.taken) >= chats * each, within=120)
        await until(lambda: all_delivered(gateway_database))
    await pushing.close()
    order = defaultdict(list)
    for message in app.taken:
        order[message["sessionId"]].append(message["text"])
    assert list(order.values()) == [[str(number) for number in range(each)]] * chats
    assert 1 < most <= delivery.MAX_CONCURRENT


async def all_delivered(db: Database) -> bool:
    return set(await states(db)) == {inbox.DELIVERED}


async def test_while_the_app_is_away_one_chat_at_a_time_knocks(gateway_database: Database) -> None:
    app = App()
    knocking: list[float] = []
    away = True

    async def answer(_message: dict[str, Any]) -> int:
        knocking.append(asyncio.get_running_loop().time())
        return 503 if away else 202

    app.answer = answer
    for number in range(10):
        await record(gateway_database, await linked(gateway_database, f"49151000{number:05}"), ["one", "two"])
    async with serving(app.asgi()) as url:
        pushing = Delivery(gateway_database, url, SECRET, timing=QUICK)
        await pushing.sweep()
        await until(lambda: len(knocking) >= 30)
        for _ in range(5):
            await pushing.sweep()  # being poked is no reason to knock sooner
        first = knocking[10:]  # the first ten found out at the same time
        assert min(later - sooner for sooner, later in itertools.pairwise(first)) > 0.007
        away = False
        await until(lambda: len(app.taken) == 20)
        await pushing.close()
    assert len(knocking) < 120


async def test_what_waits_too_long_is_parked_and_the_chat_goes_on(gateway_database: Database) -> None:
    app = App()
    session = await linked(gateway_database, "4915100000001")

    async def answer(message: dict[str, Any]) -> int:
        return 500 if message["text"] == "odd" else 202

    app.answer = answer
    await record(gateway_database, session, ["odd"])
    async with serving(app.asgi()) as url:
        pushing = Delivery(gateway_database, url, SECRET, park_after=timedelta(hours=2), timing=QUICK)
        with clock.frozen(clock.now() + timedelta(hours=1)):
            await record(gateway_database, session, ["fine"])
            await pushing.sweep()
        await until(lambda: len(app.offered) > 3)
        assert await states(gateway_database) == {inbox.WAITING: 2}
        with clock.frozen(clock.now() + timedelta(hours=2, minutes=1)):
            await pushing.sweep()
        await until(lambda: app.texts == ["fine"])
        async with gateway_database.transaction() as db:
            [parked] = await inbox.parked(db, session.id)
            assert parked.reason == "the app didn't take it in time"

        async with gateway_database.transaction() as db:
            assert await inbox.retry(db) == 1
        app.answer = App._yes
        await pushing.sweep()  # it waits anew: not parked at once
        await until(lambda: app.texts == ["fine", "odd"])
        await pushing.close()


@pytest.mark.parametrize("timing", [QUICK])
async def test_owners_and_operators_bring_parked_messages_back(start_gateway: StartGateway) -> None:
    app = App()
    odd = True

    async def answer(message: dict[str, Any]) -> int:
        return 422 if odd and message["text"].startswith("odd") else 202

    app.answer = answer
    async with serving(app.asgi()) as url, start_gateway(app_url=url) as gateway:
        db = gateway.operations.database
        session, other = await linked(db, "4915100000001"), await linked(db, "4915100000002")
        await record(db, session, ["odd 1", "odd 2", "fine"])
        await record(db, other, ["odd 3", "fine too"])
        await until(lambda: len(app.taken) == 2)

        async def call(method: str, path: str, who: Identity = ADA) -> httpx.Response:
            token = service_tokens.issue(who, secret=SECRET, audience=service_tokens.GATEWAY)
            address = f"/sessions/{session.id}/{path}"
            return await gateway.http.request(method, address, headers={"Authorization": f"Bearer {token}"})

        found = (await call("GET", "parked")).json()["parked"]
        assert [row["messageId"] for row in found] == [f"{session.id}-odd 1", f"{session.id}-odd 2"]
        assert {row["reason"] for row in found} == {"the app answered with HTTP 422"}
        assert (await call("POST", "parked/retry", BOB)).status_code == 404
        odd = False
        assert (await call("POST", "parked/retry")).json() == {"retried": 2}
        await until(lambda: app.texts[2:] == ["odd 1", "odd 2"])
        assert (await call("GET", "parked")).json() == {"parked": []}

        settings = gateway.http._transport.app.state.settings  # type: ignore[attr-defined]
        with pytest.raises(NotFound):
            await dead_letters.retry(settings, clock.new_id())
        assert await dead_letters.retry(settings, None) == 1
        await until(lambda: app.texts[4:] == ["odd 3"])


async def test_the_services_talk_past_a_proxy_for_the_outside(
    gateway_database: Database, start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    app = App()
    async with serving(app.asgi()) as url:
        pushing = Delivery(gateway_database, url, SECRET)
        await record(gateway_database, await linked(gateway_database, "4915100000001"), ["hello"])
        await pushing.sweep()
        await until(lambda: app.texts == ["hello"])
        await pushing.close()
    async with start_gateway() as gateway, gateway.served() as client:
        assert await client.sessions(ADA) == []
