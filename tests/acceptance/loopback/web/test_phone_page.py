"""The phone page in a real browser, against the real server, with a real client linked through the page."""

import asyncio
import io
import json
import re
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import segno
from neonize.proto.Neonize_pb2 import UploadResponse
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from PIL import Image, ImageDraw
from playwright.async_api import Browser, FilePayload, Locator, Route, expect
from support.browser import Window, open_window
from support.http_server import serving
from support.loopback.real_client import decoded, do, encoded, said, send

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone, until
from exponential.loopback.web import pages

HOSTILE = "<img src=x onerror=alert(1)>\u202eevil\u202c" + "🦑" * 300
NAMED = "button|link|textbox|checkbox|switch|combobox|img|dialog|list|region|menu|menuitem"
NAMELESS = re.compile(rf"^\s*- '?({NAMED})\b(?! \")", re.M)


@dataclass
class Phones:
    """The open page. `codes` is what the web app would show."""

    window: Window
    codes: list[str] = field(default_factory=list)

    def of(self, name: str) -> Locator:
        return self.window.page.get_by_role("region", name=f"{name}’s phone")

    async def open_chat(self, owner: str, chat: str) -> Locator:
        phone = self.of(owner)
        await phone.get_by_role("list", name="Chats").get_by_role("button", name=chat).click()
        await expect(phone.get_by_role("textbox", name="Message")).to_be_focused()
        return phone

    async def attach(self, phone: Locator, kind: str, payload: FilePayload) -> None:
        await phone.get_by_role("button", name="Attach").click()
        async with self.window.page.expect_file_chooser() as chooser:
            await phone.get_by_role("menuitem", name=kind).click()
        await (await chooser.value).set_files(payload)

    async def everything_has_a_name(self) -> None:
        tree = await self.window.page.locator("body").aria_snapshot()
        assert not NAMELESS.findall(tree), tree


@pytest.fixture
async def phones(whatsapp: Loopback, alice: Phone, bob: Phone, chromium: Browser) -> AsyncIterator[Phones]:
    """The page with Alice's and Bob's phones, opened."""
    codes: list[str] = []

    async def on_screen() -> list[str]:
        return codes

    async def sign_in() -> str:
        return "/"

    app = pages.create(whatsapp, key="key", codes=on_screen, sign_in=sign_in)
    async with serving(app, lifespan="off") as url, open_window(chromium) as window:
        await window.page.goto(f"{url}/phone")
        yield Phones(window, codes)
        await window.page.goto("about:blank")  # ends the events, so that the server can stop


def line(phone: Locator, words: str) -> Locator:
    return phone.locator(".line", has_text=words)


async def choose(phone: Locator, words: str, entry: str) -> None:
    """Open the menu of the line with these words and choose an entry."""
    await line(phone, words).hover()
    await line(phone, words).get_by_role("button", name="Message menu").click()
    await phone.get_by_role("menu", name="Message menu").get_by_role("menuitem", name=entry).click()


async def write(phone: Locator, words: str) -> None:
    await phone.get_by_role("textbox", name="Message").fill(words)
    await phone.get_by_role("textbox", name="Message").press("Enter")


def harbour() -> bytes:
    """A small picture of a sailing boat."""
    image = Image.new("RGB", (480, 320), "#9fd3ee")
    draw = ImageDraw.Draw(image)
    draw.ellipse((350, 40, 410, 100), fill="#fff3b0")
    draw.rectangle((0, 210, 480, 320), fill="#2c6e91")
    draw.polygon([(150, 215), (330, 215), (300, 250), (180, 250)], fill="#5b3a29")
    draw.polygon([(235, 205), (235, 60), (320, 205)], fill="#ffffff")
    draw.polygon([(228, 205), (228, 90), (170, 205)], fill="#f3d9c9")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def tone() -> bytes:
    """A second of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000)
    return file.getvalue()


async def test_linking_by_what_the_camera_sees_a_picture_and_text(
    phones: Phones, new_client: Any, alice: Phone
) -> None:
    phone, client = phones.of("Alice"), new_client("linked")
    phones.window.expect_complaint("409")
    await client.start()
    code = await client.until("qr")
    await phone.get_by_role("button", name="Linked devices").click()
    await expect(phone.get_by_text("No device is linked")).to_be_visible()
    await phone.get_by_role("button", name="Link a device").click()
    await expect(phone.get_by_text("Looking for a code on the screen…")).to_be_visible()

    await phone.get_by_role("textbox", name="Text of the code").fill("https://example.org")
    await phone.get_by_role("textbox", name="Text of the code").press("Enter")
    await expect(phone.locator(".link-status")).to_have_text("This is not a WhatsApp linking code.")
    async with phones.window.page.expect_file_chooser() as chooser:
        await phone.get_by_role("button", name="Choose a picture of the code").click()
    await (await chooser.value).set_files(FilePayload(name="boat.png", mimeType="image/png", buffer=harbour()))
    await expect(phone.locator(".link-status")).to_have_text("There is no QR code in this picture.")

    phones.codes.append(code)
    await expect(phone.get_by_role("button", name="Scan the code on the screen")).to_be_visible()
    await phones.window.shots("phone-camera")
    picture = io.BytesIO()
    segno.make(code).save(picture, kind="png", scale=6)
    async with phones.window.page.expect_file_chooser() as chooser:
        await phone.get_by_role("button", name="Choose a picture of the code").click()
    await (await chooser.value).set_files(FilePayload(name="qr.png", mimeType="image/png", buffer=picture.getvalue()))
    devices = phone.get_by_role("list", name="Linked devices")
    await expect(devices.get_by_role("listitem")).to_have_count(1)
    await client.until("connected")

    await devices.get_by_role("button", name="Log out").click()
    await expect(devices.get_by_role("listitem")).to_have_count(0)
    await client.until("logged-out")


@pytest.mark.parametrize("way", ["screen", "paste", "number"])
async def test_other_ways_of_linking(phones: Phones, new_client: Any, alice: Phone, way: str) -> None:
    phone, client = phones.of("Alice"), new_client("linked")
    await client.start()
    code = await client.until("qr")
    await phone.get_by_role("button", name="Linked devices").click()
    await phone.get_by_role("button", name="Link a device").click()
    if way == "screen":
        phones.codes.append(code)
        await phone.get_by_role("button", name="Scan the code on the screen").click()
    elif way == "paste":
        await phone.get_by_role("textbox", name="Text of the code").fill(code)
        await phone.get_by_role("button", name="Link", exact=True).click()
    else:
        await client.say(f"pair {alice.number[1:]}")
        await phone.get_by_role("button", name="Link with phone number instead").click()
        await phone.get_by_role("textbox", name="Code").fill((await client.until("pair-code")).lower())
        await phone.get_by_role("button", name="Link device").click()
    await expect(phone.get_by_role("list", name="Linked devices").get_by_role("listitem")).to_have_count(1)
    await client.until("connected")
    assert len(alice.linked_devices) == 1


async def test_an_account_with_a_passkey_gives_its_answer_for_the_computer(
    phones: Phones, new_client: Any, alice: Phone
) -> None:
    phone, client = phones.of("Alice"), new_client("linked")
    await client.start()
    phones.codes.append(await client.until("qr"))
    await phone.get_by_role("button", name="Menu").click()
    await phone.get_by_role("menuitem", name="Profile").click()
    await phone.get_by_role("switch", name="Passkey").click()
    await expect(phone.get_by_role("switch", name="Passkey")).to_be_checked()
    await phone.get_by_role("button", name="Back").click()
    await phone.get_by_role("button", name="Linked devices").click()
    await phone.get_by_role("button", name="Link a device").click()
    await phone.get_by_role("button", name="Scan the code on the screen").click()
    await expect(phone.get_by_role("heading", name="Continue on your other device")).to_be_visible()
    await phone.get_by_role("button", name="Confirm with passkey").click()
    answer = await phone.get_by_role("textbox", name="Answer of the passkey").input_value()
    exchange = alice.exchange()
    assert exchange is not None and json.loads(answer)["id"] == json.loads(json.dumps(exchange.sign()))["id"]
    exchange.passkey.verify(exchange.challenge, json.loads(answer))
    await phones.window.shots("phone-passkey")
    phones.window.expect_complaint("409")
    await client.kill()  # the library can't hand it in
    await expect(phone.get_by_role("heading", name="Continue on your other device")).to_be_hidden()


async def test_a_conversation_with_everything_that_happens_to_lines(
    phones: Phones, linked: Any, alice: Phone, bob: Phone
) -> None:
    theirs, mine = str(bob.account.lid), str(alice.account.lid)
    phone = await phones.open_chat("Bob", "Alice")
    await write(phone, "Lunch at *one*?")
    question = await until(bob, lambda: bob.messages(alice) and bob.messages(alice)[0])
    await said(linked)
    await expect(line(phone, "Lunch").locator("b")).to_have_text("one")
    await expect(line(phone, "Lunch").get_by_role("img", name="Delivered")).to_be_visible()
    await do(linked, "mark", theirs, "READ", question.id)
    ticks = line(phone, "Lunch").get_by_role("img", name="Read")
    await expect(ticks).to_be_visible()
    await expect(ticks).to_have_css("color", "rgb(23, 129, 201)")

    await do(linked, "type", theirs, "COMPOSING")
    await expect(phone.get_by_text("typing…")).to_be_visible()
    await do(linked, "reply", question.id, "Yes!")
    await expect(line(phone, "Yes!").locator(".quote")).to_contain_text("Lunch at one?")
    await expect(phone.get_by_role("status")).to_have_text("Alice: Yes!")
    await do(linked, "react", theirs, theirs, question.id, "🎉")
    reaction = line(phone, "at one?").first.locator(".reactions")
    await expect(reaction).to_have_text("🎉")
    await expect(reaction).to_have_accessible_name("Alice reacted with 🎉")

    id = await send(linked, bob, Message(conversation="At Luigis"))
    await expect(line(phone, "At Luigis")).to_be_visible()
    await do(linked, "edit", theirs, id, "At_Maria’s")
    await expect(line(phone, "At_Maria’s")).to_contain_text("edited")
    await do(linked, "revoke", theirs, mine, id)
    await expect(line(phone, "This message was deleted")).to_be_visible()
    await expect(line(phone, "At_Maria’s")).to_have_count(0)


async def test_what_a_person_does_to_lines(phones: Phones, linked: Any, alice: Phone, bob: Phone) -> None:
    await send(linked, bob, Message(conversation="Who brings bread?"))
    await expect(phones.of("Bob").get_by_role("button", name="Alice")).to_contain_text("1 unread")
    phone = await phones.open_chat("Bob", "Alice")
    await choose(phone, "Who brings bread?", "Reply")
    await phones.everything_has_a_name()
    await write(phone, "Me")
    answer = (await said(linked)).extendedTextMessage
    assert (answer.text, answer.contextInfo.quotedMessage.conversation) == ("Me", "Who brings bread?")
    await line(phone, "Who brings").first.hover()
    await line(phone, "Who brings").first.get_by_role("button", name="Message menu").click()
    await phone.get_by_role("group", name="React").get_by_role("button", name="👍").click()
    assert (await said(linked)).reactionMessage.text == "👍"
    await expect(phone.locator(".reactions")).to_have_text("👍")

    await write(phone, "and cheese")
    assert (await said(linked)).conversation == "and cheese"
    await choose(phone, "and cheese", "Edit")
    await expect(phone.get_by_role("textbox", name="Message")).to_have_value("and cheese")
    await write(phone, "and wine")
    await expect(line(phone, "and wine")).to_contain_text("edited")
    await alice.wait_for("and wine", chat=bob)
    await choose(phone, "and wine", "Delete for everyone")
    await expect(line(phone, "This message was deleted")).to_be_visible()
    await until(alice, lambda: alice.messages(bob)[-1].revoked)

    await phone.get_by_role("button", name="Emoji").click()
    await phone.get_by_role("group", name="Emoji").get_by_role("button", name="🎉").click()
    await expect(phone.get_by_role("textbox", name="Message")).to_have_value("🎉")
    await linked.until("typing")


async def test_files_places_and_cards_both_ways(
    phones: Phones, linked: Any, alice: Phone, bob: Phone, tmp_path: Path
) -> None:
    phone = await phones.open_chat("Bob", "Alice")
    other = await phones.open_chat("Alice", "Bob")
    await phones.attach(phone, "Photo", FilePayload(name="boat.png", mimeType="image/png", buffer=harbour()))
    await phone.get_by_role("textbox", name="Caption").fill("The harbour")
    await phone.get_by_role("button", name="Send").click()
    heard = await said(linked)
    assert heard.imageMessage.caption == "The harbour"
    await do(linked, "download", encoded(heard), str(tmp_path / "boat"))
    assert (tmp_path / "boat").read_bytes() == harbour()
    for each in (phone, other):
        image = each.get_by_role("img", name="The harbour")
        await expect(image).to_be_visible()
        await expect(image).to_have_js_property("naturalWidth", 480)

    await phones.attach(phone, "Voice note", FilePayload(name="note.ogg", mimeType="audio/ogg", buffer=tone()))
    assert (await said(linked)).audioMessage.seconds == 1
    note = await until(bob, lambda: next((each for each in bob.messages(alice) if each.kind == "voice"), None))
    await other.get_by_role("button", name="Play voice note, 0:01").click()
    await until(bob, lambda: note.status == "played")

    await phones.attach(phone, "Video", FilePayload(name="waves.mp4", mimeType="video/mp4", buffer=b"waves"))
    await phone.get_by_role("textbox", name="Caption").fill("Waves")
    await phone.get_by_role("button", name="Send").click()
    assert (await said(linked)).videoMessage.caption == "Waves"
    await expect(other.locator("video")).to_be_visible()

    (tmp_path / "offer").write_bytes(b"%PDF an offer")
    uploaded = UploadResponse.FromString(decoded(await do(linked, "upload", "Document", str(tmp_path / "offer"))))
    message = Message()
    part = message.documentMessage
    part.directPath, part.mediaKey = uploaded.DirectPath, uploaded.MediaKey
    part.fileSHA256, part.fileEncSHA256 = uploaded.FileSHA256, uploaded.FileEncSHA256
    part.fileLength, part.mimetype, part.fileName = uploaded.FileLength, "text/html", "offer.pdf"
    await send(linked, bob, message)
    async with phones.window.page.expect_download() as download:
        await phone.get_by_role("link", name="offer.pdf").click()
    assert Path(await (await download.value).path()).read_bytes() == b"%PDF an offer"

    await phone.get_by_role("button", name="Attach").click()
    await phone.get_by_role("menuitem", name="Location").click()
    await phone.get_by_role("textbox", name="Name").fill("Pier 5")
    await phone.get_by_role("button", name="Send location").click()
    assert (await said(linked)).locationMessage.name == "Pier 5"
    await phone.get_by_role("button", name="Attach").click()
    await phone.get_by_role("menuitem", name="Contact").click()
    await phone.get_by_role("button", name="Alice").click()
    assert alice.number in (await said(linked)).contactMessage.vcard
    await expect(line(other, "Pier 5")).to_be_visible()
    await expect(line(other, alice.number)).to_be_visible()
    await phones.everything_has_a_name()
    await phones.window.shots("phone-media")


async def test_a_group_with_mentions_and_members_who_leave(
    phones: Phones, linked: Any, alice: Phone, bob: Phone
) -> None:
    phone, other = phones.of("Bob"), phones.of("Alice")
    await phone.get_by_role("button", name="New chat").click()
    await phone.get_by_role("button", name="New group").click()
    await phone.get_by_role("textbox", name="Name of the group").fill("Sailing ⚓")
    await phone.get_by_role("checkbox", name="Alice").check()
    await phones.everything_has_a_name()
    await phone.get_by_role("button", name="Create group").click()
    text = phone.get_by_role("textbox", name="Message")
    await text.press_sequentially("@Al")
    await phone.get_by_role("group", name="Mention").get_by_role("button", name="@Alice").click()
    await text.press_sequentially("are you coming?")
    await text.press("Enter")
    await write(phone, "ping at six")
    await expect(line(phone, "are you coming?").locator(".mention")).to_have_text("@Alice")
    await expect(line(phone, "pong at six").locator(".author")).to_have_text("Alice")
    await other.get_by_role("button", name="Sailing").click()
    await expect(line(other, "are you coming?").locator(".mention")).to_have_text("@You")
    await expect(line(phone, "ping at six").get_by_role("img", name="Read")).to_be_visible()

    await phone.get_by_role("button", name="Show details").click()
    await phone.get_by_role("button", name="Remove Alice").click()
    await expect(other.get_by_text("no longer a member")).to_be_visible()
    await expect(other.get_by_role("textbox", name="Message")).to_be_hidden()
    await phone.get_by_role("button", name="Add Alice").click()
    await expect(other.get_by_role("textbox", name="Message")).to_be_visible()


async def test_what_can_not_be_sent_stays_in_the_composer(phones: Phones, alice: Phone, bob: Phone) -> None:
    phones.window.expect_complaint("ERR_FAILED")
    phone = await phones.open_chat("Bob", "Alice")
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()
    await phones.window.page.route("**/messages", lambda route: held.set_result(route))
    await write(phone, "Do you read me?")
    route = await held
    await expect(line(phone, "Do you read me?").get_by_role("img", name="Sending")).to_be_visible()
    await route.abort()
    await expect(phone.get_by_role("alert")).to_contain_text("doesn't answer")
    await expect(line(phone, "Do you read me?")).to_have_count(0)
    await expect(phone.get_by_role("textbox", name="Message")).to_have_value("Do you read me?")
    assert bob.messages(alice) == []
    await phones.window.page.unroute("**/messages")
    await phone.get_by_role("button", name="Send").click()
    await alice.wait_for("Do you read me?", chat=bob)
    await expect(line(phone, "Do you read me?")).to_have_count(1)


async def test_a_picture_of_the_code_is_dropped_on_the_camera(phones: Phones, new_client: Any, alice: Phone) -> None:
    phone, client = phones.of("Alice"), new_client("linked")
    await client.start()
    picture = io.BytesIO()
    segno.make(await client.until("qr")).save(picture, kind="png", scale=6)
    await phone.get_by_role("button", name="Linked devices").click()
    await phone.get_by_role("button", name="Link a device").click()
    await phone.locator(".camera").evaluate(
        """(camera, bytes) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], "qr.png", { type: "image/png" }));
            camera.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        list(picture.getvalue()),
    )
    await expect(phone.get_by_role("list", name="Linked devices").get_by_role("listitem")).to_have_count(1)
    await client.until("connected")


async def test_hostile_names_and_texts_stay_words(phones: Phones, phone: NewPhone, alice: Phone) -> None:
    eve = phone(HOSTILE, number="+4915110000666")
    eve.send_text(alice, "<script>alert(1)</script> *<b>bold</b>*")
    page = phones.window.page
    await phones.of("Alice").get_by_role("button", name="evil").click()
    alices = phones.of("Alice")
    await expect(line(alices, "<script>alert(1)</script> <b>bold</b>")).to_be_visible()
    await expect(alices.locator(".head bdi")).to_have_text(HOSTILE)
    assert await alices.locator("script, .conversation img").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_several_phones_and_the_switcher_of_narrow_screens(phones: Phones, alice: Phone, bob: Phone) -> None:
    page = phones.window.page
    phones.window.expect_complaint("409")
    await page.get_by_role("button", name="Add a phone").click()
    dialog = page.get_by_role("dialog", name="Add a phone")
    await dialog.get_by_role("textbox", name="Name").fill("Carol")
    number = dialog.get_by_role("textbox", name="Phone number")
    proposed = await number.input_value()
    await number.fill(alice.number)
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("has an account already")
    await number.fill(proposed)
    await dialog.get_by_role("button", name="Add").click()
    carol = phones.of("Carol")
    await expect(phones.of("Bob").get_by_role("list", name="Chats")).to_contain_text("Carol")
    await carol.get_by_role("button", name="New chat").click()
    await carol.get_by_role("list", name="Contacts").get_by_role("button", name="Bob").click()

    async def late(route: Route) -> None:
        if route.request.post_data_json["on"]:  # that she types is told only when what she typed has arrived
            await bob.wait_for("I am new here", chat=proposed)
        await route.continue_()

    await page.route("**/typing/**", late)
    async with page.expect_response(lambda answer: "/typing/" in answer.url and answer.request.post_data_json["on"]):
        await write(carol, "I am new here")

    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(carol).to_be_visible()
    await expect(phones.of("Bob")).to_be_hidden()
    await page.get_by_role("navigation", name="Phones").get_by_role("button", name="Bob").click()
    await expect(carol).to_be_hidden()
    await expect(phones.of("Bob").get_by_role("button", name="Carol")).to_contain_text("I am new here")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_whole_way_by_keyboard(phones: Phones, linked: Any, alice: Phone, bob: Phone) -> None:
    keys, phone = phones.window.page.keyboard, phones.of("Bob")
    focused = phones.window.page.locator(":focus")
    await expect(phone.get_by_role("list", name="Chats").get_by_role("listitem")).to_have_count(2)
    while "Bob’s phone" not in await focused.evaluate_all("all => all[0]?.closest('.phone')?.ariaLabel ?? ''"):
        await keys.press("Tab")
    while not await focused.evaluate("it => it.matches('.chat')"):
        await keys.press("Tab")
    await keys.press("Home")
    while "Alice" not in await focused.inner_text():
        await keys.press("ArrowDown")
    assert await focused.evaluate("it => getComputedStyle(it).outlineStyle") != "none"
    await keys.press("Enter")
    await expect(phone.get_by_role("textbox", name="Message")).to_be_focused()
    await keys.type("ping by keys")
    await keys.press("Enter")
    await expect(line(phone, "pong by keys")).to_be_visible()
    while not await focused.evaluate("it => it.matches('.line-menu')"):
        await keys.press("Shift+Tab")
    await keys.press("ArrowUp")
    await expect(focused).to_have_accessible_name("You: ping by keys. Message menu")
    await keys.press("Enter")
    await keys.press("End")
    await expect(focused).to_have_text("Delete for everyone")
    await keys.press("Escape")
    await expect(phone.get_by_role("menu")).to_have_count(0)
    await expect(focused).to_have_accessible_name("You: ping by keys. Message menu")
    await keys.press("Escape")
    await expect(phone.get_by_role("heading", name="Chats")).to_be_visible()
    await expect(focused).to_contain_text("Alice")


async def test_how_it_looks(phones: Phones, linked: Any, phone: NewPhone, alice: Phone, bob: Phone) -> None:
    carol = phone("Carol", number="+4915110000003")
    group = bob.create_group("Sailing ⚓", [alice, carol])
    bob.send_to_group(group, "are you coming on Saturday?", mentions=[alice])
    await alice.wait_for("Saturday", chat=group)
    carol.send_text(group, "I bring the *life jackets*")
    await alice.wait_for("jackets", chat=group)
    bob.send_text(alice, "Did you see the boat?")
    carol.send_text(alice, "Dentist at 9 tomorrow, don’t forget")
    asked = await alice.wait_for("boat", chat=bob)
    alice.reply(asked, "Not yet, send me a picture!")
    bob.send_image(alice, harbour(), "There she is ⛵", mime="image/png")
    shown = await alice.wait_for("There she is", chat=bob)
    alice.react(shown, "😍")
    edited = alice.send_text(bob, "I want to sail it to Denmark")
    alice.edit(edited, "I want to sail her to Denmark")
    bob.send_voice(alice, tone(), seconds=7)
    await alice.wait_for(lambda line: line.kind == "voice", chat=bob)
    alice.mark_read(bob)
    await until(bob, lambda: all(each.status in ("read", "played") for each in bob.messages(alice) if each.from_me))
    await phones.everything_has_a_name()
    await phones.window.shots("phone-chats")
    one = await phones.open_chat("Alice", "Bob")
    await phones.open_chat("Bob", "Alice")
    await expect(one.get_by_role("img", name="There she is")).to_have_js_property("naturalWidth", 480)
    bob.show_typing(alice)
    await expect(one.get_by_text("typing…")).to_be_visible()
    await phones.window.shots("phone-conversation")
    await one.get_by_role("button", name="Back").click()
    one = await phones.open_chat("Alice", "Sailing")
    await line(one, "life jackets").hover()
    await line(one, "life jackets").get_by_role("button", name="Message menu").click()
    await phones.window.shots("phone-group")
