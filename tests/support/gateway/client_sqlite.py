"""The WhatsApp client's own SQLite, driven by hand: on in-memory databases, or on files as it would be without us."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_void_p

import exponential.protocol.libmagic  # noqa: F401  before neonize

# isort: split
from neonize._binder import gocode

from exponential.gateway.worker.workarounds import memory_database

_READ_WRITE, _CREATE = 2, 4
library = ctypes.CDLL(gocode._name)
for _name, _arguments in {
    "sqlite3_open_v2": [c_char_p, POINTER(c_void_p), c_int, c_char_p],
    "sqlite3_exec": [c_void_p, c_char_p, c_void_p, c_void_p, POINTER(c_char_p)],
    "sqlite3_busy_timeout": [c_void_p, c_int],
    "sqlite3_close": [c_void_p],
    "sqlite3_errmsg": [c_void_p],
}.items():
    getattr(library, _name).argtypes = _arguments
library.sqlite3_errmsg.restype = c_char_p


class SqliteError(Exception):
    pass


class Sqlite:
    """A connection to the database of this name, in memory unless `vfs` says otherwise; None is the default VFS."""

    def __init__(self, name: str, vfs: bytes | None = memory_database.NAME) -> None:
        self._handle = c_void_p()
        if library.sqlite3_open_v2(name.encode(), byref(self._handle), _READ_WRITE | _CREATE, vfs):
            raise self._error()
        library.sqlite3_busy_timeout(self._handle, 5000)

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
def opened(name: str, vfs: bytes | None = memory_database.NAME) -> Iterator[Sqlite]:
    connection = Sqlite(name, vfs)
    try:
        yield connection
    finally:
        connection.close()
