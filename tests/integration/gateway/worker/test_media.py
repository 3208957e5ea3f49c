"""Fetching a file: bounded whatever its message says, checked before it is believed, and only from WhatsApp."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from exponential.gateway.worker import media
from exponential.gateway.worker.media import MediaGone, MediaReference, MediaUnreachable
from exponential.loopback.server.media_host import seal
from exponential.loopback.server.server import Loopback

LIMIT = 1_000_000
DATA = secrets.token_bytes(300_000)


@pytest.fixture(autouse=True)
def way(whatsapp: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a loopback worker's environment has."""
    monkeypatch.setenv("HTTPS_PROXY", whatsapp.proxy_url)
    monkeypatch.setenv("SSL_CERT_FILE", str(whatsapp.ca_path))
    for name in ("https_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def uploaded(whatsapp: Loopback, data: bytes = DATA) -> MediaReference:
    sealed = seal("image", data)
    return MediaReference(
        whatsapp.media.put(sealed.data),
        sealed.key.hex(),
        sealed.sha256.hex(),
        sealed.encrypted_sha256.hex(),
        len(data),
        "image/jpeg",
    )


async def fetch(file: MediaReference, kind: str = "image") -> bytes:
    return await asyncio.to_thread(media.fetch, kind, file, LIMIT)


async def test_a_file_comes_as_it_was_sent(whatsapp: Loopback) -> None:
    assert await fetch(uploaded(whatsapp)) == DATA


async def test_a_file_that_lies_about_its_size_is_not_read_to_its_end(whatsapp: Loopback) -> None:
    with pytest.raises(MediaGone, match="larger than its message says"):
        await fetch(replace(uploaded(whatsapp, bytes(20_000_000)), size=10))


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "00" * 32},
        {"encrypted_sha256": "00" * 32},
        {"key": "00" * 32},
    ],
)
async def test_a_file_that_is_not_what_its_message_says_is_not_believed(
    whatsapp: Loopback, changes: dict[str, str]
) -> None:
    with pytest.raises(MediaGone, match="isn't the one that was sent"):
        await fetch(replace(uploaded(whatsapp), **changes))


@pytest.mark.parametrize("path", ["", "x", "@example.org/x", "/a b", "/a\r\nHost: example.org", "/ä", "/" + "a" * 3000])
async def test_a_path_that_is_none_leads_nowhere(whatsapp: Loopback, path: str) -> None:
    with pytest.raises(MediaGone, match="no place"):
        await fetch(replace(uploaded(whatsapp), path=path))


async def test_a_file_that_is_gone(whatsapp: Loopback) -> None:
    file = uploaded(whatsapp)
    whatsapp.media.files.clear()
    with pytest.raises(MediaGone, match="any more"):
        await fetch(file)


async def test_a_host_that_fails_or_is_away_may_be_asked_again(
    whatsapp: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = uploaded(whatsapp)
    monkeypatch.setattr(whatsapp.media, "_handle", lambda *_: ("503 Service Unavailable", b""))
    with pytest.raises(MediaUnreachable, match="503"):
        await fetch(file)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(MediaUnreachable, match="can't be reached"):
        await fetch(file)


async def test_a_host_that_trickles_is_left(whatsapp: Loopback) -> None:
    with pytest.raises(MediaUnreachable, match="slowly"):
        await asyncio.to_thread(media.fetch, "image", uploaded(whatsapp), LIMIT, within=0)


async def test_it_is_not_led_away_from_whatsapp(whatsapp: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = "302 Found\r\nLocation: https://example.org/x"
    monkeypatch.setattr(whatsapp.media, "_handle", lambda *_: (moved, b""))
    with pytest.raises(MediaUnreachable):
        await fetch(uploaded(whatsapp))
    assert whatsapp._proxy.refused == []


def test_a_sealed_file_opens_with_its_keys_and_for_its_message_alone(tmp_path: Path) -> None:
    key, other = secrets.token_bytes(32), secrets.token_bytes(32)
    media.seal(tmp_path, "ID1", key, DATA)
    (path,) = (tmp_path / media.FOLDER).iterdir()
    assert DATA[:100] not in path.read_bytes() and path.stat().st_mode & 0o777 == 0o600
    assert media.unseal(tmp_path, "ID1", [other, key]) == DATA
    assert media.unseal(tmp_path, "ID1", [other]) is None
    assert media.unseal(tmp_path, "ID2", [key]) is None
    path.write_bytes(b"short")
    assert media.unseal(tmp_path, "ID1", [key]) is None
