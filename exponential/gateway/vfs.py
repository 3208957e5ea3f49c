"""The SQLite shim beneath the WhatsApp client: every byte it reads or writes passes a cipher on the way.

It is a copy of SQLite's own unix VFS whose xOpen is ours, and whose open files have xRead, xWrite, xTruncate, xSync and
xClose of ours; locks, sizes, shared memory and names stay in C. Only files that were `mount`ed can be opened. SQLite
calls in from threads that Python never made; what C may still call is kept for ever.
https://www.sqlite.org/c3ref/vfs.html
"""

import ctypes
import os
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any

from exponential import log
from exponential.errors import ConfigurationError
from exponential.gateway.pages import BLOCK, KEY, UNIT, PageCipher, file_key

NAME = b"exponential"
OK, CANTOPEN, NOTADB = 0, 14, 26
IOERR_READ, SHORT_READ, IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE, IOERR_CLOSE = (
    10 | n << 8 for n in (1, 2, 3, 4, 6, 16)
)
_MAIN_DB, _NAMELESS = 0x100, 0x200 | 0x400 | 0x1000 | 0x2000  # flags of xOpen: main; temporary files
_SIDE_FILES = {0x800: "-journal", 0x80000: "-wal"}
_log = log.get(__name__)

Sync = Callable[[dict[int, bytes], int], None]  # the units that changed, sealed, by number; size of the file in bytes


class Mount:
    """One store that may be opened: its key, what changed since the last sync, and who is to hear of it."""

    def __init__(self, key: bytes, sync: Sync | None) -> None:
        self.key = key
        self.sync = sync
        self.changed: set[int] = set()


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        *((name, c_void_p) for name in ("xDelete", "xAccess", "xFullPathname")),
        *((name, c_void_p) for name in ("xDlOpen", "xDlError", "xDlSym", "xDlClose")),
        *((name, c_void_p) for name in ("xRandomness", "xSleep", "xCurrentTime", "xGetLastError")),
        *((name, c_void_p) for name in ("xCurrentTimeInt64", "xSetSystemCall", "xGetSystemCall", "xNextSystemCall")),
    )


class _Methods(ctypes.Structure):
    _fields_ = (
        ("iVersion", c_int),
        *((name, c_void_p) for name in ("xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize")),
        *((name, c_void_p) for name in ("xLock", "xUnlock", "xCheckReservedLock", "xFileControl")),
        *((name, c_void_p) for name in ("xSectorSize", "xDeviceCharacteristics")),
        *((name, c_void_p) for name in ("xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap", "xFetch", "xUnfetch")),
    )


_OPEN = (c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_TRANSFER = (c_int, c_void_p, c_void_p, c_int, c_int64)
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "xRead": _TRANSFER,
    "xWrite": _TRANSFER,
    "xTruncate": (c_int, c_void_p, c_int64),
    "xSync": (c_int, c_void_p, c_int),
    "xClose": (c_int, c_void_p),
    "xFileSize": (c_int, c_void_p, POINTER(c_int64)),
}
_mounts: dict[str, Mount] = {}
_files: dict[int, "_File"] = {}  # by the address of SQLite's sqlite3_file
_kept: list[Any] = []  # what C holds pointers to


class _Original:
    """The unix VFS's methods for one kind of file, and the copy with ours in it that SQLite sees."""

    def __init__(self, address: int) -> None:
        table = _Methods.from_address(address)
        for name, signature in _SIGNATURES.items():
            # Fast ones keep the GIL: giving it up twice per page costs more than the page does.
            kind = ctypes.CFUNCTYPE if name == "xSync" else ctypes.PYFUNCTYPE
            setattr(self, name, kind(*signature)(getattr(table, name)))
        self.ours = _Methods.from_buffer_copy(table)
        self.ours.iVersion = min(2, table.iVersion)  # 3 would allow memory maps, which no cipher sees
        for name, callback in _callbacks.items():
            setattr(self.ours, name, ctypes.cast(callback, c_void_p))


class _File:
    """One open file: sealed below, plain above."""

    def __init__(self, address: int, original: Any, key: bytes, mount: Mount | None, main: bool) -> None:
        self.address = address
        self._original = original
        self._cipher = PageCipher(key)
        self._mount = mount
        self._main = main

    def size(self) -> int:
        """In bytes."""
        found = c_int64()
        _check(self._original.xFileSize(self.address, ctypes.byref(found)))
        return found.value

    def fits(self) -> bool:
        return not self._main or self._cipher.fits(self._raw(0, BLOCK)[0])

    def read(self, target: int, count: int, offset: int) -> int:
        start, end = offset - offset % BLOCK, _up(offset + count)
        sealed, result = self._raw(start, end - start)
        ctypes.memmove(target, self._cipher.open(start, sealed)[offset - start :], count)
        return result

    def write(self, data: bytes, offset: int) -> int:
        end = offset + len(data)
        if self._mount is not None and self._main:
            self._mount.changed.update(range(offset // UNIT, (end - 1) // UNIT + 1))
        start = offset - offset % BLOCK
        if start != offset:
            data = self._plain(start)[: offset - start] + data
        if end % BLOCK:
            data += self._plain(end - end % BLOCK)[end % BLOCK :]
        return int(self._original.xWrite(self.address, self._cipher.seal(start, data), len(data), start))

    def truncate(self, size: int) -> int:
        before = self.size()
        _check(self._original.xTruncate(self.address, _up(size)))
        if self._mount is not None and self._main:  # what grows back later may be holes: those count as changed
            self._mount.changed.update(range(size // UNIT, before // UNIT + 1))
        return self.write(bytes(-size % BLOCK), size) if size % BLOCK and size < before else OK

    def sync(self, flags: int) -> int:
        mount = self._mount
        if mount is None or mount.sync is None:
            return int(self._original.xSync(self.address, flags))
        if self._main:  # its home is elsewhere; the file is a cache that no power cut needs to spare
            size = self.size()
            numbers = sorted(number for number in mount.changed if number * UNIT < size)
            units = {number: self._raw(number * UNIT, min(UNIT, size - number * UNIT))[0] for number in numbers}
            mount.sync(units, size)
            mount.changed.clear()
        return OK

    def close(self) -> int:
        _files.pop(self.address, None)
        return int(self._original.xClose(self.address))

    def _plain(self, position: int) -> bytes:
        return self._cipher.open(position, self._raw(position, BLOCK)[0])

    def _raw(self, position: int, count: int) -> tuple[bytes, int]:
        """Sealed bytes, zeros beyond the end, and OK or SHORT_READ."""
        buffer = ctypes.create_string_buffer(count)
        result = self._original.xRead(self.address, buffer, count, position)
        if result not in (OK, SHORT_READ):
            raise _Failed(result)
        return buffer.raw, result


class _Failed(Exception):
    """A method beneath returned this SQLite code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SQLite code {code}")
        self.code = code


def _check(code: int) -> None:
    if code != OK:
        raise _Failed(code)


def _up(size: int) -> int:
    return size + -size % BLOCK


def _guarded(failure: int, method: Callable[..., int]) -> Callable[..., int]:
    """`method` for C: whatever it raises becomes a SQLite code; an exception there would return garbage."""

    def call(*arguments: Any) -> int:
        try:
            return method(*arguments)
        except _Failed as error:
            return error.code
        except BaseException as error:
            _log.error("store_failed", error=error, code=failure)
            return failure

    return call


_METHODS: dict[str, Callable[..., int]] = {
    "xRead": _guarded(IOERR_READ, lambda file, target, count, offset: _files[file].read(target, count, offset)),
    "xWrite": _guarded(
        IOERR_WRITE, lambda file, data, count, offset: _files[file].write(ctypes.string_at(data, count), offset)
    ),
    "xTruncate": _guarded(IOERR_TRUNCATE, lambda file, size: _files[file].truncate(size)),
    "xSync": _guarded(IOERR_FSYNC, lambda file, flags: _files[file].sync(flags)),
    "xClose": _guarded(IOERR_CLOSE, lambda file: _files[file].close()),
}
_callbacks = {name: ctypes.CFUNCTYPE(*_SIGNATURES[name])(method) for name, method in _METHODS.items()}


def mount(path: Path, key: bytes, sync: Sync | None = None) -> Mount:
    """Let SQLite open the store at `path`, sealed with a key made from `key` (see pages.session_key).

    `sync` is called at each sync of the database file, once per transaction, with what has changed; if it raises, the
    transaction fails. With it the file is a cache: it is not synced itself any more.
    """
    mounted = _mounts[os.path.realpath(path)] = Mount(key, sync)
    return mounted


def unmount(path: Path) -> None:
    """From now on SQLite can't open it; files that are open stay so."""
    _mounts.pop(os.path.realpath(path), None)


def install(library: Any, *, default: bool = True) -> None:
    """Register the shim with the SQLite in `library`, as its default. Raises ConfigurationError when that can't be."""
    try:
        find, register = library.sqlite3_vfs_find, library.sqlite3_vfs_register
    except AttributeError:
        raise ConfigurationError(
            "This build of the WhatsApp client hides its SQLite, so credentials can't be encrypted and nothing was "
            "opened. Install the version of neonize that this release names."
        ) from None
    find.argtypes, find.restype = [c_char_p], c_void_p
    register.argtypes, register.restype = [c_void_p, c_int], c_int
    unix = find(b"unix")
    if not unix:
        raise ConfigurationError("The WhatsApp client's SQLite has no unix VFS; credentials can't be encrypted here.")
    ours = _Vfs.from_buffer_copy(_Vfs.from_address(unix))
    open_ = ctypes.CFUNCTYPE(*_OPEN)(_guarded(CANTOPEN, _opener(unix, ours.xOpen)))
    ours.zName, ours.pNext, ours.xOpen = NAME, None, ctypes.cast(open_, c_void_p)
    _kept.extend((ours, open_, _callbacks))
    if register(ctypes.addressof(ours), int(default)) != OK:
        raise ConfigurationError("SQLite refused the encrypting shim; nothing was opened.")


def _opener(unix: int, address: int) -> Callable[..., int]:
    real = ctypes.CFUNCTYPE(*_OPEN)(address)
    originals: dict[int, _Original] = {}

    def opened(_vfs: int, name: int | None, file: int, flags: int, out_flags: int | None) -> int:
        key, mounted = _key_of(name, flags)
        _check(real(unix, name, file, flags, out_flags))
        methods = c_void_p.from_address(file)  # the first field of sqlite3_file
        table = methods.value or 0
        original = originals.get(table)
        if original is None:
            original = originals[table] = _Original(table)
            _kept.append(original)
        ours = _File(file, original, key, mounted, bool(flags & _MAIN_DB))
        if not ours.fits():  # before SQLite sees it: it would delete a journal that it can't read
            ours.close()
            methods.value = None
            return NOTADB
        _files[file] = ours
        methods.value = ctypes.addressof(original.ours)
        return OK

    return opened


def _key_of(name: int | None, flags: int) -> tuple[bytes, Mount | None]:
    """The key of a file that SQLite opens. Raises _Failed for what belongs to no mounted store."""
    if name is None or flags & _NAMELESS:
        return os.urandom(KEY), None  # gone when it is closed
    path = os.fsdecode(ctypes.string_at(name))
    suffix = next((suffix for flag, suffix in _SIDE_FILES.items() if flags & flag), "")
    mounted = _mounts.get(path.removesuffix(suffix)) if suffix or flags & _MAIN_DB else None
    if mounted is None:
        raise _Failed(CANTOPEN)
    return file_key(mounted.key, suffix), mounted
