"""A gateway's data folder: one gateway at a time, and the name under which the other nodes know it."""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from uuid import UUID

from exponential.core import clock
from exponential.core.errors import ConfigurationError
from exponential.core.settings import usable
from exponential.gateway.timing import Timing

FILE_NAME = "node"


def sessions_in(folder: Path) -> set[UUID]:
    """Ids of the sessions that have a folder of their own in `folder`."""
    found = set()
    for path in folder.iterdir():
        with contextlib.suppress(ValueError):
            found.add(UUID(path.name))
    return found


class DataFolder:
    """Holds `folder` until `close`. Raises ConfigurationError when another gateway does."""

    def __init__(self, folder: Path, timing: Timing | None = None) -> None:
        with usable(folder.parent):
            (folder / "sessions").mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not self._locked((timing or Timing()).lock):
            os.close(self._file)
            raise ConfigurationError(
                f"Another gateway runs on the data folder {folder.parent}. Stop it, or give this one a folder of its "
                "own with EXPONENTIAL_DATA."
            )
        if os.fstat(self._file).st_size == 0:
            os.write(self._file, f"exponential-gateway-{clock.new_id()}".encode())
        self.name = os.pread(self._file, 63, 0).decode()

    def close(self) -> None:
        os.close(self._file)

    def _locked(self, within: float) -> bool:
        deadline = time.monotonic() + within
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.1)
