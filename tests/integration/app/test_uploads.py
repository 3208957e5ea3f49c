"""Who may not send anything is told so before it is read; what is read is bounded, and on no disk as it is."""

import asyncio
import contextlib
import io
import os
import re
import socket
import tempfile
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message
from support.app.accounts import make_invite
from support.app.programs import bearer, kept
from support.app.running_app import House, MakeHouse
from support.cpu_time import limited
from support.unfinished_requests import answer_to, uploads

from exponential.app.core.downloads import MAX_CONCURRENT, MAX_WAITING, DownloadLimit
from exponential.core.errors import Unavailable

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
    assert not [data for data in written if b"PK\x03\x04" in data[:100] or b".json" in data]
    assert max(map(len, written)) > 100  # it did go over the disk


@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-16", "unicode_escape"])
async def test_a_form_in_an_encoding_that_takes_hours_is_refused_unread(house: House, charset: str) -> None:
    form = f"--b\r\nContent-Disposition: form-data; name=email\r\n\r\na-{'a' * 900_000}\r\n--b--\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}
    async with house.client(**kind) as stranger:
        with limited(5.0):
            answer = await stranger.post("/sign-in", content=form)
    assert answer.status_code == 422 and "UTF-8" in answer.text


FORMS = ("/sign-in", "/theme")


@pytest.mark.parametrize("path", [*FORMS, "invite"])
async def test_a_stranger_sends_short_forms_alone(house: House, path: str) -> None:
    if path == "invite":
        path = await make_invite(house)
    form = {"email": "a@example.org", "theme": "dark", "password": "x" * 20_000}
    async with house.client(Accept="text/html") as browser:
        answer = await browser.post(path, data=form)
        assert (
            answer.status_code == 413 and "<h1>That is too large</h1>" in answer.text and "16,384 bytes" in answer.text
        )
    async with house.client(Accept="application/json") as script:
        answer = await script.post(path, data=form)
        assert answer.status_code == 413 and set(answer.json()) == {"error", "code"}


async def test_a_program_is_told_in_json_what_is_too_large(house: House) -> None:
    alice = await house.user()
    async with house.client(**await bearer(house, alice)) as program:
        for path in ("/api/meetings", "/mcp"):
            answer = await program.post(path, content=b"x" * 9_000_000, headers={"Content-Type": "text/plain"})
            assert (answer.status_code, answer.json()["code"]) == (413, "bad_input"), path


async def test_a_large_body_where_none_belongs_is_too_large(house: House) -> None:
    async with house.signed_in(await house.user(), Accept="application/json") as page:
        answer = await page.request("GET", f"/files/{uuid4()}", content=bytes(2_000_000))
        assert (answer.status_code, answer.json()["code"]) == (413, "bad_input")


async def test_a_form_of_nothing_but_separators_costs_nothing(house: House) -> None:
    async with house.signed_in(await house.user(), Accept="application/json") as alice, house.client() as stranger:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        with limited(0.3):
            for _ in range(5):
                assert (await stranger.post("/sign-in", content=b"&" * 980_000, headers=form)).status_code == 413
                answer = await alice.post("/tasks", content=b"&" * 980_000, headers=form)
                assert (answer.status_code, answer.json()["code"]) == (422, "form_invalid")


async def test_uploads_of_one_user_have_their_share_of_memory(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    budget = house.app.state.exponential.budget
    form = "--b\r\nContent-Disposition: form-data; name={}\r\n\r\nhello\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b", "Accept": "application/json"}
    async with house.served() as url, house.signed_in(alice) as page, house.signed_in(bob) as other:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        cookie = f"Cookie: exponential_session={page.cookies['exponential_session']}\r\n"
        head = f"POST /chat/messages HTTP/1.1\r\nHost: x\r\n{cookie}Content-Type: {kind['Content-Type']}\r\n"
        writers = []
        for size in (64_000_000, 30_000_000):
            _, writer = await asyncio.open_connection(host, port)
            writer.write(f"{head}Content-Length: {size}\r\n\r\n--b".encode())
            writers.append(writer)
        async with asyncio.timeout(30):
            while budget.held != 6:  # what has come
                await asyncio.sleep(0.01)
        large = {"files": ("scan.pdf", bytes(40_000_000))}
        refused = await page.post("/chat/messages", files=large, headers={"Accept": "application/json"})
        assert (refused.status_code, refused.json()["code"]) == (503, "too_much_at_once")
        assert int(refused.headers["Retry-After"]) > 0
        async with house.client(**await bearer(house, alice)) as program:  # what has a token keeps her out of nothing
            assert (await program.post("/api/meetings", content=bytes(3_000_000))).status_code == 422
        assert (await page.post("/chat/messages", content=form.format("text"), headers=kind)).status_code == 202
        assert (
            await other.post("/chat/messages", files=large, headers={"Accept": "application/json"})
        ).status_code == 422
        for writer in writers:
            writer.close()
        async with asyncio.timeout(30):
            while budget.held:
                await asyncio.sleep(0.01)


async def test_who_hangs_up_within_an_upload_is_no_fault_of_ours(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await house.user()
    token = (await bearer(house, alice))["Authorization"]
    budget = house.app.state.exponential.budget
    async with house.served() as url:
        for path in ("/api/meetings", "/mcp"):
            _, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 100000\r\n\r\n"
            writer.write(head.encode() + b"x" * 10)
            async with asyncio.timeout(30):
                while not budget.held:
                    await asyncio.sleep(0.01)
                writer.close()
                while budget.held:
                    await asyncio.sleep(0.01)
    assert not [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_answers_that_nobody_reads_hold_little(house: House) -> None:
    """Four at a time of one user; the others wait and hold nothing, and everybody else gets theirs."""
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    data = os.urandom(10_000_000)
    budget = house.app.state.exponential.budget
    async with (
        house.served() as url,
        house.signed_in(alice) as page,
        house.signed_in(bob) as other,
        AsyncExitStack() as all,
    ):
        paths = []
        for client in (page, other):
            await client.post("/chat/messages", data={"text": "look"}, files={"files": ("a.bin", data)})
            paths += re.findall(r'href="(/files/[^"]+)"', (await client.get("/chat")).text)[:1]
        mine, his = paths
        assert (await page.get(mine)).content == data
        cookie = f"Cookie: exponential_session={page.cookies['exponential_session']}"
        connections = []
        for _ in range(12):
            reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port, limit=1_000)
            all.callback(writer.close)
            writer.write(f"GET {mine} HTTP/1.1\r\nHost: x\r\n{cookie}\r\nConnection: close\r\n\r\n".encode())
            connections.append((reader, writer))
        async with asyncio.timeout(30):
            while budget.held < 4 * len(data):
                await asyncio.sleep(0.01)
        assert (await other.get(his)).content == data
        assert budget.held == 4 * len(data)
        async with asyncio.timeout(60):  # each in its turn, whichever came first
            answers = await asyncio.gather(*(reader.read() for reader, _ in connections))
        assert [answer.endswith(data) for answer in answers] == [True] * 12
        assert budget.held == 0


class SlowLine:
    """Downloads of one file by Alice, each on a connection of its own that takes only what the test reads."""

    def __init__(self, url: str, path: str, cookie: str) -> None:
        self._address = (urlsplit(url).hostname, urlsplit(url).port)
        self._asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()

    async def open(self, count: int, stack: AsyncExitStack) -> list[socket.socket]:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in opened:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            each.connect(self._address)
            each.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(each, self._asked)
        return opened


async def taken(connection: socket.socket, most: int) -> bytes:
    """So many bytes of an answer, or what is left of it."""
    got = bytearray()
    with contextlib.suppress(ConnectionError):
        while len(got) < most and (piece := await asyncio.get_running_loop().sock_recv(connection, most - len(got))):
            got += piece
    return bytes(got)


PHOTO = b"\x89PNG\r\n\x1a\n" + os.urandom(10_000_000)


@pytest.fixture
async def slow_line(house: House) -> AsyncIterator[SlowLine]:
    async with house.served() as url, house.signed_in(await house.user()) as page:
        await page.post("/chat/messages", data={"text": "look"}, files={"files": ("a.png", PHOTO, "image/png")})
        path = re.findall(r'src="(/files/[^"]+)"', (await page.get("/chat")).text)[0]
        yield SlowLine(url, path, f"exponential_session={page.cookies['exponential_session']}")


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[None]]:
    """Lets so many seconds pass at once, for all timers of the event loop."""

    async def passing(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time
        monkeypatch.setattr(loop, "time", lambda: before() + seconds)
        await asyncio.sleep(0.05)  # what is due

    return passing


async def are_sent(house: House, count: int) -> None:
    """Wait until so many downloads of the photo are under way."""
    async with asyncio.timeout(30):
        while house.app.state.exponential.budget.held != count * len(PHOTO):
            await asyncio.sleep(0.01)


async def test_on_a_slow_line_all_downloads_arrive(
    house: House, slow_line: SlowLine, passing: Callable[[float], Awaitable[None]]
) -> None:
    async with AsyncExitStack() as stack:
        first = await slow_line.open(MAX_CONCURRENT, stack)
        await are_sent(house, MAX_CONCURRENT)
        later = await slow_line.open(2, stack)
        got = [b""] * MAX_CONCURRENT
        for _ in range(5):
            await passing(40)
            got = [before + await taken(each, 1_500_000) for before, each in zip(got, first, strict=True)]
        got = [before + await taken(each, 2 * len(PHOTO)) for before, each in zip(got, first, strict=True)]
        got += [await taken(each, 2 * len(PHOTO)) for each in later]
    assert all(each.startswith(b"HTTP/1.1 200 ") and each.endswith(PHOTO) for each in got)
    assert len(got) == MAX_CONCURRENT + 2


async def test_a_download_that_nobody_takes_makes_room_for_a_later_one(
    house: House, slow_line: SlowLine, passing: Callable[[float], Awaitable[None]]
) -> None:
    async with AsyncExitStack() as stack:
        stuck = await slow_line.open(MAX_CONCURRENT, stack)
        await are_sent(house, MAX_CONCURRENT)
        (later,) = await slow_line.open(1, stack)
        began = asyncio.create_task(taken(later, 1))
        while not began.done():
            await passing(30)
        assert (began.result() + await taken(later, 2 * len(PHOTO))).endswith(PHOTO)
        assert not all([(await taken(each, 2 * len(PHOTO))).endswith(PHOTO) for each in stuck])


async def test_so_many_downloads_wait_and_whose_client_leaves_waits_no_more() -> None:
    turns, alice, bob = DownloadLimit(), uuid4(), uuid4()
    leaves = asyncio.Event()

    messages: list[Message] = [{"type": "http.request"}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await leaves.wait()
        return {"type": "http.disconnect"}

    request = Request({"type": "http"}, receive)
    async with AsyncExitStack() as running:
        for _ in range(MAX_CONCURRENT):
            await running.enter_async_context(turns.of(alice, request))
        await running.enter_async_context(turns.of(bob, request))
        waiting = [
            asyncio.create_task(AsyncExitStack().enter_async_context(turns.of(alice, request)))
            for _ in range(MAX_WAITING - MAX_CONCURRENT)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await running.enter_async_context(turns.of(alice, request))
        leaves.set()
        left = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(each) for each in left} == {ClientDisconnect}
    leaves.clear()
    async with turns.of(alice, request):
        pass
