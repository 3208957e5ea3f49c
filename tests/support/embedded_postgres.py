"""A real Postgres of a test's own: a server that it may also stop, and folders that it can reach."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exponential.core.postgres import embedded


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A new folder directly below /tmp, where Postgres's system user can reach it. It stays when something fails."""
    folder = Path(tempfile.mkdtemp(prefix="exponential-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres() -> Iterator[embedded.EmbeddedPostgres]:
    """In a folder of its own."""
    with reachable_folder() as folder:
        server = embedded.start(folder)
        yield server
        server.stop()
