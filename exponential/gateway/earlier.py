"""What versions before this one left behind: credential stores as plain SQLite files. Read once, then removed."""

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

PLAIN = "store.db"


def read(folder: Path) -> bytes:
    """The content of the plain store in a session's folder, whole even when its last owner was killed in a commit.

    b"" when there is none. Waits for a client of that version that still holds the folder. Blocking. Raises ValueError
    when it is no SQLite file.
    """
    path = folder / PLAIN
    if not path.exists() or not path.stat().st_size:
        return b""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with closing(sqlite3.connect(path)) as store:
            store.execute("select count(*) from sqlite_master").fetchall()  # plays back what a kill left half done
            return store.serialize()
    except sqlite3.DatabaseError:
        raise ValueError(f"{PLAIN} is no SQLite file") from None
    finally:
        os.close(lock)
