"""The gateway's HTTP contract, over a real database and a worker process that stands in for WhatsApp's."""

import asyncio
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import zxingcpp
from PIL import Image
from support.gateway.tokens import bearer
from support.gateways import ADA, BOB, SECRET, StartGateway, scan
from support.waiting import until

from exponential.auth import service_tokens
from exponential.core import clock
from exponential.core.errors import BadInput, Conflict, NotFound, Unauthorized, Unavailable
from exponential.gateway.client import GatewayClient
from exponential.gateway.operations import MAX_LINKINGS_PER_MINUTE

ADAS_CHAT = "4915112345678@s.whatsapp.net"
Folder = Callable[[str], Path]


async def test_clocks_may_differ_by_a_minute_and_then_it_is_told(start_gateway: StartGateway) -> None:
    now = int(clock.now().timestamp())
    async with start_gateway() as gateway:
        for claims in ({"iat": now + 50}, {"nbf": now + 50}, {"exp": now - 50}):
            assert (await gateway.http.get("/sessions", headers=bearer(**claims))).status_code == 200, claims
        for claims, code in (
            ({"iat": now + 90}, "token_not_yet_valid"),
            ({"nbf": now + 90}, "token_not_yet_valid"),
            ({"exp": now - 90}, "token_expired"),
        ):
            answer = await gateway.http.get("/sessions", headers=bearer(**claims))
            assert (answer.status_code, answer.json()["code"]) == (401, code)
            assert "clock" in answer.json()["error"] and f"{clock.now():%Y-%m-%d}" in answer.json()["error"]
        forged = jwt.encode({"sub": "ada", "iat": now + 90, "exp": now + 99}, "x" * 40, algorithm="HS256")
        answer = await gateway.http.get("/sessions", headers={"Authorization": f"Bearer {forged}"})
        assert answer.json()["code"] == "token_invalid"


async def test_from_login_to_connected(start_gateway: StartGateway, session_folder: Folder) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        status = await until(lambda: with_code(gateway.client, session))
        assert (status.connected, status.phone_number, status.status) == (False, None, "pending")
        assert "Scan the QR code" in status.status_reason
        assert timedelta(seconds=50) < status.qr_expires_at - clock.now() <= timedelta(seconds=60)

        picture = Image.open(io.BytesIO(await gateway.client.qr(ADA, session)))
        assert zxingcpp.read_barcodes(picture)[0].text == f"https://wa.me/settings/linked_devices#{session}"

        await scan(gateway, session_folder(session), session)
        status = await gateway.client.login_status(ADA, session)
        assert (status.connected, status.phone_number, status.qr_available) == (True, "+4915112345678", False)
        with pytest.raises(Conflict, match="linked already") as caught:
            await gateway.client.qr(ADA, session)
        assert caught.value.code == "already_connected"
        [listed] = await gateway.client.sessions(ADA)
        assert (listed.session_id, listed.connected, listed.phone_number) == (session, True, "+4915112345678")
        assert listed.connected_at is not None
        assert await gateway.client.session(ADA, session) == listed


async def with_code(client: GatewayClient, session: str) -> Any:
    status = await client.login_status(ADA, session)
    return status if status.qr_available else None


async def test_a_code_that_is_not_there_yet_says_when_to_ask_again(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await until(lambda: with_code(gateway.client, session))
        headers = bearer()
        with clock.frozen(clock.now() + timedelta(seconds=61)):
            answer = await gateway.http.get(f"/login/{session}/qr", headers=headers)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["code"] == "qr_not_ready"


async def test_bobs_sessions_do_not_exist_for_ada(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(BOB)
        assert await gateway.client.sessions(ADA) == []
        for call in (
            gateway.client.qr(ADA, session),
            gateway.client.login_status(ADA, session),
            gateway.client.restart(ADA, session),
            gateway.client.session(ADA, session),
            gateway.client.disconnect(ADA, session),
            gateway.client.send(ADA, session, ADAS_CHAT, "hello", key="k"),
            gateway.client.message(ADA, session, str(clock.new_id())),
            gateway.client.typing(ADA, session, ADAS_CHAT, True),
            gateway.client.session(ADA, "no-session"),
            gateway.client.session(ADA, "../../etc/passwd"),
        ):
            with pytest.raises(NotFound):
                await call
        assert len(await gateway.client.sessions(BOB)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic YWRhOmFkYQ=="},
        {"Authorization": "Bearer not.a.token"},
        bearer(exp=int(clock.now().timestamp()) - 60),
        bearer(nbf=int(clock.now().timestamp()) + 86_400),
        bearer(aud="exponential-app"),
        bearer(iss="someone-else"),
        bearer(sub=""),
        {"Authorization": "Bearer " + jwt.encode({"sub": "ada", "aud": "whatsapp-gateway"}, None, algorithm="none")},
        {
            "Authorization": "Bearer "
            + jwt.encode({"sub": "ada", "aud": "whatsapp-gateway"}, "x" * 40, algorithm="HS256")
        },
    ],
)
async def test_without_a_valid_token_nothing_is_told(start_gateway: StartGateway, headers: dict[str, str]) -> None:
    async with start_gateway() as gateway:
        for method, path in (("POST", "/login"), ("GET", "/sessions"), ("DELETE", f"/sessions/{clock.new_id()}")):
            answer = await gateway.http.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert set(answer.json()) == {"error", "code"}


async def test_the_original_applications_tokens_are_accepted(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        answer = await gateway.http.post("/login", headers=bearer(iss="todo-app"))
        assert answer.status_code == 200
        assert set(answer.json()) == {"sessionId"}


async def test_the_limit_holds_when_many_ask_at_once(start_gateway: StartGateway) -> None:
    async with start_gateway(max_sessions=3) as gateway:
        answers = await asyncio.gather(*(gateway.client.login(ADA) for _ in range(10)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Conflict)]
        assert len(refused) == 7
        assert all("Maximum sessions reached" in str(error) and error.code == "session_limit" for error in refused)
        first = (await gateway.client.sessions(ADA))[0]
        await gateway.client.disconnect(ADA, first.session_id)
        await gateway.client.login(ADA)


async def test_who_links_again_and_again_is_asked_to_wait_and_others_are_not(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        for _ in range(MAX_LINKINGS_PER_MINUTE):
            await gateway.client.disconnect(ADA, await gateway.client.login(ADA))
        with pytest.raises(Unavailable, match="Wait a minute") as refused:
            await gateway.client.login(ADA)
        assert refused.value.code == "too_many_linkings" and 0 < refused.value.retry_after <= 61
        assert not await gateway.client.sessions(ADA)
        assert await gateway.client.login(BOB)


async def test_a_message_is_queued_once_and_followed_to_its_receipt(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        headers = {**bearer(), "Idempotency-Key": "turn-1"}
        body = {"chat": ADAS_CHAT, "text": "read at once"}
        first = await gateway.http.post(f"/sessions/{session}/messages", headers=headers, json=body)
        again = await gateway.http.post(f"/sessions/{session}/messages", headers=headers, json=body)
        assert (first.status_code, again.status_code) == (202, 202)
        message = first.json()["messageId"]
        assert again.json()["messageId"] == message

        await until(lambda: reads(gateway.client, session, message))
        assert (session_folder(session).parent / "sent").read_text(encoding="utf-8") == f"{ADAS_CHAT} read at once\n"
        with pytest.raises(Conflict, match="used for another message") as caught:
            await gateway.client.send(ADA, session, ADAS_CHAT, "something else", key="turn-1")
        assert caught.value.code == "idempotency_key_reused"
        with pytest.raises(NotFound):
            await gateway.client.message(ADA, session, str(clock.new_id()))


async def reads(client: GatewayClient, session: str, message: str) -> bool:
    return await client.message(ADA, session, message) == "read"


async def test_what_can_not_be_sent_is_said_so(start_gateway: StartGateway, session_folder: Folder) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        with pytest.raises(Conflict, match="not linked"):
            await gateway.client.send(ADA, session, ADAS_CHAT, "hello", key="k")
        await scan(gateway, session_folder(session), session)

        async def refused(text: str, *, chat: str = ADAS_CHAT, key: str = "k") -> str:
            with pytest.raises(BadInput) as caught:
                await gateway.client.send(ADA, session, chat, text, key=key)
            return caught.value.code

        assert await refused("") == "text_empty"
        assert await refused(" \n") == "text_empty"
        assert await refused("x" * 65_537) == "text_too_long"
        assert await refused("hello", key="") == "idempotency_key_missing"
        assert await refused("hello", chat="4915187654321@s.whatsapp.net") == "chat_not_allowed"
        assert await refused("hello", chat="no jid") == "chat_not_allowed"
        with pytest.raises(BadInput, match="own “Message yourself” chat"):
            await gateway.client.typing(ADA, session, "4915187654321@s.whatsapp.net", True)
        await gateway.client.send(ADA, session, ADAS_CHAT, "🥛" * 65_536, key="long")
        await gateway.client.typing(ADA, session, "77001122@lid", True)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b'{"chat": "c"}', 422),
        (b'{"chat": "c", "text": 5}', 422),
        (b'{"chat": "c", "text": null}', 422),
        (b'{"chat": "c", "text": "t", "extra": 1}', 422),
        (b'{"chat": "c", "text": "\\ud800"}', 422),
        (b'{"chat": "c", "text": "' + b"x" * 1024 * 1024 + b'"}', 413),
        (b"\xff\xfe", 422),
    ],
)
async def test_odd_bodies_get_one_clear_sentence(start_gateway: StartGateway, content: bytes, status: int) -> None:
    async with start_gateway() as gateway:
        headers = {**bearer(), "Idempotency-Key": "k", "Content-Type": "application/json"}
        answer = await gateway.http.post(f"/sessions/{clock.new_id()}/messages", headers=headers, content=content)
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "code"}


async def test_unknown_addresses_and_methods_answer_in_the_same_shape(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        for method, path, status in (("GET", "/nowhere", 404), ("PUT", "/login", 405), ("GET", "/docs", 404)):
            answer = await gateway.http.request(method, path)
            assert (answer.status_code, set(answer.json())) == (status, {"error", "code"})


async def test_a_removed_session_is_gone_with_its_credentials(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        await gateway.client.send(ADA, session, ADAS_CHAT, "hello", key="k")
        await gateway.client.disconnect(ADA, session)
        await until(lambda: not session_folder(session).exists())
        assert await gateway.client.sessions(ADA) == []
        with pytest.raises(NotFound):
            await gateway.client.disconnect(ADA, session)


async def test_health_needs_no_token_and_tells_the_mode(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        health = await gateway.client.health()
        assert (health.ok, health.mode) == (True, "whatsapp")


async def test_a_wrong_secret_or_a_dead_gateway_is_told_apart(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        stranger = GatewayClient("http://gateway", "another secret of thirty-two characters", http=gateway.http)
        with pytest.raises(Unauthorized) as refused:
            await stranger.sessions(ADA)
        assert refused.value.code == "token_invalid"
    nobody = GatewayClient("http://127.0.0.1:9", SECRET)
    with pytest.raises(Unavailable, match="can't be reached") as unreachable:
        await nobody.sessions(ADA)
    assert unreachable.value.code == "gateway_unreachable"
    await nobody.close()


def test_the_client_signs_for_the_gateway_alone() -> None:
    token = service_tokens.issue(ADA, secret=SECRET, audience=service_tokens.GATEWAY)
    with pytest.raises(Unauthorized):
        service_tokens.verify(token, secret=SECRET, audience=service_tokens.APP)
