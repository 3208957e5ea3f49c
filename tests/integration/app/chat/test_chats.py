import asyncio
import json
import re
import tracemalloc
from uuid import UUID, uuid4

import pytest
from support.app.running_app import House

from exponential.app.chat import chat as chat_page
from exponential.assistant import chats, conversation
from exponential.assistant.conversation import Incoming
from exponential.assistant.files import attachments
from exponential.assistant.tables import Chat, Message
from exponential.assistant.turns.stream import Progress, ProgressFeed, ProgressSender
from exponential.auth.users import User
from exponential.core.errors import BadInput, Conflict, NotFound

SCRIPT = {"accept": "application/json"}


async def topic(house: House, user: User, *said: str) -> Chat:
    async with house.database.transaction() as session:
        chat = await chats.open_topic(session, user.id)
        for words in said:
            await conversation.receive(session, Incoming(user.id, "web", words, chat_id=chat.id))
    return chat


async def guest(house: House, user: User, words: str, name: str | None = "Ben", message_id: str = "3EB0") -> UUID:
    async with house.database.transaction() as session:
        incoming = Incoming(
            user_id=user.id,
            channel="whatsapp",
            text=words,
            role="guest",
            account=f"session-{user.id}",
            address="4915119999999@s.whatsapp.net",
            sender_handle="+4915119999999",
            external_id=message_id,
            sender_name=name,
        )
        return (await conversation.receive(session, incoming)).chat_id


async def test_topics_are_named_after_their_first_words_and_an_empty_one_is_taken_again(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as client:
        first = (await client.post("/chats")).headers["location"]
        assert (await client.post("/chats")).headers["location"] == first
        await client.post(f"{first}/messages", data={"text": "  Garden\n\nparty <b>in</b> spring " + "x" * 80})
        second = (await client.post("/chats")).headers["location"]
        assert second != first
        page = (await client.get("/chats")).text
        assert "Garden party &lt;b&gt;in&lt;/b&gt; spring…" in page and "New chat" in page
        renamed = await client.post(f"{first}/rename", data={"title": "  Party  plans "})
        assert renamed.headers["location"] == first
        assert "Party plans" in (await client.get(first)).text
        for title in ("", "x" * 121):
            assert (await client.post(f"{first}/rename", data={"title": title})).status_code == 422


async def test_what_is_said_in_one_chat_is_not_in_the_others(house: House) -> None:
    alice = await house.user()
    chat = await topic(house, alice, "a secret about the garden")
    async with house.signed_in(alice) as client:
        await client.post("/chat/messages", data={"text": "a word about the house"})
        main, other = (await client.get("/chat")).text, (await client.get(f"/chat/{chat.id}")).text
        assert "word about the house" in main.split('id="messages"')[1]
        assert "secret about the garden" not in main.split('id="messages"')[1]
        assert "word about the house" not in other.split('id="messages"')[1]


async def test_whatsapp_goes_on_in_the_main_chat(house: House) -> None:
    alice = await house.user()
    await topic(house, alice, "something else")
    async with house.database.transaction() as session:
        incoming = Incoming(alice.id, "whatsapp", "from the phone", "owner", "s", "1@s.whatsapp.net", "3EB0")
        received = await conversation.receive(session, incoming)
        assert received.chat_id == (await chats.main_chat(session, alice.id)).id


async def test_a_topic_is_deleted_for_good_and_only_when_that_was_meant(house: House) -> None:
    alice = await house.user()
    chat = await topic(house, alice, "a secret about the garden")
    async with house.signed_in(alice) as client:
        unsure = await client.post(f"/chat/{chat.id}/delete", headers=SCRIPT)
        assert (unsure.status_code, unsure.json()["code"]) == (422, "not_confirmed")
        gone = await client.post(f"/chat/{chat.id}/delete", data={"sure": "yes"})
        assert gone.headers["location"] == "/chats"
        assert (await client.get(f"/chat/{chat.id}")).status_code == 404
        assert "secret about the garden" not in (await client.get("/chats?q=garden")).text
        main = (await client.get("/chat")).text.split('data-chat="')[1][:36]
        answer = await client.post(f"/chat/{main}/delete", data={"sure": "yes"}, headers=SCRIPT)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_a_topic")


async def test_the_owner_reads_a_guests_chat_and_writes_nothing_there(house: House) -> None:
    alice = await house.user()
    chat_id = await guest(house, alice, "is Alice there?", "<i>Ben</i>")
    async with house.signed_in(alice) as client:
        listed = (await client.get("/chats")).text
        assert "&lt;i&gt;Ben&lt;/i&gt;" in listed and "Guest" in listed
        page = (await client.get(f"/chat/{chat_id}")).text
        assert "is Alice there?" in page and 'id="composer"' not in page
        for path, form in ((f"/chat/{chat_id}/messages", {"text": "hi"}), (f"/chat/{chat_id}/stop", {})):
            refused = await client.post(path, data=form, headers=SCRIPT)
            assert (refused.status_code, refused.json()["code"]) == (409, "read_only")
        await guest(house, alice, "a stranger without a name", None, "3EB1")
        assert "&lt;i&gt;Ben" in (await client.get("/chats")).text  # the last name that was given
    bob = await house.user("bob@example.org", "Bob")
    nameless = await guest(house, bob, "hello", None, "3EB2")
    async with house.database.transaction() as session:
        assert await chats.name_of(session, await session.get_one(Chat, nameless)) == "+4915119999999"


async def test_bob_and_charlie_reach_none_of_alices_chats(house: House) -> None:
    alice = await house.user()
    hers, bens = await topic(house, alice, "a secret about the garden"), await guest(house, alice, "psst, the garden")
    async with house.database.transaction() as session:
        [said, *_] = await conversation.history(session, hers.id)
        note = attachments.attachment("plan.png", "image/png", b"png")
        received = await conversation.receive(
            session, Incoming(alice.id, "web", "look", chat_id=hers.id, attachments=(note,))
        )
        [files] = (await attachments.of_messages(session, [received.message_id])).values()
    reads = [
        *(f"/chat/{hers.id}", f"/chat/{bens}", f"/chat/{hers.id}/events", f"/chat/{hers.id}?around={said.id}"),
        *(f"/chat/{hers.id}/{said.id}/text", f"/files/{files[0].id}"),
    ]
    writes = {
        f"/chat/{hers.id}/messages": {"text": "hi"},
        f"/chat/{hers.id}/rename": {"title": "mine"},
        f"/chat/{hers.id}/delete": {"sure": "yes"},
        f"/chat/{hers.id}/stop": {},
        f"/chat/{hers.id}/retry": {"message": str(said.id)},
        "/chat/retry": {"message": str(said.id)},
    }
    async with house.signed_in(await house.user("bob@example.org", "Bob")) as bob, house.client() as charlie:
        for path in reads:
            assert (await bob.get(path)).status_code == 404, path
            assert (await charlie.get(path)).status_code == 401, path
        for path, form in writes.items():
            assert (await bob.post(path, data=form, headers=SCRIPT)).status_code == 404, path
            assert (await charlie.post(path, data=form, headers=SCRIPT)).status_code == 401, path
        page = (await bob.get("/chats?q=garden")).text
        assert "secret" not in page and "psst" not in page
        assert "plan.png" not in (await bob.get("/chat")).text


async def test_searching_finds_all_words_in_any_order_with_a_way_there(house: House) -> None:
    alice = await house.user()
    chat = await topic(house, alice, "The <b>Garden</b> in spring", "ÄPFEL and garden chairs", "spring only")
    async with house.database.transaction() as session:
        assert [hit.message.text for hit in await chats.search(session, alice.id, "SPRING garden")] == [
            "The <b>Garden</b> in spring"
        ]
        assert [hit.message.text for hit in await chats.search(session, alice.id, "äpfel")] == [
            "ÄPFEL and garden chairs"
        ]
        assert await chats.search(session, alice.id, "  ") == []
        newest, *_ = [hit.message.text for hit in await chats.search(session, alice.id, "garden")]
    assert newest == "ÄPFEL and garden chairs"
    async with house.signed_in(alice) as client:
        page = (await client.get("/chats", params={"q": "garden spring"})).text
        assert "&lt;b&gt;<mark>Garden</mark>&lt;/b&gt;" in page
        href = page.split('class="chat-row found" href="')[1].split('"')[0]
        assert href.startswith(f"/chat/{chat.id}?around=")
        assert "in spring" in (await client.get(href)).text
        assert "No message with" in (await client.get("/chats", params={"q": "<script>"})).text
        assert (await client.get("/chats", params={"q": "x" * 201})).status_code == 422


async def test_a_search_holds_few_messages_at_a_time(house: House) -> None:
    alice = await house.user()
    chat = await topic(house, alice, "The garden in spring")
    async with house.database.transaction() as session:
        long = [Message(chat_id=chat.id, role="assistant", channel="web", text="🌱" * 65_000) for _ in range(200)]
        session.add_all(long)
    del long
    async with house.database.transaction() as session:
        tracemalloc.start()
        (hit,) = await chats.search(session, alice.id, "garden")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert hit.message.text == "The garden in spring"
    assert most < 40e6  # bytes; all of them are 50 MB as text alone


async def test_an_old_message_is_shown_with_what_was_said_around_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_page, "CONTEXT_MESSAGES", 2)
    alice = await house.user()
    chat = await topic(house, alice, *(f"message {number}." for number in range(9)))
    async with house.database.transaction() as session:
        said = {message.text: message for message in await conversation.history(session, chat.id)}
    async with house.signed_in(alice) as client:

        async def around(text: str) -> str:
            return (await client.get(f"/chat/{chat.id}?around={said[text].id}", headers={"X-Part": "live"})).text

        page = await around("message 4.")
        assert [number for number in range(9) if f"message {number}." in page] == [3, 4, 5, 6]
        assert "Newest messages" in page and "Earlier messages" in page
        assert "Newest messages" not in await around("message 8.")
        assert (await client.get(f"/chat/{chat.id}?around={uuid4()}")).status_code == 404


async def test_progress_reaches_the_page_of_its_chat_as_safe_html(house: House) -> None:
    alice, turn = await house.user(), uuid4()
    chat = await topic(house, alice)
    feed = chat_page.previews(ProgressFeed(house.database), chat.id)
    sender = ProgressSender(house.database, chat.id)
    waiting = asyncio.ensure_future(anext(feed))
    while not waiting.done():  # until it listens
        await sender.publish(Progress(turn, 1, "text", "**a** <script>"))
        await asyncio.wait({waiting}, timeout=0.2)
    assert json.loads(waiting.result().split(b"data: ")[1]) == {"preview": "<p><strong>a</strong> &lt;script&gt;</p>\n"}
    await sender.publish(Progress(turn, 2, "tool", "create_task", "started"))
    async for event in feed:
        if b"steps" in event:
            assert b"Adding a task" in event and b"spinner" in event
            break
    await feed.aclose()


async def test_files_are_given_back_so_that_none_can_run(house: House) -> None:
    alice = await house.user()
    given = [
        ("files", ("a.html", b"<script>alert(1)</script>", "text/html")),
        ("files", ("b.png", b"png", "image/png")),
        ("files", ("c.svg", b"<svg onload=alert(1)>", "image/svg+xml")),
    ]
    async with house.signed_in(alice) as client:
        assert (await client.post("/chat/messages", files=given, headers=SCRIPT)).status_code == 202
        page = (await client.get("/chat")).text
        paths = list(dict.fromkeys(re.findall(r'href="(/files/[^"]+)"', page)))
        assert len(paths) == 3
        kinds = []
        for path in paths:
            answer = await client.get(path)
            assert "sandbox" in answer.headers["content-security-policy"]
            assert (
                answer.headers["x-content-type-options"] == "nosniff" and "no-store" in answer.headers["cache-control"]
            )
            kinds.append((answer.headers["content-type"], answer.headers["content-disposition"].split(";")[0]))
        assert kinds == [
            ("application/octet-stream", "attachment"),
            ("image/png", "inline"),
            ("application/octet-stream", "attachment"),
        ]
        many = [("files", (f"{number}.txt", b"x", "text/plain")) for number in range(11)]
        assert (await client.post("/chat/messages", files=many, headers=SCRIPT)).json()["code"] == "too_many_files"
        empty = [("files", ("empty.txt", b"", "text/plain"))]
        assert (await client.post("/chat/messages", files=empty, headers=SCRIPT)).json()["code"] == "file_empty"


async def test_too_many_topics_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chats, "MAX_TOPICS", 2)
    alice = await house.user()
    for words in ("one", "two"):
        await topic(house, alice, words)
    with pytest.raises(Conflict, match="Delete some"):
        await topic(house, alice, "three")


async def test_a_chat_that_is_not_the_users_own_takes_nothing(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    chat = await topic(house, alice, "hello")
    async with house.database.transaction() as session:
        with pytest.raises(NotFound):
            await conversation.receive(session, Incoming(bob.id, "web", "hi", chat_id=chat.id))
        with pytest.raises(BadInput):
            await chats.rename(session, alice.id, chat.id, " ")
