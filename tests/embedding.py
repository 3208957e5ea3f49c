"""A real Postgres of a test's own: a server that it may also stop."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exponential import embedded


@contextmanager
def running_postgres() -> Iterator[embedded.EmbeddedPostgres]:
    """In a folder of its own directly below /tmp: its system user must be able to reach it."""
    folder = Path(tempfile.mkdtemp(prefix="exponential-tests-"))
    folder.chmod(0o755)
    server = embedded.start(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
