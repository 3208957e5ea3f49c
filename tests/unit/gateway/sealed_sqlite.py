"""The WhatsApp client's own SQLite, driven by hand: through the encrypting shim, or plainly."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path

import exponential.libmagic  # noqa: F401  before neonize

# isort: split
from neonize._binder import gocode

from exponential.gateway import vfs

ACCOUNTS = 40
READ_WRITE, CREATE, JOURNAL = 2, 4, 0x800
library = ctypes.CDLL(gocode._name)
for name, arguments in {
    "sqlite3_open_v2": [c_char_p, POINTER(c_void_p), c_int, c_char_p],
    "sqlite3_exec": [c_void_p, c_char_p, c_void_p, c_void_p, POINTER(c_char_p)],
    "sqlite3_close": [c_void_p],
    "sqlite3_errmsg": [c_void_p],
}.items():
    getattr(library, name).argtypes = arguments
library.sqlite3_errmsg.restype = c_char_p
library.sqlite3_vfs_find.restype = library.sqlite3_create_filename.restype = c_void_p
vfs.install(library, default=False)


class SqliteError(Exception):
    pass


class Sqlite:
    """A connection. `sealed` ones go through the shim and need their path mounted."""

    def __init__(self, path: Path, *, sealed: bool = True) -> None:
        self._handle = c_void_p()
        kind = vfs.NAME if sealed else b"unix"
        code = library.sqlite3_open_v2(bytes(path), byref(self._handle), READ_WRITE | CREATE, kind)
        if code:
            raise self._error()

    def run(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run statements; the rows they give, as text. Raises SqliteError."""
        rows: list[tuple[str | None, ...]] = []

        @ctypes.CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_char_p), c_void_p)
        def take(_context: int, count: int, values: "ctypes.Array[c_char_p]", _names: int) -> int:
            cells = [values[column] for column in range(count)]
            rows.append(tuple(None if cell is None else cell.decode() for cell in cells))
            return 0

        if library.sqlite3_exec(self._handle, sql.encode(), take, None, None):
            raise self._error()
        return rows

    def close(self) -> None:
        library.sqlite3_close(self._handle)

    def _error(self) -> SqliteError:
        return SqliteError(library.sqlite3_errmsg(self._handle).decode())


@contextmanager
def opened(path: Path, *, sealed: bool = True) -> Iterator[Sqlite]:
    connection = Sqlite(path, sealed=sealed)
    try:
        yield connection
    finally:
        connection.close()


class RawFile:
    """A journal opened straight at the shim's xOpen: what SQLite's pager would call, called by hand."""

    def __init__(self, store: Path) -> None:
        shim = library.sqlite3_vfs_find(vfs.NAME)
        table = vfs._Vfs.from_address(shim)
        self._file = ctypes.create_string_buffer(table.szOsFile)
        name = library.sqlite3_create_filename(bytes(store), bytes(store) + b"-journal", b"", 0, None)
        open_ = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)(table.xOpen)
        journal = library.sqlite3_filename_journal
        journal.argtypes, journal.restype = [c_void_p], c_void_p
        store.touch()  # a journal takes its permissions from there
        assert open_(shim, journal(name), ctypes.addressof(self._file), READ_WRITE | CREATE | JOURNAL, None) == 0
        self._methods = vfs._Methods.from_address(c_void_p.from_buffer(self._file).value or 0)

    def call(self, method: str, *arguments: object) -> int:
        function = ctypes.CFUNCTYPE(*vfs._SIGNATURES[method])(getattr(self._methods, method))
        return int(function(ctypes.addressof(self._file), *arguments))

    def write(self, offset: int, data: bytes) -> int:
        return self.call("xWrite", data, len(data), offset)

    def read(self, offset: int, count: int) -> tuple[int, bytes]:
        buffer = ctypes.create_string_buffer(b"\xff" * count, count)
        return self.call("xRead", ctypes.addressof(buffer), count, offset), buffer.raw

    def size(self) -> int:
        found = c_int64()
        assert self.call("xFileSize", byref(found)) == 0
        return found.value
