"""All that belongs to a user as a zip of JSON files and of the files in their messages: one of each user at a time."""

import asyncio
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from typing import IO, Any, cast
from uuid import UUID

from exponential.app.core.downloads import Download
from exponential.auth import user_data
from exponential.auth.user_data import StoredFile
from exponential.core import clock, encryption
from exponential.core.database import Database
from exponential.core.encryption import TemporaryFile
from exponential.core.errors import Conflict, Unavailable

MAX_CONCURRENT = 2  # that this process makes
SLICE_BYTES = 1_000_000
README = """What Exponential keeps of you, as of {when} (UTC).

Each *.json file is a list of records of one kind, decrypted; times are in UTC. Files of messages are in files/.
A file named after a channel lists your linked accounts there; their credentials are not in it.
Hashes of passwords and sign-in tokens are left out.
"""


class Exports:
    """The exports of this process. Each needs the memory of the largest file, and the disk of all of them."""

    def __init__(self) -> None:
        self._users: set[UUID] = set()
        self._making = 0

    async def make(self, database: Database, user_id: UUID, linked: Mapping[str, Sequence[Any]]) -> Download:
        """`linked`: what channels keep of the user, as JSON.

        Raises Conflict while another one of this user is made or downloaded, Unavailable while MAX_CONCURRENT are made.
        """
        async with AsyncExitStack() as holds:
            holds.enter_context(self._the_only_one_of(user_id))
            file = holds.enter_context(closing(TemporaryFile()))
            with self._one_of_few():
                await _write(file, database, user_id, linked)
            name = f"exponential-{clock.now():%Y-%m-%d}.zip"
            headers = {"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}"'}
            return Download(file.chunks(), file.size, holds.pop_all(), headers)

    @contextmanager
    def _the_only_one_of(self, user_id: UUID) -> Iterator[None]:
        if user_id in self._users:
            raise Conflict(
                "Your data is being exported already. Wait until that download has ended, then try again.",
                code="export_running",
            )
        self._users.add(user_id)
        try:
            yield
        finally:
            self._users.discard(user_id)

    @contextmanager
    def _one_of_few(self) -> Iterator[None]:
        if self._making >= MAX_CONCURRENT:
            raise Unavailable(
                "Others are exporting their data just now. Try again in a minute.", code="exports_busy", retry_after=60
            )
        self._making += 1
        try:
            yield
        finally:
            self._making -= 1


async def _write(file: TemporaryFile, database: Database, user_id: UUID, linked: Mapping[str, Sequence[Any]]) -> None:
    """What takes a processor's time is left to a thread; the database is read a little at a time."""
    with zipfile.ZipFile(cast(IO[bytes], file), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(when=f"{clock.now():%Y-%m-%d %H:%M}"))
        for table in user_data.tables():
            files: list[StoredFile] = []
            async with database.transaction() as session:
                with archive.open(f"{table.name}.json", "w") as entry:
                    mark = b"[\n"
                    async for rows in user_data.rows(session, user_id, table):
                        files += [value for row in rows for value in row.values() if isinstance(value, StoredFile)]
                        await asyncio.to_thread(_write_rows, entry, mark, rows)
                        mark = b",\n"
                    entry.write(b"[]\n" if mark == b"[\n" else b"\n]\n")
            for each in files:
                await _add(archive, database, each)
        for name, kept in linked.items():
            archive.writestr(f"{name}.json", json.dumps(kept, ensure_ascii=False, indent=1))


async def _add(archive: zipfile.ZipFile, database: Database, file: StoredFile) -> None:
    async with database.transaction() as session:
        sealed = await user_data.read(session, file)
    if sealed is not None:  # it may have been deleted since
        await asyncio.to_thread(_write_file, archive, _path(file), sealed)


def _write_rows(entry: IO[bytes], mark: bytes, rows: Sequence[dict[str, Any]]) -> None:
    entry.write(mark + b",\n".join(json.dumps(row, ensure_ascii=False, default=_path).encode() for row in rows))


def _write_file(archive: zipfile.ZipFile, path: str, sealed: bytes) -> None:
    """Mostly it is of a format that is compressed already."""
    plain = memoryview(encryption.decrypt(sealed))
    about = zipfile.ZipInfo(path, clock.now().timetuple()[:6])
    about.file_size = len(plain)
    with archive.open(about, "w") as entry:
        for start in range(0, len(plain), SLICE_BYTES):
            entry.write(plain[start : start + SLICE_BYTES])


def _path(file: StoredFile) -> str:
    """Of a file in the archive."""
    return f"files/{file.column.table.name}-{file.key}-{file.column.name}"
