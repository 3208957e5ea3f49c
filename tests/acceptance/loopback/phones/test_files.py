"""Messages with files, through the real client: it downloads what phones send, phones open what it uploads."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from neonize.proto.Neonize_pb2 import UploadResponse
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from support.loopback.real_client import decoded, do, encoded, said, send, shown

from exponential.loopback.phones.phone import ChatMessage, Phone
from exponential.loopback.server.media_host import MediaError

DATA = secrets.token_bytes(70_001)
SENDERS: dict[str, Callable[[Phone, Phone], ChatMessage]] = {
    "image": lambda bob, alice: bob.send_image(alice, DATA, "the harbour"),
    "video": lambda bob, alice: bob.send_video(alice, DATA, "waves", seconds=3),
    "voice": lambda bob, alice: bob.send_voice(alice, DATA, seconds=7),
    "document": lambda bob, alice: bob.send_document(alice, DATA, "offer.pdf", "please sign"),
    "sticker": lambda bob, alice: bob.send_sticker(alice, DATA),
}
UPLOADS = {
    "Image": ("imageMessage", "image"),
    "Video": ("videoMessage", "video"),
    "Audio": ("audioMessage", "audio"),
    "Document": ("documentMessage", "document"),
}


@pytest.mark.parametrize("kind", SENDERS)
async def test_the_client_downloads_what_a_phone_sends(
    linked: Any, alice: Phone, bob: Phone, tmp_path: Path, kind: str
) -> None:
    line = SENDERS[kind](bob, alice)
    heard = await said(linked)
    await do(linked, "download", encoded(heard), str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == DATA
    (copy,) = alice.messages(bob)
    assert (copy.kind, copy.text, copy.media) == (kind, line.text, line.media)
    assert alice.open_file(copy) == DATA


@pytest.mark.parametrize("kind", UPLOADS)
async def test_a_phone_opens_what_the_client_uploads(
    linked: Any, alice: Phone, bob: Phone, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "file").write_bytes(DATA)
    uploaded = UploadResponse.FromString(decoded(await do(linked, "upload", kind, str(tmp_path / "file"))))
    field, shows = UPLOADS[kind]
    message = Message()
    part = getattr(message, field)
    part.directPath, part.mediaKey = uploaded.DirectPath, uploaded.MediaKey
    part.fileSHA256, part.fileEncSHA256 = uploaded.FileSHA256, uploaded.FileEncSHA256
    part.fileLength, part.mimetype = uploaded.FileLength, "application/x-test"
    line = await shown(bob, alice, await send(linked, bob, message))
    assert line.kind == shows
    assert line.media and (line.media.size, line.media.mime) == (len(DATA), "application/x-test")
    assert bob.open_file(line) == DATA


async def test_a_file_that_is_gone_is_not_opened(linked: Any, alice: Phone, bob: Phone, tmp_path: Path) -> None:
    line = bob.send_image(alice, DATA)
    heard = await said(linked)
    bob._server.media.files.clear()
    with pytest.raises(AssertionError, match="404"):
        await do(linked, "download", encoded(heard), str(tmp_path / "file"))
    with pytest.raises(MediaError, match="no such file"):
        bob.open_file(line)
