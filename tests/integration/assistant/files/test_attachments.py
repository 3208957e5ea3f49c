"""Files that come with messages: kept encrypted beside them, given back to their owner alone."""

from time import process_time
from uuid import UUID

import pytest
from sqlalchemy import select, text
from support.assistant.conversations import Story

from exponential.assistant.conversation import Incoming
from exponential.assistant.files import attachments
from exponential.assistant.files.attachments import Attachment
from exponential.core.errors import BadInput, NotFound

PICTURE = Attachment("image", "image/png", "cat.png", b"\x89PNG a cat")
LETTER = Attachment("document", "application/pdf", "letter.pdf", b"%PDF a letter")


async def test_files_are_kept_with_their_message_in_order(story: Story, alice: UUID) -> None:
    (received,) = await story.say(Incoming(alice, "web", "look", attachments=(PICTURE, LETTER)))
    async with story.database.transaction() as session:
        found = (await attachments.of_messages(session, [received.message_id]))[received.message_id]
        assert [(file.kind, file.mime, file.name, file.size) for file in found] == [
            ("image", "image/png", "cat.png", len(PICTURE.data)),
            ("document", "application/pdf", "letter.pdf", len(LETTER.data)),
        ]
        assert (await attachments.of_user(session, alice, found[0].id)).name == PICTURE.name
        assert await attachments.data_of(session, found[0].id) == PICTURE.data


async def test_files_are_told_of_without_what_was_read_of_them(story: Story, alice: UUID) -> None:
    """A page of long documents held the app up for seconds, and took a gigabyte."""
    received, *_ = await story.say(*[Incoming(alice, "web", "", attachments=(LETTER,)) for _ in range(20)])
    async with story.database.transaction() as session:
        for file in await session.scalars(select(attachments.StoredAttachment)):
            file.understood, file.note = {"text": "é" * 1_000_000}, "I read only its first page."
    began = process_time()
    async with story.database.transaction() as session:
        messages = [message.id for message in await story.messages(received.chat_id)]
        found = await attachments.of_messages(session, messages)
    assert process_time() - began < 0.3  # seconds
    assert [file.note for files in found.values() for file in files] == ["I read only its first page."] * 20


async def test_nobody_else_gets_a_file(story: Story, alice: UUID, bob: UUID) -> None:
    (received,) = await story.say(Incoming(alice, "web", "look", attachments=(PICTURE,)))
    async with story.database.transaction() as session:
        (file,) = (await attachments.of_messages(session, [received.message_id]))[received.message_id]
        with pytest.raises(NotFound):
            await attachments.of_user(session, bob, file.id)


async def test_the_database_sees_neither_content_nor_name(story: Story, alice: UUID) -> None:
    await story.say(Incoming(alice, "web", "look", attachments=(LETTER,)))
    async with story.database.transaction() as session:
        name, data = (await session.execute(text("select name, data from attachments"))).one()
    assert b"letter" not in bytes(name) and b"letter" not in bytes(data)


async def test_a_file_needs_no_words(story: Story, alice: UUID) -> None:
    (received,) = await story.say(Incoming(alice, "web", "", attachments=(PICTURE,)))
    assert [message.text for message in await story.messages(received.chat_id)] == [""]


async def test_the_same_message_twice_keeps_its_files_once(story: Story, alice: UUID) -> None:
    message = Incoming(
        alice, "whatsapp", "", account="s", address="a@lid", external_id="m", type="image", attachments=(PICTURE,)
    )
    (first,) = await story.say(message)
    (again,) = await story.say(message)
    assert again.duplicate
    async with story.database.transaction() as session:
        assert len((await attachments.of_messages(session, [first.message_id]))[first.message_id]) == 1


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ((Attachment("image", "image/png", "", b"x" * 1_000_001),), "file_too_large"),
        ((Attachment("image", "image/png", "", b""),), "file_empty"),
        ((PICTURE,) * 11, "too_many_files"),
    ],
)
async def test_what_is_too_much_is_refused(story: Story, alice: UUID, files: tuple[Attachment, ...], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        attachments.check(files, limit=1)
    assert refused.value.code == code


def test_files_can_be_switched_off() -> None:
    with pytest.raises(BadInput, match="switched off"):
        attachments.check((PICTURE,), limit=0)
    attachments.check((Attachment("image", "image/png", "", b"", "It is gone."),), limit=0)


@pytest.mark.parametrize(
    ("name", "mime", "kind", "read_as"),
    [
        ("a.jpg", "image/jpeg", "image", "image/jpeg"),
        ("note.ogg", "audio/ogg; codecs=opus", "voice", "audio/ogg"),
        ("clip.mp4", "video/mp4", "video", "video/mp4"),
        ("plan.pdf", "", "document", "application/pdf"),
        ("strange", "", "document", "application/octet-stream"),
    ],
)
def test_what_kind_of_file_an_upload_is(name: str, mime: str, kind: str, read_as: str) -> None:
    made = attachments.attachment(name, mime, b"x")
    assert (made.kind, made.mime) == (kind, read_as)


async def test_a_name_is_only_a_name(story: Story, alice: UUID) -> None:
    nasty = Attachment("document", "text/plain", "../../etc/\x00pass\nwd", b"x")
    (received,) = await story.say(Incoming(alice, "web", "", attachments=(nasty,)))
    async with story.database.transaction() as session:
        (file,) = (await attachments.of_messages(session, [received.message_id]))[received.message_id]
    assert file.name == "passwd"
