"""What phones do by the control URL, heard by the real client; and what is refused, in sentences."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from support.loopback.real_client import said

from exponential.loopback.control import application
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import until

PICTURE = b"\x89PNG not really"


@pytest.fixture
async def http(whatsapp: Loopback, alice: Phone, bob: Phone) -> AsyncIterator[httpx.AsyncClient]:
    """Bob's phone at the control URL."""
    async with application.serving(whatsapp) as url:
        base = f"{url}/api/phones/{bob.number}"
        async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
            yield client


async def test_a_reply_a_reaction_an_edit_and_a_revoke(
    linked: Any, http: httpx.AsyncClient, alice: Phone, bob: Phone
) -> None:
    first = (await http.post("/messages", json={"to": alice.number, "text": "Lunch?"})).json()["id"]
    await said(linked)
    await http.post("/messages", json={"to": alice.number, "text": "At one", "quote": first})
    assert (await said(linked)).extendedTextMessage.contextInfo.stanzaID == first
    where = f"/messages/{alice.number}/{first}"
    assert (await http.put(f"{where}/reaction", json={"emoji": "👍"})).status_code == 204
    assert (await said(linked)).reactionMessage.text == "👍"
    assert (await http.put(f"{where}/text", json={"text": "Dinner?"})).status_code == 204
    await said(linked)
    assert (await http.delete(where)).status_code == 204
    await said(linked)
    (line, _) = alice.messages(bob)
    assert (line.revoked, line.reactions) == (True, {bob.number: "👍"})


FILES = [
    ("image", "image/png", "image/png"),
    ("image", "image/svg+xml", "application/octet-stream"),
    ("video", "video/mp4", "video/mp4"),
    ("voice", "audio/ogg", "audio/ogg"),
    ("document", "text/html", "application/octet-stream"),
    ("sticker", "image/webp", "image/webp"),
]


async def test_files_are_sent_and_opened(linked: Any, http: httpx.AsyncClient, alice: Phone, bob: Phone) -> None:
    for kind, mime, shown in FILES:
        form = {"to": alice.number, "kind": kind, "text": "look"}
        sent = await http.post("/files", data=form, files={"file": ("a.bin", PICTURE, mime)})
        assert sent.status_code == 201, (mime, sent.text)
        heard = await said(linked)
        assert heard.ListFields(), mime
        line = await alice.wait_for(lambda line, sent=sent: line.id == sent.json()["id"], chat=bob)
        assert line.kind == kind, mime
        opened = await http.get(f"/files/{alice.number}/{line.id}")
        assert (opened.content, opened.headers["content-type"].partition(";")[0]) == (PICTURE, shown)
        disposition = opened.headers.get("content-disposition", "")
        assert ("attachment" in disposition) == (shown == "application/octet-stream"), mime
        assert opened.headers["x-content-type-options"] == "nosniff"


async def test_a_place_a_card_typing_and_a_timer(
    linked: Any, http: httpx.AsyncClient, alice: Phone, bob: Phone
) -> None:
    await http.put(f"/typing/{alice.number}", json={"on": True})
    await linked.until("typing")
    await http.post("/locations", json={"to": alice.number, "latitude": 54.3, "longitude": 10.1, "name": "Kiel"})
    assert (await said(linked)).locationMessage.name == "Kiel"
    await http.post("/contacts", json={"to": alice.number, "name": "Carol", "number": "+4915110000003"})
    assert "+4915110000003" in (await said(linked)).contactMessage.vcard
    assert (await http.put(f"/timer/{alice.number}", json={"seconds": 86400})).status_code == 204
    await said(linked)
    await http.post("/messages", json={"to": alice.number, "text": "gone tomorrow"})
    assert (await said(linked)).extendedTextMessage.contextInfo.expiration == 86400


async def test_a_group_with_everything(linked: Any, http: httpx.AsyncClient, alice: Phone, bob: Phone) -> None:
    group = (await http.post("/groups", json={"subject": "Alpha", "members": [alice.number]})).json()["id"]
    await http.post("/messages", json={"to": group, "text": "what is up?", "mentions": [alice.number]})
    while not (heard := (await said(linked)).extendedTextMessage).text:
        pass
    assert list(heard.contextInfo.mentionedJID) == [str(alice.account.lid)]
    sent = await http.post(
        "/files", data={"to": group, "kind": "image"}, files={"file": ("a.png", PICTURE, "image/png")}
    )
    line = await alice.wait_for(lambda line: line.id == sent.json()["id"], chat=group)
    assert (line.kind, alice.open_file(line)) == ("image", PICTURE)
    while not (await said(linked)).HasField("imageMessage"):
        pass
    own = bob.messages(group)[-1]
    alice.react(line, "👍")
    await until(bob, lambda: own.reactions == {alice.number: "👍"})
    while not (reaction := (await said(linked)).reactionMessage).text:
        pass
    assert (reaction.key.participant, reaction.key.fromMe) == (str(bob.account.lid), False)
    alice.mark_read(group)
    await until(bob, lambda: own.status == "read")
    bob.edit(bob.messages(group)[0], "what's up?")
    await until(alice, lambda: alice.messages(group)[0].text == "what's up?")
    members = f"/groups/{group}/members/{alice.number}"
    assert (await http.put(members)).status_code == 409
    assert (await http.delete(members)).status_code == 204
    with pytest.raises(ValueError, match="no longer a member"):
        alice.send_text(group, "hello?")
    assert (await http.put(members)).status_code == 204
    alice.send_text(group, "hello again")
    await bob.wait_for("hello again", chat=group)


async def test_the_account(http: httpx.AsyncClient, whatsapp: Loopback, alice: Phone, bob: Phone) -> None:
    assert (await http.put("/profile", json={"name": "Robert"})).status_code == 204
    assert (bob.account.push_name, (await http.get(str(http.base_url).rstrip("/"))).json()["name"]) == (
        "Robert",
        "Robert",
    )
    assert (await http.put("/passkey", json={"on": True})).status_code == 204
    assert bob.account.passkey
    assert (await http.put("/presence", json={"online": False})).status_code == 204
    assert not bob.online
    server = str(http.base_url).partition("/phones/")[0]
    assert (await http.post(f"{server}/faults/expire_certificate", json={})).status_code == 204
    assert whatsapp.faults.expired_certificate


async def test_a_pairing_code_is_typed(new_client: Any, http: httpx.AsyncClient, bob: Phone) -> None:
    client = new_client("by-number")
    await client.start()
    await client.until("qr")
    await client.say(f"pair {bob.number[1:]}")
    code = await client.until("pair-code")
    refused = await http.post("/code", json={"code": "1234"})
    assert refused.status_code == 409 and "not a pairing code" in refused.json()["detail"]
    assert (await http.post("/code", json={"code": code})).status_code == 200
    await client.until("connected")
    assert len(bob.linked_devices) == 1


async def test_what_is_refused_is_told_in_a_sentence(http: httpx.AsyncClient, alice: Phone, bob: Phone) -> None:
    theirs = alice.send_text(bob, "mine")
    await bob.wait_for("mine", chat=alice)
    nowhere, line = "+4900000000", f"/messages/{alice.number}/{theirs.id}"
    words = {"to": alice.number, "text": "x"}
    answers = [
        (404, await http.post(f"/read/{nowhere}")),
        (404, await http.post("/messages", json={"to": nowhere, "text": "x"})),
        (404, await http.post("/messages", json={"to": "1@g.us", "text": "x"})),
        (404, await http.put("/timer/1@g.us", json={"seconds": 1})),
        (404, await http.post("/messages", json={"to": alice.number, "text": "x", "quote": "none"})),
        (404, await http.get(f"/files/{alice.number}/{theirs.id}")),
        (404, await http.delete("/devices/9")),
        (404, await http.put("/groups/1@g.us/members/+1")),
        (404, await http.post("/groups", json={"subject": "x", "members": [nowhere]})),
        (409, await http.put(f"{line}/text", json={"text": "not mine"})),
        (409, await http.delete(line)),
        (409, await http.post("/scan", json={"code": "nonsense"})),
        (409, await http.post("/photo", files={"picture": b"nonsense"})),
        (422, await http.post("/messages", json={"to": alice.number, "text": "  "})),
        (422, await http.post("/messages", json={"to": alice.number})),
        (422, await http.post("/messages", json={**words, "quote": theirs.id, "mentions": [alice.number]})),
        (422, await http.post("/locations", json={"to": alice.number, "latitude": 91, "longitude": 0})),
        (422, await http.put("/profile", json={"name": ""})),
        (422, await http.put("/profile", content=b"{")),
        (403, await http.put("/profile", json={"name": "x"}, headers={"Origin": "http://attacker.example"})),
    ]
    for wanted, answer in answers:
        assert answer.status_code == wanted, f"{answer.request.url} {answer.text}"
        assert isinstance(answer.json()["detail"], str) and answer.json()["detail"].endswith("."), answer.text
