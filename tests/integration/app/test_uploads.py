"""Who may not send anything is told so before it is read; what is read is on no disk as it is."""

import asyncio
import io
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cpu_time import limited
from house import House, MakeHouse
from test_programs import bearer, kept
from unfinished import answer_to, uploads

PUBLIC = ("/sign-in", "/sign-out", "/theme")  # a form in which one says who one is, and what anybody may do
LINES = "".join(f"Anna: We decided on point {number}.\n" for number in range(19_000)).encode().ljust(3_000_000)


async def test_no_route_reads_a_body_before_it_knows_who_sends_it(house: House) -> None:
    for method, path in [*uploads(house.app), ("POST", "/mcp")]:
        if path not in PUBLIC:
            for kind in ("application/json", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"):
                assert await answer_to(house.app, method, path, kind=kind) in (401, 404), f"{method} {path}"


async def test_what_is_too_large_or_comes_from_elsewhere_is_not_read_either(house: House) -> None:
    alice = await house.user()
    async with house.signed_in(alice) as page:
        cookie = f"exponential_session={page.cookies['exponential_session']}"
    assert await answer_to(house.app, "POST", "/chat/messages", cookie=cookie, origin="https://evil.example") == 403
    kind, large = "multipart/form-data; boundary=b", {"Cookie": cookie, "Content-Length": "100000000"}
    assert await answer_to(house.app, "POST", "/chat/messages", kind=kind, **large) == 413
    assert await answer_to(house.app, "POST", "/meetings", kind=kind, **large) == 413
    recorder = {**(await bearer(house, alice)), "Content-Length": "100000000"}
    assert await answer_to(house.app, "POST", "/api/meetings", **recorder) == 413


async def test_one_file_of_the_largest_limit_fits(make_house: MakeHouse) -> None:
    async with make_house(media_limit=1) as house, house.signed_in(await house.user()) as page:
        largest = {"files": ("scan.pdf", bytes(64_000_000))}  # EXPONENTIAL_MEDIA_LIMIT is at most that
        headers = {"Accept": "application/json"}
        taken = await page.post("/chat/messages", data={"text": "look"}, files=largest, headers=headers)
        assert (taken.status_code, taken.json()["code"]) == (422, "file_too_large")  # and not 413
        assert "up to 1 MB each and 64 MB together" in (await page.get("/chat")).text


@pytest.mark.parametrize("path", ["/chat/messages", "/meetings", "/api/meetings", "/api/whatsapp-gateway/messages"])
async def test_a_stranger_is_answered_in_the_middle_of_an_upload(house: House, path: str) -> None:
    async with house.served() as url:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        kind = "Content-Type: multipart/form-data; boundary=b"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{kind}\r\nContent-Length: 3000000\r\n\r\n"
        part = "--b\r\nContent-Disposition: form-data; name=files; filename=x\r\n\r\nsecret"
        writer.write((head + part).encode())
        await writer.drain()
        async with asyncio.timeout(30):
            status = await reader.readline()
        writer.close()
    assert status.split()[1] == b"401"


def on_disk(folder: Path) -> list[str]:
    """The files in `folder` that this process has open, those without a name too, and those that lie there."""
    opened = []
    for number in os.listdir("/proc/self/fd"):
        try:
            opened.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass  # closed meanwhile
    return [name for name in opened if name.startswith(str(folder))] + [str(path) for path in folder.iterdir()]


@pytest.mark.parametrize("path", ["/chat/messages", "/meetings", "/api/meetings"])
async def test_an_upload_is_on_no_disk_as_it_is(
    house: House, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await house.user()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[str] = []
    name = "files" if path.startswith("/chat") else "file"

    async def body() -> AsyncIterator[bytes]:
        yield f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="talk.txt"\r\n\r\n'.encode()
        for start in range(0, len(LINES), 100_000):
            yield LINES[start : start + 100_000]
            seen.extend(on_disk(tmp_path))
        yield b"\r\n--b--\r\n"
        seen.extend(on_disk(tmp_path))

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Accept": "application/json"}
    if path.startswith("/api"):
        headers |= await bearer(house, alice)
    async with house.served() as url, house.signed_in(alice) as page:
        async with httpx.AsyncClient(base_url=url, headers=headers, cookies=dict(page.cookies), timeout=60) as client:
            sent = await client.post(path, content=body())
    assert sent.status_code in (200, 201, 202), sent.text
    assert seen == []
    if name == "file":
        assert len(await kept(house, alice)) == 1


async def test_an_export_is_on_no_disk_as_it_is(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written: list[bytes] = []
    add = zipfile.ZipFile.writestr

    def seen(archive: zipfile.ZipFile, name: str, data: str | bytes) -> None:
        add(archive, name, data)
        archive.fp.flush()
        for number in os.listdir("/proc/self/fd"):
            link = Path(f"/proc/self/fd/{number}")
            if link.is_symlink() and os.readlink(link).startswith(str(tmp_path)):
                written.append(link.read_bytes())

    monkeypatch.setattr(zipfile.ZipFile, "writestr", seen)
    async with house.signed_in(await house.user()) as page:
        answer = await page.get("/settings/data/export")
    assert "tasks.json" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert not [data for data in written if b"PK" in data[:100] or b".json" in data]
    assert max(map(len, written)) > 100  # it did go over the disk


@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-16", "unicode_escape"])
async def test_a_form_in_an_encoding_that_takes_hours_is_refused_unread(house: House, charset: str) -> None:
    form = f"--b\r\nContent-Disposition: form-data; name=email\r\n\r\na-{'a' * 900_000}\r\n--b--\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}
    async with house.client(**kind) as stranger:
        with limited(5.0):
            answer = await stranger.post("/sign-in", content=form)
    assert answer.status_code == 422 and "UTF-8" in answer.text
