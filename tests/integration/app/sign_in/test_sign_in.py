import httpx
import pytest
from support.app.running_app import House

from exponential.auth import invites, sign_in
from exponential.core import log

PAGE = {"accept": "text/html"}


async def test_a_link_that_is_only_looked_at_stays_good(house: House) -> None:
    link = await house.link(await house.user())
    async with house.client(**PAGE) as preview, house.client(**PAGE) as alice:
        for _ in range(2):
            shown = await preview.get(link)
            assert shown.status_code == 200 and "set-cookie" not in shown.headers
            assert shown.headers["referrer-policy"] == "strict-origin"
        assert (await preview.get("/chat")).status_code == 401
        assert "alice@example.org" in (await alice.get(link)).text
        assert (await alice.post(link, headers={"origin": "https://evil.example"})).status_code == 403
        assert (await alice.post(link, headers={"origin": "http://app.test"})).headers["location"] == "/chat"


async def test_a_link_signs_in_once_and_leads_to_the_chat(house: House) -> None:
    link = await house.link(await house.user())
    async with house.client(**PAGE) as alice, house.client(**PAGE) as thief:
        answer = await alice.post(link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/chat")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
        assert (await alice.get("/chat")).status_code == 200

        for refused in (await thief.get(link), await thief.post(link)):
            assert refused.status_code == 401
            assert "used already or has expired" in refused.text and "<code>exponential link</code>" in refused.text
        for again in (await alice.get(link), await alice.post(link)):
            assert again.headers["location"] == "/chat"  # a reload by who is signed in already


async def test_over_https_the_cookie_is_secure(house: House) -> None:
    link = await house.link(await house.user())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="https://app.test") as client:
        assert "Secure" in (await client.post(link)).headers["set-cookie"]


async def test_signing_out_ends_the_session(house: House) -> None:
    async with house.signed_in(await house.user(), **PAGE) as client:
        session = client.cookies["exponential_session"]
        answer = await client.post("/sign-out")
        assert answer.headers["location"] == "/signed-out"
        assert "You are signed out" in (await client.get("/signed-out")).text
        client.cookies.set("exponential_session", session)
        assert (await client.get("/chat")).status_code == 401


async def test_strangers_get_a_page_that_explains_or_json_that_says_so(house: House) -> None:
    async with house.client(**PAGE) as stranger:
        for path in ("/chat", "/tasks", "/chat/events", "/tasks/events", "/chats", "/projects", "/meetings"):
            answer = await stranger.get(path)
            assert answer.status_code == 401, path
            assert "<h1>Sign in</h1>" in answer.text and "<code>exponential link</code>" in answer.text
        for path in ("/api/whatsapp", "/api/whatsapp/login/1/qr"):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "http://app.test:9999"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_another_site_can_not_act_as_the_user(house: House, headers: dict[str, str]) -> None:
    async with house.signed_in(await house.user()) as client:
        answer = await client.post("/tasks", data={"title": "forged"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
        assert "forged" not in (await client.get("/tasks")).text


async def test_the_own_site_can(house: House) -> None:
    async with house.signed_in(await house.user()) as client:
        for headers in ({"origin": "http://app.test"}, {"sec-fetch-site": "same-origin"}, {}):
            assert (await client.post("/tasks", data={"title": "mine"}, headers=headers)).status_code == 303


async def test_every_answer_carries_the_security_headers(house: House) -> None:
    async with house.client(**PAGE) as client:
        for path in ("/chat", "/static/app.css", "/health", "/no-such-page"):
            headers = (await client.get(path)).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


async def test_no_secret_of_a_path_reaches_the_log(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("debug", service="test")

    async def broken(_session: object, token: str) -> None:
        raise RuntimeError(f"at /invite/{token} and /sign-in/{token}")

    monkeypatch.setattr(invites, "get", broken)
    monkeypatch.setattr(sign_in, "user_of_link", broken)
    async with house.served() as url, httpx.AsyncClient(base_url=url) as client:
        for path in ("/invite/s3cret-of-a-path", "/sign-in/s3cret-of-a-path"):
            answer = await client.get(path, headers=PAGE)
            assert answer.status_code == 500
    written = capsys.readouterr().err
    assert "request_failed" in written and "RuntimeError" in written
    assert "s3cret" not in written


async def test_an_unknown_page_is_explained(house: House) -> None:
    async with house.client(**PAGE) as client:
        answer = await client.get("/no-such-page")
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text


async def test_the_browsers_time_zone_is_kept(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as client:
        assert (await client.post("/api/timezone", json={"timezone": "Asia/Tokyo"})).status_code == 204
        assert (await client.post("/api/timezone", json={"timezone": "Mars/Olympus"})).status_code == 422
        assert 'data-timezone="Asia/Tokyo"' in (await client.get("/tasks")).text
