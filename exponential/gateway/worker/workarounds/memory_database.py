"""In-memory databases in the WhatsApp client's own SQLite: nothing that it opens lies on a disk.

Works around: neonize opens its store by a file name only.
Can go when: it takes a store of ours, or its content.
Relies on: SQLite's VFS interface and its "memdb", in the library as it is shipped (test_memory_database.py).

`install` makes SQLite's "memdb" VFS the default of that library, so whatever it opens from then on is in this process's
memory, temporary files included. A database whose name begins with "/" is shared by all connections that open this name
and lives until the last of them is closed. We hold it open beneath the SQL, through the methods of the VFS: that is how
it gets its content, and how a consistent copy of it is taken. Never open one a second time with another SQLite.
https://www.sqlite.org/inmemorydb.html, https://www.sqlite.org/c3ref/vfs.html,
https://www.sqlite.org/c3ref/io_methods.html
"""

import contextlib
import ctypes
import struct
import threading
import time
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_int, c_int64, c_void_p
from typing import Any

from exponential.core.errors import ConfigurationError

NAME = b"memdb"
MAX_BYTES = 2**30  # of one database: SQLite's own limit for memdb (SQLITE_MEMDB_DEFAULT_MAXSIZE)
_OK, _BUSY, _SHORT_READ = 0, 5, 10 | 2 << 8
_MAIN_DB, _READ_WRITE, _CREATE = 0x100, 0x2, 0x4
_UNLOCKED, _SHARED = 0, 1
_COUNTER = 24  # offset of the file change counter, 32 bits: https://www.sqlite.org/fileformat.html §1.3.7
_BUSY_SECONDS, _LOOK_SECONDS = 30.0, 0.0005  # how long a copy waits for a transaction to end; between two looks


# PYFUNCTYPE: none of these waits for anybody, and giving up the GIL twice costs more than the call does.
class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", ctypes.PYFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p, c_int, c_void_p)),
    )


class _Methods(ctypes.Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("xClose", ctypes.PYFUNCTYPE(c_int, c_void_p)),
        ("xRead", ctypes.PYFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)),
        ("xWrite", ctypes.PYFUNCTYPE(c_int, c_void_p, c_char_p, c_int, c_int64)),
        ("xTruncate", ctypes.PYFUNCTYPE(c_int, c_void_p, c_int64)),
        ("xSync", c_void_p),
        ("xFileSize", ctypes.PYFUNCTYPE(c_int, c_void_p, POINTER(c_int64))),
        ("xLock", ctypes.PYFUNCTYPE(c_int, c_void_p, c_int)),
        ("xUnlock", ctypes.PYFUNCTYPE(c_int, c_void_p, c_int)),
    )


class SqliteFailed(Exception):
    """A method of the VFS returned this result code: https://www.sqlite.org/rescode.html"""

    def __init__(self, code: int) -> None:
        super().__init__(f"SQLite result code {code}")
        self.code = code


def _find(library: Any) -> int | None:
    """The address of the VFS; None where this library has none."""
    library.sqlite3_vfs_find.argtypes, library.sqlite3_vfs_find.restype = [c_char_p], c_void_p
    found: int | None = library.sqlite3_vfs_find(NAME)
    return found


def install(library: Any) -> None:
    """From now on the SQLite in `library` opens everything in memory. Raises ConfigurationError when it can't."""
    try:
        address, register = _find(library), library.sqlite3_vfs_register
    except AttributeError:
        address = None
    if not address:
        raise ConfigurationError(
            "This build of the WhatsApp client has no SQLite that works in memory, so credentials would lie on disk; "
            "nothing was opened. Install the version of neonize that this release names."
        )
    register.argtypes, register.restype = [c_void_p, c_int], c_int
    if register(address, 1) != _OK:
        raise ConfigurationError("The WhatsApp client's SQLite refused to work in memory; nothing was opened.")


def change_counter(content: bytes) -> int:
    """How many transactions have changed this database: it grows by one with each. 0 for an empty one."""
    return int.from_bytes(content[_COUNTER : _COUNTER + 4], "big")


class MemoryDatabase:
    """One database, named `name` (it begins with "/", and no other one ever had it), with this content.

    Its methods may be called on any thread. Each raises SqliteFailed, and after `close` ValueError.
    """

    def __init__(self, library: Any, name: str, content: bytes = b"") -> None:
        self.name = name
        vfs = _Vfs.from_address(_find(library) or 0)
        self._file = ctypes.create_string_buffer(vfs.szOsFile)
        self._address: int | None = ctypes.addressof(self._file)
        self._lock = threading.RLock()
        _check(vfs.xOpen(ctypes.addressof(vfs), name.encode(), self._address, _MAIN_DB | _READ_WRITE | _CREATE, None))
        self._methods = _Methods.from_address(c_void_p.from_buffer(self._file).value or 0)  # its first field
        if content:
            _check(self._methods.xWrite(self._address, content, len(content), 0))

    def change_counter(self) -> int:
        """See the function of this name. While a transaction is being committed it may count already."""
        return struct.unpack(">I", self._read(4, _COUNTER))[0]  # type: ignore[no-any-return]

    def copy(self) -> bytes:
        """The database as it is between two transactions. Waits for one that is just running."""
        with self._between_transactions(), self._lock:
            return self._read(self._size(), 0)

    def replace(self, content: bytes) -> None:
        """Give it another content, whose change counter must be a higher one: connections see by it what is new."""
        with self._between_transactions(), self._lock:
            _check(self._methods.xTruncate(self._open(), 0))
            _check(self._methods.xWrite(self._open(), content, len(content), 0))

    def close(self) -> None:
        """Wipe it, and let go of it: its memory is free when nothing else has it open. Twice is once."""
        with self._lock:
            if self._address is not None:
                self._methods.xWrite(self._address, bytes(self._size()), self._size(), 0)
                self._methods.xTruncate(self._address, 0)
                self._methods.xClose(self._address)
                self._address = None

    @contextlib.contextmanager
    def _between_transactions(self) -> Iterator[None]:
        end = time.monotonic() + _BUSY_SECONDS
        while (code := self._locked()) == _BUSY and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        _check(code)
        try:
            yield
        finally:
            with self._lock:
                if self._address is not None:
                    self._methods.xUnlock(self._address, _UNLOCKED)

    def _locked(self) -> int:
        with self._lock:
            return int(self._methods.xLock(self._open(), _SHARED))

    def _size(self) -> int:
        found = c_int64()
        with self._lock:
            _check(self._methods.xFileSize(self._open(), ctypes.byref(found)))
        return found.value

    def _read(self, count: int, offset: int) -> bytes:
        """Zeros stand for what lies beyond its end."""
        buffer = ctypes.create_string_buffer(count)
        with self._lock:
            code = self._methods.xRead(self._open(), buffer, count, offset)
        if code != _SHORT_READ:
            _check(code)
        return buffer.raw

    def _open(self) -> int:
        if self._address is None:
            raise ValueError(f"The database {self.name} is closed.")
        return self._address


def _check(code: int) -> None:
    if code != _OK:
        raise SqliteFailed(code)
