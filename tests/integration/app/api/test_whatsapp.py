import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
from support.app.running_app import GatewayStandIn, House, MakeHouse
from support.waiting import until

from exponential.auth import consents
from exponential.auth.users import User


async def agree(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/whatsapp/consent", json={"version": consents.WHATSAPP_VERSION})
    assert answer.status_code == 204


async def test_nobody_links_without_having_accepted_the_warning(linked_house: House, gateway: GatewayStandIn) -> None:
    alice = await linked_house.user()
    async with linked_house.signed_in(alice) as client:
        answer = await client.post("/api/whatsapp/login")
        assert (answer.status_code, answer.json()["code"]) == (409, "consent_needed")
        assert gateway.sessions == {}
        old = await client.post("/api/whatsapp/consent", json={"version": "of another text"})
        assert (old.status_code, old.json()["code"]) == (409, "consent_outdated")
        assert (await client.get("/api/whatsapp")).json()["consent"]["at"] is None
        await agree(client)
        first = (await client.get("/api/whatsapp")).json()["consent"]["at"]
        await agree(client)
        assert first and (await client.get("/api/whatsapp")).json()["consent"]["at"] == first
        assert (await client.post("/api/whatsapp/login")).status_code == 200
    async with linked_house.signed_in(await linked_house.user("bob@example.org", "Bob")) as bob:
        assert (await bob.post("/api/whatsapp/login")).status_code == 409


async def test_without_a_gateway_the_answer_says_so(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        assert (await client.get("/api/whatsapp")).json()["configured"] is False
        answer = await client.post("/api/whatsapp/login")
        assert (answer.status_code, answer.json()["code"]) == (503, "gateway_not_configured")


async def test_an_unreachable_gateway_is_an_answer_not_a_failure(make_house: MakeHouse) -> None:
    async with make_house(gateway_url="http://127.0.0.1:9") as house, house.signed_in(await house.user()) as client:
        answer = (await client.get("/api/whatsapp")).json()
        assert answer["configured"] and "can't be reached" in answer["error"] and answer["sessions"] == []
        assert (await client.get("/chat")).status_code == 200
        await agree(client)
        assert (await client.post("/api/whatsapp/login")).status_code == 503


async def test_a_secret_that_differs_does_not_look_like_being_signed_out(
    make_house: MakeHouse, gateway: GatewayStandIn
) -> None:
    async with make_house(gateway_url=gateway.url, auth_secret="not what the gateway has, 32 characters") as house:
        async with house.signed_in(await house.user()) as client:
            await agree(client)
            answer = await client.post("/api/whatsapp/login")
            assert (answer.status_code, answer.json()["code"]) == (503, "gateway_refused")
            assert "AUTH_SECRET" in (await client.get("/api/whatsapp")).json()["error"]


async def test_a_login_from_code_to_disconnection(linked_house: House, gateway: GatewayStandIn) -> None:
    async with linked_house.signed_in(await linked_house.user()) as client:
        await agree(client)
        session_id = (await client.post("/api/whatsapp/login")).json()["sessionId"]
        login = f"/api/whatsapp/login/{session_id}"
        gateway.qr_ready = False
        early = await client.get(f"{login}/qr")
        assert (early.status_code, early.json()["code"]) == (503, "qr_not_ready")
        gateway.qr_ready = True
        code = await client.get(f"{login}/qr")
        assert code.content.startswith(b"\x89PNG") and code.headers["cache-control"] == "no-store"
        assert (await client.post(f"{login}/restart")).status_code == 204
        gateway.set(session_id, "connected", "+4915110000001")
        assert (await client.get(f"{login}/status")).json()["phoneNumber"] == "+4915110000001"
        [session] = (await client.get("/api/whatsapp")).json()["sessions"]
        assert session["connected"] and session["connectedAt"]
        assert (await client.delete(f"/api/whatsapp/sessions/{session_id}")).status_code == 204
        assert (await client.get("/api/whatsapp")).json()["sessions"] == []


async def test_bob_sees_nothing_of_alices_session(linked_house: House, gateway: GatewayStandIn) -> None:
    alice = await linked_house.user()
    session_id = gateway.add(str(alice.id), "connected", "+4915110000001")
    async with linked_house.signed_in(await linked_house.user("bob@example.org", "Bob")) as bob:
        assert (await bob.get("/api/whatsapp")).json()["sessions"] == []
        for method, path in (
            ("GET", f"/api/whatsapp/login/{session_id}/qr"),
            ("GET", f"/api/whatsapp/login/{session_id}/status"),
            ("DELETE", f"/api/whatsapp/sessions/{session_id}"),
        ):
            assert (await bob.request(method, path)).status_code == 404
    assert session_id in gateway.sessions


async def test_the_session_limit_is_a_conflict(linked_house: House, gateway: GatewayStandIn) -> None:
    gateway.limit = 0
    async with linked_house.signed_in(await linked_house.user()) as client:
        await agree(client)
        answer = await client.post("/api/whatsapp/login")
        assert (answer.status_code, answer.json()["code"]) == (409, "session_limit")


async def test_a_logout_on_the_phone_is_told_to_the_open_page_at_once(
    linked_house: House, gateway: GatewayStandIn
) -> None:
    user = await linked_house.user()
    session_id = gateway.add(str(user.id), "connected", "+4915110000001")
    async with linked_house.served() as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        await client.post(await linked_house.link(user))
        async with asyncio.timeout(10), client.stream("GET", "/api/whatsapp/events") as stream:
            assert stream.status_code == 200
            lines = stream.aiter_lines()

            async def next_change() -> None:
                async for line in lines:
                    if line == "event: changed":
                        return

            await next_change()  # every stream begins with one
            while not gateway.followed:
                await asyncio.sleep(0.01)
            await next_change()
            gateway.set(session_id, "disconnected", reason="This device was unlinked on the phone.")
            await next_change()
            [session] = (await client.get("/api/whatsapp")).json()["sessions"]
            assert session["status"] == "disconnected"


async def test_all_pages_of_a_user_share_one_stream_of_the_gateway(
    linked_house: House, gateway: GatewayStandIn
) -> None:
    alice, bob = await linked_house.user(), await linked_house.user("bob@example.org", "Bob")
    linking = [gateway.add(str(alice.id), "pending") for _ in range(3)]
    async with linked_house.served() as url, AsyncExitStack() as stack:

        async def opened(user: User, pages: int) -> list[AsyncIterator[str]]:
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=10))
            await client.post(await linked_house.link(user))
            streams = [client.stream("GET", "/api/whatsapp/events") for _ in range(pages)]
            return [(await stack.enter_async_context(stream)).aiter_lines() for stream in streams]

        async def changed(page: AsyncIterator[str]) -> None:
            async with asyncio.timeout(10):
                while await anext(page) != "event: changed":
                    pass

        [first] = await opened(alice, 1)
        await changed(first)  # every stream begins with one
        await changed(first)  # and tells what the gateway says first
        hers = [first, *await opened(alice, 4)]
        for page in (*hers[1:], *await opened(bob, 1)):
            await changed(page)
        gateway.codes_shown[linking[0]] = "another"
        for page in hers:
            await changed(page)
        gateway.set(linking[1], "connected", "+4915110000001")
        for page in hers:
            await changed(page)
        await until(lambda: len(gateway.followed) == 2)
        assert sorted(gateway.followed) == sorted([str(alice.id), str(bob.id)])
    await until(lambda: gateway.following == 0)
