import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import select, update
from support.app.running_app import SECRET, House

from exponential.assistant import chats, conversation
from exponential.assistant.channels.base import Place
from exponential.assistant.files import attachments
from exponential.assistant.files.attachments import StoredAttachment
from exponential.assistant.tables import Chat
from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.auth.users import User
from exponential.core import clock

ROUTE = "/api/whatsapp-gateway/messages"


def bearer(
    user_id: str, *, secret: str = SECRET, audience: service_tokens.Audience = service_tokens.APP
) -> dict[str, str]:
    return {"Authorization": f"Bearer {service_tokens.issue(Identity(user_id), secret=secret, audience=audience)}"}


def message(**changes: Any) -> dict[str, Any]:
    return {
        "sessionId": "session-1",
        "messageId": "3EB0C0FFEE",
        "chat": "4915110000001@s.whatsapp.net",
        "sender": "4915110000001@s.whatsapp.net",
        "senderPhone": "+4915110000001",
        "senderName": "Alice",
        "role": "owner",
        "type": "text",
        "text": "Add a task: buy milk tomorrow",
        "timestamp": clock.now().isoformat(),
        **changes,
    }


async def stored(house: House, user: User) -> list[str]:
    async with house.database.transaction() as session:
        chat = await chats.main_chat(session, user.id)
        return [m.text for m in await conversation.history(session, chat.id) if m.role == "user"]


async def test_a_message_is_stored_before_it_is_accepted_and_only_once(house: House) -> None:
    alice = await house.user()
    async with house.client() as gateway:
        first = await gateway.post(ROUTE, json=message(), headers=bearer(str(alice.id)))
        assert (first.status_code, first.json()) == (202, {"accepted": True, "duplicate": False})
        again = await gateway.post(ROUTE, json=message(), headers=bearer(str(alice.id)))
        assert (again.status_code, again.json()) == (202, {"accepted": True, "duplicate": True})
    assert await stored(house, alice) == ["Add a task: buy milk tomorrow"]


async def test_a_message_sent_twice_at_the_same_time_is_stored_once(house: House) -> None:
    alice = await house.user()
    async with house.client() as gateway:
        answers = await asyncio.gather(
            *(gateway.post(ROUTE, json=message(), headers=bearer(str(alice.id))) for _ in range(5))
        )
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False, True, True, True, True]
    assert len(await stored(house, alice)) == 1


async def test_it_shows_in_the_chat_with_whatsapps_mark(house: House) -> None:
    alice = await house.user()
    async with house.client() as gateway, house.signed_in(alice) as browser:
        await gateway.post(ROUTE, json=message(), headers=bearer(str(alice.id)))
        page = (await browser.get("/chat")).text
        assert "Add a task: buy milk tomorrow" in page and "WhatsApp</span>" in page


async def test_what_is_forwarded_or_quoted_is_kept_as_such(house: House) -> None:
    alice = await house.user()
    turn = clock.new_id()
    told = [
        message(messageId="1", text="/pause", forwarded=True),
        message(messageId="2", quoted={"messageId": "3EB1", "text": "x" * 9_000, "key": f"{turn}:0"}),
        message(messageId="3", quoted={"messageId": "3EB1", "text": "", "key": "too much 7"}),
        message(messageId="4"),
    ]
    async with house.client() as gateway, house.signed_in(alice) as browser:
        for each in told:
            assert (await gateway.post(ROUTE, json=each, headers=bearer(str(alice.id)))).status_code == 202
        assert ">Forwarded</span>" in (await browser.get("/chat")).text
    async with house.database.transaction() as session:
        chat = await chats.main_chat(session, alice.id)
        found = [one for one in await conversation.history(session, chat.id) if one.role == "user"]
    assert [one.forwarded for one in found] == [True, False, False, False]
    assert [one.quoted for one in found] == [None, "x" * 4_000, None, None]
    assert [one.quoted_turn_id for one in found] == [None, turn, None, None]
    assert all(one.written_at is not None for one in found) and chat.paused_at is None


@pytest.mark.parametrize(
    ("changes", "handle", "in_group"),
    [
        ({}, "+4915110000001", False),
        ({"senderPhone": None}, "+4915110000001", False),
        ({"senderPhone": None, "sender": "7700@lid"}, "+4915110000001", False),
        ({"senderPhone": None, "sender": "7700@lid", "chat": "7700@lid"}, None, False),
        ({"senderPhone": None, "sender": "7700@lid", "chat": "4915110000001-1600000000@g.us"}, None, True),
    ],
)
async def test_people_are_known_by_their_number_if_whatsapp_tells_one(
    house: House, changes: dict[str, Any], handle: str | None, in_group: bool
) -> None:
    alice = await house.user()
    async with house.client() as gateway:
        told = message(role="guest", **changes)
        assert (await gateway.post(ROUTE, json=told, headers=bearer(str(alice.id)))).status_code == 202
    async with house.database.transaction() as session:
        (chat,) = (await session.scalars(select(Chat).where(Chat.kind == "contact"))).all()
        (heard, *_) = await conversation.history(session, chat.id)
    assert (heard.sender_handle, heard.is_group, chat.is_group) == (handle, in_group, in_group)
    assert chat.handle == (None if in_group else handle)
    assert heard.place == chat.place == Place("whatsapp", "session-1", told["chat"])


async def test_a_guest_never_gets_into_the_owners_conversation(house: House) -> None:
    alice = await house.user()
    guest = message(role="guest", chat="49160@s.whatsapp.net", sender="49160@s.whatsapp.net", text="Hi, is Alice in?")
    async with house.client() as gateway:
        assert (await gateway.post(ROUTE, json=guest, headers=bearer(str(alice.id)))).status_code == 202
    assert await stored(house, alice) == []


async def test_only_the_gateway_may_hand_messages_over(house: House) -> None:
    alice = str((await house.user()).id)
    async with house.client() as stranger:
        for headers in (
            {},
            {"Authorization": "Bearer nonsense"},
            bearer(alice, secret="another secret of at least 32 characters"),
            bearer(alice, audience=service_tokens.GATEWAY),
        ):
            assert (await stranger.post(ROUTE, json=message(), headers=headers)).status_code == 401


@pytest.mark.parametrize("user_id", [str(clock.new_id()), "not-an-account-of-ours"], ids=["unknown", "malformed"])
async def test_a_message_for_nobody_is_refused(house: House, user_id: str) -> None:
    async with house.client() as gateway:
        answer = await gateway.post(ROUTE, json=message(), headers=bearer(user_id))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")


@pytest.mark.parametrize(
    "wrong", [{"text": None}, {"role": "boss"}, {"timestamp": "yesterday"}, {"messageId": ""}, {"text": "x" * 100_000}]
)
async def test_a_message_that_makes_no_sense_is_refused_and_not_repeated_back(
    house: House, wrong: dict[str, Any]
) -> None:
    alice = await house.user()
    async with house.client() as gateway:
        answer = await gateway.post(ROUTE, json=message(**wrong), headers=bearer(str(alice.id)))
        assert answer.status_code == 422
        assert set(answer.json()) == {"error", "code"}
        assert "buy milk" not in answer.text


async def test_with_the_database_gone_the_gateway_is_told_to_try_again(house: House) -> None:
    alice = await house.user()
    await let_in(house, False)
    async with house.client() as gateway:
        answer = await gateway.post(ROUTE, json=message(), headers=bearer(str(alice.id)))
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"]
        assert (await gateway.get("/health")).status_code == 503
        page = await gateway.get("/sign-in/any", headers={"accept": "text/html"})
        assert page.status_code == 503 and "The database can&#39;t be reached" in page.text

        await let_in(house, True)
        again = await gateway.post(ROUTE, json=message(), headers=bearer(str(alice.id)))
        assert again.status_code == 202


async def let_in(house: House, allowed: bool) -> None:
    """Open or close the app's database to everyone, and end the connections that it has."""
    url = house.database.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    name = house.database.url.database
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        await admin.execute(f'alter database "{name}" with allow_connections {allowed}')
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))


async def files_of(house: House, user: User) -> list[tuple[str, str, bytes, object]]:
    async with house.database.transaction() as session:
        chat = await chats.main_chat(session, user.id)
        messages = await conversation.history(session, chat.id)
        found = await attachments.of_messages(session, [m.id for m in messages])
        everything = [file for m in messages for file in found.get(m.id, [])]
        return [(file.kind, file.name, await attachments.data_of(session, file.id), file.note) for file in everything]


async def test_a_file_is_kept_with_its_message_also_above_the_usual_size(house: House) -> None:
    alice = await house.user()
    letter = b"%PDF a letter" * 200_000
    body = message(type="document", text="read this", media=file(letter, name="letter.pdf"))
    async with house.client() as gateway:
        for duplicate in (False, True):
            answer = await gateway.post(ROUTE, json=body, headers=bearer(str(alice.id)))
            assert (answer.status_code, answer.json()["duplicate"]) == (202, duplicate)
    assert await stored(house, alice) == ["read this"]
    assert await files_of(house, alice) == [("document", "letter.pdf", letter, None)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"data": "", "problem": "WhatsApp doesn't have it."}, "I couldn't get this file. WhatsApp doesn't have it."),
        ({"data": "no base64!"}, "The file was damaged on its way here."),
        ({"data": base64.b64encode(bytes(17_000_000)).decode()}, "The file has 17.0 MB; I take up to 16 MB."),
    ],
)
async def test_a_message_is_not_lost_over_its_file(house: House, changes: dict[str, str], why: str) -> None:
    alice = await house.user()
    body = message(type="image", text="look", media={**file(b"x"), **changes})
    async with house.client() as gateway:
        assert (await gateway.post(ROUTE, json=body, headers=bearer(str(alice.id)))).status_code == 202
    assert await stored(house, alice) == ["look"]
    assert [(kind, data, told) for kind, _, data, told in await files_of(house, alice)] == [("image", b"", why)]


@pytest.mark.parametrize(
    "quiet", [{"paused_at": datetime.now(UTC)}, {"breaker_until": datetime(2199, 1, 1, tzinfo=UTC)}]
)
async def test_a_guests_file_is_not_kept_where_paddy_is_silent(house: House, quiet: dict[str, datetime]) -> None:
    alice = await house.user()
    sent = base64.b64encode(b"%PDF-1.5 ...").decode()
    async with house.client() as gateway:
        for number in ("1", "2"):
            file = {"mime": "application/pdf", "name": "long.pdf", "data": sent}
            about = message(messageId=number, chat="carol@lid", role="guest", type="document", media=file)
            await gateway.post(ROUTE, json=about, headers=bearer(str(alice.id)))
            async with house.database.transaction() as session:
                await session.execute(update(Chat).where(Chat.kind == "contact").values(quiet))
    async with house.database.transaction() as session:
        kept = (await session.scalars(select(StoredAttachment).order_by(StoredAttachment.position))).all()
    assert [(file.name, file.data, file.size) for file in kept] == [
        ("long.pdf", b"%PDF-1.5 ...", 12),
        ("long.pdf", b"", 0),
    ]
    assert kept[1].note == attachments.NOT_KEPT and kept[1].read


async def test_nothing_large_is_read_of_who_has_no_token(house: House) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield bytes(1_000_000)

    read: list[int] = []
    async with house.client() as gateway:

        async def body() -> AsyncIterator[bytes]:
            for part in endless():
                yield part

        with contextlib.suppress(httpx.WriteError, httpx.ReadError):
            assert (await gateway.post(ROUTE, content=body())).status_code == 401
    assert len(read) < 80


def file(data: bytes, name: str = "") -> dict[str, Any]:
    return {"mime": "x/y", "name": name, "size": len(data), "data": base64.b64encode(data).decode()}
