"""The gateway's lease as its workers see it: until when its sessions are its own.

It is a page of shared memory, not a command on the wire: a worker that is busy with fifty logins sees at once that it
was renewed, and so does one that its gateway has much to tell.
"""

import math
import mmap
import os
import struct
import tempfile

_UNTIL = struct.Struct("d")  # eight bytes at the beginning of a page, written in one go


class Lease:
    """`until` is a time.monotonic(), which is the same in all processes of a machine; inf before the first renewal.

    A worker opens its gateway's lease by the file descriptor that it inherits, `fd`.
    """

    def __init__(self, fd: int | None = None) -> None:
        if fd is None:
            with tempfile.TemporaryFile() as file:
                file.write(_UNTIL.pack(math.inf).ljust(mmap.PAGESIZE, b"\0"))
                file.flush()
                fd = os.dup(file.fileno())
        self.fd = fd
        self._page = mmap.mmap(fd, mmap.PAGESIZE)

    @property
    def until(self) -> float:
        return float(_UNTIL.unpack_from(self._page)[0])

    @until.setter
    def until(self, moment: float) -> None:
        _UNTIL.pack_into(self._page, 0, moment)

    def close(self) -> None:
        self._page.close()
        os.close(self.fd)
