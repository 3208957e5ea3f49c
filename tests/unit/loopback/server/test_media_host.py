"""Media encryption: what is sealed opens, what was changed does not."""

import dataclasses

import pytest

from exponential.loopback.phones.content import Attachment, Kind
from exponential.loopback.server.media_host import MAC_BYTES, MediaError, Sealed, seal, unseal

KINDS: tuple[Kind, ...] = ("image", "sticker", "video", "voice", "audio", "document")


def attachment(sealed: Sealed) -> Attachment:
    hashes = {"sha256": sealed.sha256.hex(), "encrypted_sha256": sealed.encrypted_sha256.hex()}
    return Attachment(path="/v/1", key=sealed.key.hex(), size=0, mime="", **hashes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 100_000])
def test_what_is_sealed_opens(kind: Kind, size: int) -> None:
    plain = bytes(size)
    sealed = seal(kind, plain)
    assert len(sealed.data) == (size // 16 + 1) * 16 + MAC_BYTES
    assert unseal(kind, sealed.data, attachment(sealed)) == plain


def test_each_file_has_a_key_of_its_own() -> None:
    assert seal("image", b"same").data != seal("image", b"same").data


def test_another_kind_or_key_does_not_open() -> None:
    sealed = seal("image", b"picture")
    assert unseal("sticker", sealed.data, attachment(sealed)) == b"picture", "stickers use the keys of images"
    with pytest.raises(MediaError, match="does not verify"):
        unseal("document", sealed.data, attachment(sealed))
    with pytest.raises(MediaError, match="does not verify"):
        unseal("image", sealed.data, dataclasses.replace(attachment(sealed), key="00" * 32))


def test_a_changed_file_or_hash_does_not_open() -> None:
    sealed = seal("image", b"picture")
    with pytest.raises(MediaError, match="encrypted file has another hash"):
        unseal("image", sealed.data[:-1] + bytes((sealed.data[-1] ^ 1,)), attachment(sealed))
    with pytest.raises(MediaError, match=r"^the file has another hash"):
        unseal("image", sealed.data, dataclasses.replace(attachment(sealed), sha256="00" * 32))
