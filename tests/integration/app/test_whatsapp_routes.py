from conftest import GatewayStandIn, House, MakeHouse


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
        assert (await client.post("/api/whatsapp/login")).status_code == 503


async def test_a_secret_that_differs_does_not_look_like_being_signed_out(
    make_house: MakeHouse, gateway: GatewayStandIn
) -> None:
    async with make_house(gateway_url=gateway.url, auth_secret="not what the gateway has, 32 characters") as house:
        async with house.signed_in(await house.user()) as client:
            answer = await client.post("/api/whatsapp/login")
            assert (answer.status_code, answer.json()["code"]) == (503, "gateway_refused")
            assert "AUTH_SECRET" in (await client.get("/api/whatsapp")).json()["error"]


async def test_a_login_from_code_to_disconnection(linked_house: House, gateway: GatewayStandIn) -> None:
    async with linked_house.signed_in(await linked_house.user()) as client:
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
        answer = await client.post("/api/whatsapp/login")
        assert (answer.status_code, answer.json()["code"]) == (409, "session_limit")
